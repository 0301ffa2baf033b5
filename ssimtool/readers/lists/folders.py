"""List the images of a folder."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import reading, shown
from ssimtool.readers.kinds import special_kind

# Files to take from a folder: formats that are decoded to pixels, and arrays.
IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "avif", "avifs", "bmp", "dib"),
        *("tif", "tiff", "gif", "ppm", "pgm", "pbm", "pnm", "pfm", "jp2", "j2k", "j2c", "jpc"),
        *("jpf", "jpx", "tga", "ico", "icns", "dds", "pcx", "qoi", "sgi", "bw", "rgb", "rgba"),
        *("jxl", "pam", "npy"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Choice of files in a folder: those that match `include` (if not empty) and not `exclude`.

    A pattern without a slash is compared with the name; a pattern with a slash is compared with the
    path relative to the folder, and its * matches slashes as well.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Whether to take the file at a path relative to the folder, with forward slashes."""
        kept = not self.include or any(_matches(path, p) for p in self.include)
        return kept and not any(_matches(path, p) for p in self.exclude)


def unheard(warning: str) -> None:
    """Ignore a warning."""


def _matches(path: str, pattern: str) -> bool:
    if sys.platform == "win32":  # users may write folder\*.png
        pattern = pattern.replace("\\", "/")
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def joined(folder: str, path: str) -> str:
    """Return the path of a file from its folder and its path below, with forward slashes."""
    return os.path.join(folder, *path.split("/"))


def images_below(
    folder: str,
    files: Filter,
    *,
    allow_empty: bool = False,
    warn: Callable[[str], object] = unheard,
) -> list[str]:
    """List the images in a folder and its subfolders, sorted: relative paths with forward slashes.

    Hidden files and folders are skipped. Links to folders are followed, but not in circles. Pipes,
    devices and sockets are skipped, and `warn` is called once if there are any.

    Raises:
        SsimtoolError: `not_found`, no such folder; `unreadable`; `empty`, no image in it, unless
            `allow_empty`.
    """
    if not os.path.isdir(folder):
        fault = "is a file" if os.path.exists(folder) else "no such folder"
        raise SsimtoolError(
            "not_found",
            f"{shown(folder)}: {fault}, expected a folder of images; check the path and the name",
        )
    every = dict(_walk(folder, "", ()))
    images = [p for p in every if PurePosixPath(p).suffix.lower() in IMAGE_SUFFIXES]
    matching = sorted((p for p in images if files.takes(p)), key=lambda p: p.split("/"))
    taken = [path for path in matching if every[path] is None]
    if len(taken) < len(matching):
        first = next(path for path in matching if every[path] is not None)
        fault = f"{shown(joined(folder, first))} is {every[first]}, not a regular file"
        if not taken:
            raise SsimtoolError("unreadable", f"{fault}; {shown(folder)} has no other image")
        number = counted(len(matching) - len(taken), "name")
        warn(f"{fault} ({number} of {shown(folder)} skipped)")
    if not taken and not allow_empty:
        raise _no_images(folder, files, tuple(every), len(images))
    return taken


def _walk(folder: str, prefix: str, above: tuple[object, ...]) -> Iterator[tuple[str, str | None]]:
    """Yield the path below the folder of each file, and its kind if it is not a regular file."""
    with reading(folder):
        status = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    # Some file systems do not number their files: all folders would look the same there.
    identity = (status.st_dev, status.st_ino or os.path.realpath(folder))
    if identity in above:  # a link to a folder above
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder = entry.is_dir()
            kind = None if is_folder or entry.is_file() else special_kind(entry.stat())
        except OSError:  # a broken link: an error when its pair is read
            is_folder, kind = False, None
        if is_folder:
            yield from _walk(entry.path, f"{prefix}{entry.name}/", (*above, identity))
        else:
            yield f"{prefix}{entry.name}", kind


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _no_images(folder: str, files: Filter, every: Sequence[str], skipped: int) -> SsimtoolError:
    if skipped:
        options = [f"--include {pattern!r}" for pattern in files.include]
        options += [f"--exclude {pattern!r}" for pattern in files.exclude]
        chosen = " ".join(options)
        verdict = f"{chosen} leave no file" if files.exclude else f"no file matches {chosen}"
        fault = f"{verdict} ({counted(skipped, 'image')} skipped); "
        fault += "change these options, or pass --allow-empty"
    elif not every:
        fault = "folder is empty, expected images; check the path, or pass --allow-empty"
    else:
        counts = Counter(PurePosixPath(p).suffix.lower() or "without a suffix" for p in every)
        listed = ", ".join(f"{n} {suffix}" for suffix, n in counts.most_common(5))
        fault = (
            f"folder has no images ({counted(len(every), 'other file')}: {listed}), expected "
            ".png, .jpg, .webp, .tif, .npy and the like; use another folder, list the "
            "files in a manifest (--pairs), or pass --allow-empty"
        )
    return SsimtoolError("empty", f"{shown(folder)}: {fault}")
