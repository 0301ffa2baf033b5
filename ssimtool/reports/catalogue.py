"""Rows of the catalogue to text for programs, and to Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from ssimtool.reports.view import View

Rows = Sequence[dict[str, str]]


def catalogue_json(rows: Rows, view: View) -> str:
    """One JSON list."""
    return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"


def catalogue_ndjson(rows: Rows, view: View) -> str:
    """A JSON object for each row, one a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def catalogue_csv(rows: Rows, view: View) -> str:
    """A line of column names and a line for each row."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def catalogue_markdown(rows: Rows, view: View) -> str:
    """A table in GitHub's Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[cell.replace("|", "\\|") for cell in row.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def catalogue_names(rows: Rows, view: View) -> str:
    """The names, one a line."""
    return "".join(f"{row['name']}\n" for row in rows)
