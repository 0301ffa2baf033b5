"""Find the images to compare: the pairs of two folders, or of one file and a folder."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import check_regular, reading, shown
from ssimtool.readers.kinds import special_kind
from ssimtool.readers.lists.partners import no_partners, partners_of
from ssimtool.records.batch import Unmatched
from ssimtool.records.verdicts import Failure

if TYPE_CHECKING:
    from ssimtool.readers.memory import ImageInput

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
class PairInput:
    """Names of two images to compare.

    `id` and `columns` are the other fields of a manifest's line; `problem` says why a line does not
    name a pair. `below` is the path of the distorted image relative to its folder. `images` are the
    images themselves, if they are in memory or not named by text. `warnings` are about the line.
    """

    reference: str
    distorted: str
    id: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    below: str | None = None
    problem: Failure | None = None
    images: tuple[ImageInput, ImageInput] | None = None
    warnings: tuple[str, ...] = ()


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


def _unheard(warning: str) -> None:
    pass


def _matches(path: str, pattern: str) -> bool:
    if sys.platform == "win32":  # users may write folder\*.png
        pattern = pattern.replace("\\", "/")
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def find_pairs(
    reference: str,
    distorted: str,
    files: Filter,
    *,
    allow_empty: bool = False,
    warn: Callable[[str], object] = _unheard,
) -> tuple[tuple[PairInput, ...], Unmatched]:
    """Find the pairs of two folders, or of one file and a folder, sorted by path.

    Files of two folders are paired by relative path, as `partners_of` describes.

    Args:
        reference, distorted: two folders, or a folder and a file.
        files: filter for the files of folders.
        allow_empty: whether a folder may have no images.
        warn: called with a sentence on each folder of which something was skipped.

    Returns:
        the pairs, and the files without a partner.

    Raises:
        SsimtoolError: `not_found` or `unreadable`, a folder does not exist or cannot be read;
            `empty`, it has no images.
    """
    below = partial(images_below, files=files, allow_empty=allow_empty, warn=warn)
    if _is_file(reference):
        check_regular(reference)
        return _against_one(distorted, below(distorted), lambda image: (reference, image))
    if _is_file(distorted):
        check_regular(distorted)
        return _against_one(reference, below(reference), lambda image: (image, distorted))
    x, y = below(reference), below(distorted)
    partners = partners_of(x, y)
    taken = set(partners.values())
    pairs = tuple(
        PairInput(
            reference=_joined(reference, path),
            distorted=_joined(distorted, partners[path]),
            below=partners[path],
        )
        for path in x
        if path in partners
    )
    return pairs, Unmatched(
        reference=tuple(_joined(reference, path) for path in x if path not in partners),
        distorted=tuple(_joined(distorted, path) for path in y if path not in taken),
    )


def nothing_paired(reference: str, distorted: str, unmatched: Unmatched) -> SsimtoolError:
    """Return the error of two folders, or a file and a folder, without a pair: `empty`.

    Both sides of `unmatched` hold the files of their folder, at least one in one of them.
    """
    sides = ((reference, unmatched.reference), (distorted, unmatched.distorted))
    x, y = ([p.removeprefix(_joined(folder, "")) for p in paths] for folder, paths in sides)
    folders = " and ".join(shown(folder) for folder, _ in sides)
    if not (x and y):
        return SsimtoolError("empty", f"{folders}: no images to compare; pass --allow-empty")
    images = f"{_counted(len(x), 'image')} and {_counted(len(y), 'image')}"
    return SsimtoolError(
        "empty",
        f"{folders}: no name of one is in the other ({images}), for example "
        f"{printable(no_partners(x, y))}; rename the files, list the pairs in a manifest "
        "(--pairs), or pass --allow-empty",
    )


def _is_file(path: str) -> bool:
    return os.path.exists(path) and not os.path.isdir(path)


def _against_one(
    folder: str, images: Sequence[str], paired: Callable[[str], tuple[str, str]]
) -> tuple[tuple[PairInput, ...], Unmatched]:
    pairs = []
    for path in images:
        reference, distorted = paired(_joined(folder, path))
        pairs.append(PairInput(reference=reference, distorted=distorted, below=path))
    return tuple(pairs), Unmatched()


def _joined(folder: str, path: str) -> str:
    return os.path.join(folder, *path.split("/"))


def images_below(
    folder: str,
    files: Filter,
    *,
    allow_empty: bool = False,
    warn: Callable[[str], object] = _unheard,
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
        fault = f"{shown(_joined(folder, first))} is {every[first]}, not a regular file"
        if not taken:
            raise SsimtoolError("unreadable", f"{fault}; {shown(folder)} has no other image")
        number = _counted(len(matching) - len(taken), "name")
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


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _no_images(folder: str, files: Filter, every: Sequence[str], skipped: int) -> SsimtoolError:
    if skipped:
        options = [f"--include {pattern!r}" for pattern in files.include]
        options += [f"--exclude {pattern!r}" for pattern in files.exclude]
        chosen = " ".join(options)
        verdict = f"{chosen} leave no file" if files.exclude else f"no file matches {chosen}"
        fault = f"{verdict} ({_counted(skipped, 'image')} skipped); "
        fault += "change these options, or pass --allow-empty"
    elif not every:
        fault = "folder is empty, expected images; check the path, or pass --allow-empty"
    else:
        counts = Counter(PurePosixPath(p).suffix.lower() or "without a suffix" for p in every)
        listed = ", ".join(f"{n} {suffix}" for suffix, n in counts.most_common(5))
        fault = (
            f"folder has no images ({_counted(len(every), 'other file')}: {listed}), expected "
            ".png, .jpg, .webp, .tif, .npy and the like; use another folder, list the "
            "files in a manifest (--pairs), or pass --allow-empty"
        )
    return SsimtoolError("empty", f"{shown(folder)}: {fault}")
