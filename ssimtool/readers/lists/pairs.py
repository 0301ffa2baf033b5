"""Find the images to compare: the pairs of two folders, or of one file and a folder."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import reading, shown
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
    images themselves, if they are in memory or not named by text.
    """

    reference: str
    distorted: str
    id: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    below: str | None = None
    problem: Failure | None = None
    images: tuple[ImageInput, ImageInput] | None = None


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


def _matches(path: str, pattern: str) -> bool:
    if sys.platform == "win32":  # users may write folder\*.png
        pattern = pattern.replace("\\", "/")
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def find_pairs(
    reference: str, distorted: str, files: Filter
) -> tuple[tuple[PairInput, ...], Unmatched]:
    """Find the pairs of two folders, or of one file and a folder, sorted by path.

    Files of two folders are paired by relative path. The others are paired by relative path without
    the suffix, if only one file of each folder has that path.

    Returns:
        the pairs, and the files without a partner.

    Raises:
        SsimtoolError: a folder does not exist, cannot be read or has no images.
    """
    if _is_file(reference):
        return _against_one(distorted, files, lambda image: (reference, image))
    if _is_file(distorted):
        return _against_one(reference, files, lambda image: (image, distorted))
    x, y = images_below(reference, files), images_below(distorted, files)
    partners = _partners(x, y)
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


def _is_file(path: str) -> bool:
    return os.path.exists(path) and not os.path.isdir(path)


def _against_one(
    folder: str, files: Filter, paired: Callable[[str], tuple[str, str]]
) -> tuple[tuple[PairInput, ...], Unmatched]:
    pairs = []
    for path in images_below(folder, files):
        reference, distorted = paired(_joined(folder, path))
        pairs.append(PairInput(reference=reference, distorted=distorted, below=path))
    return tuple(pairs), Unmatched()


def _partners(x: Sequence[str], y: Sequence[str]) -> dict[str, str]:
    """Partners: for each path of x that has one, its path in y."""
    there = set(y)
    same = {path: path for path in x if path in there}
    count_x, count_y = Counter(map(_stem, x)), Counter(map(_stem, y))
    by_stem = {_stem(path): path for path in y if path not in same}
    alike = {
        path: by_stem[stem]
        for path in x
        if (stem := _stem(path)) in by_stem and count_x[stem] == count_y[stem] == 1
    }
    return same | alike


def _stem(path: str) -> str:
    return path[: len(path) - len(PurePosixPath(path).suffix)]


def _joined(folder: str, path: str) -> str:
    return os.path.join(folder, *path.split("/"))


def images_below(folder: str, files: Filter) -> list[str]:
    """List the images in a folder and its subfolders, sorted: relative paths with forward slashes.

    Hidden files and folders are skipped. Links to folders are followed, but not in circles.

    Raises:
        SsimtoolError: `not_found`, no such folder or no image in it; `unreadable`.
    """
    if not os.path.isdir(folder):
        fault = "is a file" if os.path.exists(folder) else "no such folder"
        raise SsimtoolError(
            "not_found",
            f"{shown(folder)}: {fault}, expected a folder of images; check the path and the name",
        )
    every = list(_walk(folder, "", ()))
    images = [p for p in every if PurePosixPath(p).suffix.lower() in IMAGE_SUFFIXES]
    taken = sorted((p for p in images if files.takes(p)), key=lambda p: p.split("/"))
    if not taken:
        raise _no_images(folder, files, every, len(images))
    return taken


def _walk(folder: str, prefix: str, above: tuple[object, ...]) -> Iterator[str]:
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
        if entry.is_dir():
            yield from _walk(entry.path, f"{prefix}{entry.name}/", (*above, identity))
        else:
            yield f"{prefix}{entry.name}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _no_images(folder: str, files: Filter, every: Sequence[str], skipped: int) -> SsimtoolError:
    if skipped:
        options = [f"--include {pattern!r}" for pattern in files.include]
        options += [f"--exclude {pattern!r}" for pattern in files.exclude]
        chosen = " ".join(options)
        verdict = f"{chosen} leave no file" if files.exclude else f"no file matches {chosen}"
        fault = f"{verdict} ({_counted(skipped, 'image')} skipped); change these options"
    elif not every:
        fault = "folder is empty, expected images; check the path"
    else:
        counts = Counter(PurePosixPath(p).suffix.lower() or "without a suffix" for p in every)
        listed = ", ".join(f"{n} {suffix}" for suffix, n in counts.most_common(5))
        fault = (
            f"folder has no images ({_counted(len(every), 'other file')}: {listed}), expected "
            ".png, .jpg, .webp, .tif, .npy and the like; use another folder, or list the files "
            "in a manifest (--pairs)"
        )
    return SsimtoolError("not_found", f"{shown(folder)}: {fault}")
