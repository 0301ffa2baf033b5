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
from ssimtool.errors import OutputError, SsimtoolError, printable
from ssimtool.readers.files import shown
from ssimtool.readers.lists.manifest import read_manifest
from ssimtool.readers.lists.pairs import PairInput, files_of, find_pairs, nothing_paired
from ssimtool.records.batch import Unmatched
from ssimtool.records.verdicts import Failure
from ssimtool.same_file import OwnFiles


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
        own: existing files that the run replaces, which no input may be.
    """

    def __init__(
        self,
        request: BatchRequest,
        maps: MapFolder | None,
        journal: Journal | None,
        own: OwnFiles | None = None,
    ) -> None:
        self._request, self._maps, self._own = request, maps, own or OwnFiles()
        self._journal = journal if journal is not None and journal.resumed else None
        self.total: int | None = None
        self.unmatched = Unmatched(policy=request.unmatched)
        self.warnings: list[str] = []

    def jobs(self) -> Iterator[Job]:
        """Yield a job for each pair; may wait for the next pair of a list.

        Raises:
            SsimtoolError: a folder or a list that cannot be read; `empty`, there is no pair.
            OutputError: an output is an input, or a map would replace what is no map.
        """
        pair, pairs = None, self._pairs()
        if self._maps or self._own:
            self._check_outputs(pairs)
            pairs = map(self._refused, pairs)
        for pair in pairs:
            path = self._maps.path_of(pair) if self._maps and pair.problem is None else None
            kept = None
            if self._journal is not None:
                key = key_of(pair.id, pair.reference, pair.distorted)
                kept = self._journal.take(key, partial(self._is_current, pair=pair, path=path))
            yield Job(pair, path, kept)
        if pair is None and not self._request.allow_empty:
            raise self._nothing()

    def _check_outputs(self, pairs: Iterable[PairInput]) -> None:
        """Check the outputs against the whole input, unless it is a stream.

        Raises:
            OutputError: an output is an input, or a map would replace what is no map.
        """
        manifest = self._request.source.manifest
        if manifest is not None:
            pairs = self._pairs() if os.path.isfile(manifest) else ()
        scan = None if self._maps is None else MapFolder(self._maps.folder, self._maps.style)
        for pair in pairs:
            if pair.problem is not None:
                continue
            fault = self._fault(pair)
            if fault is not None:
                raise OutputError(fault)
            if scan is not None:
                scan.check(scan.path_of(pair))

    def _fault(self, pair: PairInput) -> str | None:
        """Return what the run would do to a file of a pair that must stay as it is."""
        for path in files_of(pair):
            if (output := self._own.same_as(path)) is not None:
                return f"cannot write {printable(output)}: it is also an input ({shown(path)})"
        held = None if self._maps is None else self._maps.holds(pair)
        if held is None or self._maps is None:
            return None
        return (
            f"{shown(held)}: is in the map folder {printable(self._maps.folder)}, where a map "
            "could overwrite it; pass --maps another folder"
        )

    def _refused(self, pair: PairInput) -> PairInput:
        """Return a pair with a problem if it names a file of this run.

        Only a stream can still do so; its earlier pairs are written.
        """
        fault = self._fault(pair) if pair.problem is None else None
        return pair if fault is None else replace(pair, problem=Failure("unsupported", fault))

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
