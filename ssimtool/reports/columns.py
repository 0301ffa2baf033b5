"""All pairs as one block of JSON for the table of a page, stored by column to save space."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ssimtool.readers.regions import MASK, REGION
from ssimtool.records.comparison import Comparison
from ssimtool.reports.frames import frames_words
from ssimtool.reports.rows import region_lines, title_of

PASSED_THROUGH = 8  # maximum number of manifest columns in the table
DIGITS = 8  # significant digits; enough for the 6 that are shown, also of an SSIM near 1


def embedded(value: Any) -> str:
    r"""Return JSON for a <script> element: no character in it can end the element or a line.

    >>> embedded("</script> & caf\u00e9 \u2028")
    '"\\u003c/script\\u003e \\u0026 café \\u2028"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Lone surrogates, from names that are not UTF-8, must be escaped; they occur only in strings.
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda c: f"\\u{ord(c[0]):04x}", text)


def columns_of(comparisons: Sequence[Comparison], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return the columns of the table of all pairs.

    Args:
        comparisons: the pairs, in the order of the table.
        metrics: names of the metrics that have a column.

    Returns:
        for each column `key`, `title`, `kind` (`number`, `text`, `path` or `status`) and `values`,
        where null means no value and "inf" infinity. A path is stored as the index of its folder in
        `folders`, and its name.
    """
    columns = [
        _column("status", "Status", "status", [r.status for r in comparisons]),
        _paths("reference", "Reference", [r.reference for r in comparisons]),
        _paths("distorted", "Distorted", [r.distorted for r in comparisons]),
        *(_numbers(name, comparisons) for name in metrics),
        _column("size", "Size", "text", [_size(r) for r in comparisons]),
        _column("frames", "Frames", "text", [frames_words(r) for r in comparisons]),
        _column("region", "Region of interest", "text", [_region(r) for r in comparisons]),
        _column("id", "Id", "text", [r.id for r in comparisons]),
        *(
            _column(f"columns.{name}", name, "text", [r.columns.get(name) for r in comparisons])
            for name in _passed_through(comparisons)
        ),
        _column("remarks", "Remarks", "text", [remarks(r) for r in comparisons]),
    ]
    always = {"status", "reference", "distorted"}
    return [c for c in columns if c["key"] in always or any(v is not None for v in c["values"])]


def remarks(record: Comparison) -> str | None:
    """Return the error, the failed thresholds and the warnings of a pair, as one text."""
    texts = [record.error.message] if record.error else []
    for verdict in record.thresholds:
        if not verdict.holds:
            limit = "under" if verdict.op == "under" else "over"
            texts.append(f"{verdict.name} is {limit} {verdict.value:g}")
    texts += record.warnings
    return "; ".join(texts) or None


def _column(key: str, title: str, kind: str, values: Iterable[Any]) -> dict[str, Any]:
    return {"key": key, "title": title, "kind": kind, "values": list(values)}


def _numbers(name: str, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    title = title_of(name)
    values = (_number(record.metrics.get(name)) for record in comparisons)
    return _column(name, title, "number", values)


def _number(value: float | None) -> Any:
    if value is None or math.isfinite(value):
        return value and float(f"{value:.{DIGITS}g}")
    return "inf"


def _paths(key: str, title: str, paths: Sequence[str]) -> dict[str, Any]:
    """Return a column of paths; each folder is stored once, because many paths share it."""
    # Records may have been written on Windows, whatever system reads them.
    cuts = [1 + max(path.rfind("/"), path.rfind("\\")) for path in paths]
    folders = [path[:cut] for path, cut in zip(paths, cuts, strict=True)]
    names = (path[cut:] for path, cut in zip(paths, cuts, strict=True))
    number = {folder: i for i, folder in enumerate(dict.fromkeys(folders))}
    column = _column(key, title, "path", names)
    return {**column, "folders": list(number), "folder": [number[f] for f in folders]}


def _size(record: Comparison) -> str | None:
    return f"{record.width}×{record.height}" if record.width and record.height else None


def _region(record: Comparison) -> str | None:
    return "; ".join(f"{role} {text}" for role, text in region_lines(record)) or None


def _passed_through(comparisons: Sequence[Comparison]) -> list[str]:
    names = dict.fromkeys(name for record in comparisons for name in record.columns)
    return [name for name in names if name not in (MASK, REGION)][:PASSED_THROUGH]
