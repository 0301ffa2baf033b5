"""The catalogue as rows of texts, for programs and in Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from ssimtool.catalog import DEFINITIONS
from ssimtool.plugins import known_metrics
from ssimtool.reports.view import View

Rows = Sequence[dict[str, str]]


def metric_rows() -> Rows:
    """Return a row for each metric, those of plug-ins included."""
    return [
        {
            "name": row.name,
            "better": row.better,
            "unit": row.unit,
            "range": row.range,
            "symmetric": "yes" if row.symmetric else "no",
            "smallest side": str(row.smallest_side) if row.smallest_side > 1 else "-",
            "formula": row.formula,
            "source": row.source,
            "plug-in": row.distribution or "-",
        }
        for row in known_metrics().values()
    ]


def definition_rows() -> Rows:
    """Return a row for each definition of SSIM."""
    return [
        {
            "name": row.name,
            "window": f"{row.window} {row.window_size}"
            + (f", sigma {row.sigma:g}" if row.sigma else ""),
            "border": row.border,
            "averaged": {"valid": "windows inside", "full": "full map"}[row.region],
            "constants": f"k1 {row.k1:g}, k2 {row.k2:g}",
            "covariance": row.covariance,
            "downsample": "by size" if row.downsample is None else str(row.downsample),
            "returned by": row.returned_by,
        }
        for row in DEFINITIONS.values()
    ]


def catalogue_json(rows: Rows, view: View) -> str:
    """Return the rows as one JSON list."""
    return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"


def catalogue_ndjson(rows: Rows, view: View) -> str:
    """Return the rows as JSON objects, one per line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def catalogue_csv(rows: Rows, view: View) -> str:
    """Return the rows as CSV, with a header line."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def catalogue_markdown(rows: Rows, view: View) -> str:
    """Return the rows as a table in GitHub's Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[cell.replace("|", "\\|") for cell in row.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def catalogue_names(rows: Rows, view: View) -> str:
    """Return the names of the rows, one per line."""
    return "".join(f"{row['name']}\n" for row in rows)
