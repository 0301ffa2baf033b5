"""Pairs of a batch, prepared as jobs for the threads that score them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ssimtool.batch.journal import Journal, Kept, key_of
from ssimtool.batch.map_folder import MapFolder
from ssimtool.batch.request import BatchRequest
from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.lists.manifest import read_manifest
from ssimtool.readers.lists.pairs import PairInput, find_pairs, nothing_paired
from ssimtool.records.batch import Unmatched


@dataclass(frozen=True)
class Job:
    """A pair to score.

    Args:
        pair: the pair.
        map: path of its map.
        kept: its record from an earlier run; the pair is not computed again.
    """

    pair: PairInput
    map: str | None = None
    kept: Kept | None = None


class Intake:
    """Jobs for the pairs of the input, in their order.

    Once folders are read, `total` is the number of pairs and `unmatched` the files without a
    partner; `warnings` are about the folders or the list as a whole.

    Args:
        request: the source of the pairs, and the pairs that have a map.
        maps: chooses the path of each map; None: no maps.
        journal: records of an earlier run; None: there are none.
    """

    def __init__(
        self, request: BatchRequest, maps: MapFolder | None, journal: Journal | None
    ) -> None:
        self._request, self._maps = request, maps
        self._journal = journal if journal is not None and journal.resumed else None
        self.total: int | None = None
        self.unmatched = Unmatched(policy=request.unmatched)
        self.warnings: list[str] = []

    def jobs(self) -> Iterator[Job]:
        """Yield a job for each pair; may wait for the next pair of a list.

        Raises:
            SsimtoolError: a folder or a list that cannot be read; `empty`, there is no pair.
            OutputError: a map could be written over an image.
        """
        pair = None
        for pair in self._pairs():
            path = self._maps.path_of(pair) if self._maps and pair.problem is None else None
            kept = None
            if self._journal is not None:
                key = key_of(pair.id, pair.reference, pair.distorted)
                kept = self._journal.take(key, partial(self._is_current, pair=pair, path=path))
            yield Job(pair, path, kept)
        if pair is None and not self._request.allow_empty:
            raise self._nothing()

    def _nothing(self) -> SsimtoolError:
        """Return the reason why there is nothing to compare."""
        source = self._request.source
        if source.manifest is None:
            reference, distorted = source.inputs
            return nothing_paired(reference, distorted, self.unmatched)
        return SsimtoolError(
            "empty",
            f"{shown(source.manifest)}: lists no pair, expected reference,distorted on each line; "
            "check the list, or pass --allow-empty",
        )

    def _pairs(self) -> Iterable[PairInput]:
        source = self._request.source
        if source.several:
            self.total = len(source.several)
            reference = source.inputs[0]
            return [PairInput(reference=reference, distorted=path) for path in source.several]
        if source.manifest is not None:
            return read_manifest(source.manifest, null=source.null, base=source.base)
        reference, distorted = source.inputs
        pairs, unmatched = find_pairs(
            reference,
            distorted,
            source.files,
            allow_empty=self._request.allow_empty,
            warn=self.warnings.append,
        )
        self.unmatched = replace(unmatched, policy=self._request.unmatched)
        self.total = len(pairs)
        return pairs

    def _is_current(self, record: Mapping[str, Any], *, pair: PairInput, path: str | None) -> bool:
        """Return whether a record equals what would be computed now, and its map exists."""
        if record["columns"] != dict(pair.columns):
            return False
        maps = self._request.maps
        if path is None or maps is None or not maps.includes(record["status"]):
            return True
        return bool(record["map"] == path and os.path.exists(path))
