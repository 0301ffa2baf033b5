"""A comparison as HTML for a notebook: scores, a slider between the images, and the map."""

from __future__ import annotations

from html import escape

from ssimtool.errors import printable
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison
from ssimtool.reports.frames import frames_lines
from ssimtool.reports.pictures import Pictures, draw
from ssimtool.reports.rows import definition_line, rows_of

BUDGET = 1 << 20  # bytes of the three pictures, which are saved in the notebook file
# The distorted image covers the reference and is clipped at the slider. Styles are inline, because
# the page belongs to the notebook.
SLIDER = (
    '<div style="position:relative;display:inline-block;vertical-align:top;margin-right:1em">'
    '<img src="{reference}" alt="reference" style="display:block;min-width:16em;max-width:100%">'
    '<img src="{distorted}" alt="distorted" style="position:absolute;left:0;top:0;width:100%;'
    'clip-path:inset(0 0 0 50%)">'
    '<input type="range" min="0" max="100" value="50" aria-label="reference to distorted" '
    "oninput=\"this.previousElementSibling.style.clipPath='inset(0 0 0 '+this.value+'%)'\" "
    'style="width:100%"></div>'
)
MAP = (
    '<img src="{heat}" alt="1 - SSIM" title="1 - SSIM" '
    'style="min-width:16em;max-width:100%;background:#ccc">'
)


def result_html(record: Comparison, pair: Pair, ssim_map: Array) -> str:
    """Return a comparison as self-contained HTML that loads nothing.

    Args:
        record: the record of the comparison.
        pair: the images as they were compared.
        ssim_map: (H, W), −1 to 1, NaN outside the mask.
    """
    pictures = draw(pair, ssim_map, budget=BUDGET)
    return f"<div>{_scores(record)}{_images(pictures)}</div>"


def _scores(record: Comparison) -> str:
    names = f"{printable(record.reference)} : {printable(record.distorted)}"
    size = f"{record.width} × {record.height}, {record.channels} channel(s)"
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(row.title)}</th>"
        f"<td style='text-align:right'>{row.value:.6g}</td>"
        f"<td>{escape(row.unit.strip('-'))}</td></tr>"
        for row in rows_of(record)
        if row.value is not None
    )
    lines = "".join(f"<p>{role} {escape(text)}</p>" for role, text in frames_lines(record))
    warnings = "".join(f"<p>Warning: {escape(printable(text))}</p>" for text in record.warnings)
    return (
        f"<p><b>{escape(names)}</b> ({size})</p><table>{rows}</table>{lines}"
        f"<p><small>{escape(definition_line(record))}</small></p>{warnings}"
    )


def _images(pictures: Pictures) -> str:
    slider = SLIDER.format(reference=pictures.reference, distorted=pictures.distorted)
    return slider + MAP.format(heat=pictures.heat)
