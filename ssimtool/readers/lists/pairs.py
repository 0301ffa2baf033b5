"""Find the images to compare: the pairs of two folders, or of one file and a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import check_regular, shown
from ssimtool.readers.lists.folders import Filter, counted, images_below, joined, unheard
from ssimtool.readers.lists.partners import no_partners, partners_of
from ssimtool.readers.regions import MASK
from ssimtool.records.batch import Unmatched
from ssimtool.records.verdicts import Failure

if TYPE_CHECKING:
    from ssimtool.readers.memory import ImageInput


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


def files_of(pair: PairInput) -> tuple[str, ...]:
    """Return the files that a pair names: two images, and its own mask if it has one."""
    return (pair.reference, pair.distorted, *filter(None, [pair.columns.get(MASK)]))


def find_pairs(
    reference: str,
    distorted: str,
    files: Filter,
    *,
    allow_empty: bool = False,
    warn: Callable[[str], object] = unheard,
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
            reference=joined(reference, path),
            distorted=joined(distorted, partners[path]),
            below=partners[path],
        )
        for path in x
        if path in partners
    )
    return pairs, Unmatched(
        reference=tuple(joined(reference, path) for path in x if path not in partners),
        distorted=tuple(joined(distorted, path) for path in y if path not in taken),
    )


def nothing_paired(reference: str, distorted: str, unmatched: Unmatched) -> SsimtoolError:
    """Return the error of two folders, or a file and a folder, without a pair: `empty`.

    Both sides of `unmatched` hold the files of their folder, at least one in one of them.
    """
    sides = ((reference, unmatched.reference), (distorted, unmatched.distorted))
    x, y = ([p.removeprefix(joined(folder, "")) for p in paths] for folder, paths in sides)
    folders = " and ".join(shown(folder) for folder, _ in sides)
    if not (x and y):
        return SsimtoolError("empty", f"{folders}: no images to compare; pass --allow-empty")
    images = f"{counted(len(x), 'image')} and {counted(len(y), 'image')}"
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
        reference, distorted = paired(joined(folder, path))
        pairs.append(PairInput(reference=reference, distorted=distorted, below=path))
    return tuple(pairs), Unmatched()
