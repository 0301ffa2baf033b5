"""Rows of the catalogue to text for machines, and to Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

Rows = Sequence[dict[str, str]]


def _json(rows: Rows) -> str:
    return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"


def _ndjson(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: Rows) -> str:
    lines = io.StringIO()
    writer = csv.DictWriter(lines, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def _markdown(rows: Rows) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[cell.replace("|", "\\|") for cell in row.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _value(rows: Rows) -> str:
    return "".join(f"{row['name']}\n" for row in rows)


FORMATS: dict[str, Callable[[Rows], str]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "markdown": _markdown,
    "value": _value,
}
