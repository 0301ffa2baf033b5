"""Catalogue of the metrics, one row for each, and of the definitions of SSIM.

Standard library only: `--help`, `list` and completion read it without loading torch.
`ssimtool.plugins` looks a metric up by its name, here and in other packages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ssimtool.definitions import DEFINITIONS, Border, Definition, find_definition

__all__ = [
    "DEFAULT_METRICS",
    "DEFINITIONS",
    "METRICS",
    "Border",
    "Definition",
    "Function",
    "Metric",
    "find_definition",
    "metric_key",
]

Function = str | Callable[..., Any]
# The keyword arguments that the function of a metric can take.
ARGUMENTS = ("data_range", "definition", "scales", "weight", "dtype", "backend")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the catalogue of metrics.

    The function is called as `function(x, y, **arguments)` with x the reference, y the distorted
    image, both (N, C, H, W), and returns one finite number for each image, (N,), of a floating
    dtype. Batches call it from several threads.

    Attributes:
        name: lower case letters, digits and underscores, beginning with a letter.
        title: its name in tables.
        function: a name in `ssimtool.metrics.public`, "module:function", or the function itself.
        complement: whether the metric is 1 − the number of the function. (1 − SSIM keeps its
            precision, so SSIM is derived from it.)
        implies: the metrics that are reported together with this one.
        takes: the keyword arguments in `ARGUMENTS` that the function is called with. `weight`: the
            metric supports masks. `definition`: the function is called for each channel. `dtype`:
            the function accepts samples of any dtype; without it, samples arrive as float32 or
            float64 in their own range.
        unit: the unit of the number.
        better: whether `higher` or `lower` values are better.
        lowest: the smallest value; None if it depends on the samples.
        highest: the largest value; None if it depends on the samples; infinity only if identical
            images have it.
        range_words: the range in words, if the two numbers cannot express it.
        decimals: the number of decimals shown, for a similarity; None shows six significant digits.
        smallest_side: the smallest shorter side of an image, in pixels; `definition` and `scales`
            may require more.
        symmetric: whether the result stays the same when the images are swapped.
        formula: the formula in plain text.
        source: the paper and its DOI.
        packages: the modules that must be importable; the metric is not offered without them.
        install: the command that installs them.
        distribution: the package that provides the row; None for ssimtool's own. The loader sets
            it.

    Raises:
        ValueError: a field is invalid.
    """

    name: str
    title: str
    function: Function
    complement: bool = False
    implies: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    unit: str
    better: Literal["higher", "lower"]
    lowest: float | None
    highest: float | None
    range_words: str | None = None
    decimals: int | None = None
    smallest_side: int = 1
    symmetric: bool
    formula: str
    source: str
    packages: tuple[str, ...] = ()
    install: str = ""
    distribution: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"metric name {self.name!r} must match [a-z][a-z0-9_]*")
        if unknown := set(self.takes) - set(ARGUMENTS):
            raise ValueError(f"{self.name} takes {sorted(unknown)}, which is not in {ARGUMENTS}")
        if self.better not in ("higher", "lower"):
            raise ValueError(f"{self.name}: better must be higher or lower, not {self.better!r}")
        # A record writes infinity as null, so only one of the two infinities can be read back.
        if self.lowest is not None and abs(self.lowest) == float("inf"):
            raise ValueError(f"{self.name}: lowest must be finite, or None")

    @property
    def range(self) -> str:
        """The range as text."""
        if self.range_words is not None:
            return self.range_words
        low, high = (None if v is None else f"{v:g}" for v in (self.lowest, self.highest))
        if low is None:
            return "any" if high is None else f"up to {high}"
        return f"{low} or more" if high is None else f"{low} to {high}"


METRICS: dict[str, Metric] = {
    row.name: row
    for row in (
        Metric(
            name="ssim",
            title="SSIM",
            function="ssim_loss",
            complement=True,
            implies=("ssim_loss",),
            takes=("data_range", "definition", "weight", "dtype", "backend"),
            unit="-",
            better="higher",
            lowest=-1,
            highest=1,
            decimals=6,
            symmetric=True,
            formula="mean of (2 mu_x mu_y + c1)(2 sigma_xy + c2) / "
            "((mu_x^2 + mu_y^2 + c1)(sigma_x^2 + sigma_y^2 + c2))",
            source="Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13, doi:10.1109/TIP.2003.819861",
        ),
        Metric(
            name="ssim_loss",
            title="SSIM loss",
            function="ssim_loss",
            implies=("ssim",),
            takes=("data_range", "definition", "weight", "dtype", "backend"),
            unit="-",
            better="lower",
            lowest=0,
            highest=2,
            symmetric=True,
            formula="1 - SSIM",
            source="Zhao, Gallo, Frosio, Kautz 2017, section III.B, doi:10.1109/TCI.2016.2644865",
        ),
        Metric(
            name="ms_ssim",
            title="MS-SSIM",
            function="ms_ssim_loss",
            complement=True,
            implies=("ms_ssim_loss",),
            takes=("data_range", "definition", "scales", "dtype", "backend"),
            unit="-",
            better="higher",
            lowest=0,
            highest=1,
            decimals=6,
            symmetric=True,
            formula="product over the scales of mean(contrast_structure)^weight, "
            "of mean(SSIM)^weight at the last; negative means count as 0",
            source="Wang, Simoncelli, Bovik 2003, eq. 7, doi:10.1109/ACSSC.2003.1292216",
        ),
        Metric(
            name="ms_ssim_loss",
            title="MS-SSIM loss",
            function="ms_ssim_loss",
            implies=("ms_ssim",),
            takes=("data_range", "definition", "scales", "dtype", "backend"),
            unit="-",
            better="lower",
            lowest=0,
            highest=1,
            symmetric=True,
            formula="1 - MS-SSIM",
            source="Zhao, Gallo, Frosio, Kautz 2017, section III.C, doi:10.1109/TCI.2016.2644865",
        ),
        Metric(
            name="mse",
            title="MSE",
            function="mse",
            takes=("weight", "dtype", "backend"),
            unit="squared sample",
            better="lower",
            lowest=0,
            highest=None,
            range_words="0 to data_range^2",
            symmetric=True,
            formula="mean of (x - y)^2",
            source="Wang, Bovik 2009, eq. 1, doi:10.1109/MSP.2008.930649",
        ),
        Metric(
            name="mae",
            title="MAE",
            function="mae",
            takes=("weight", "dtype", "backend"),
            unit="sample",
            better="lower",
            lowest=0,
            highest=None,
            range_words="0 to data_range",
            symmetric=True,
            formula="mean of |x - y|",
            source="Willmott, Matsuura 2005, doi:10.3354/cr030079",
        ),
        Metric(
            name="psnr",
            title="PSNR",
            function="psnr",
            takes=("data_range", "weight", "dtype", "backend"),
            unit="dB",
            better="higher",
            lowest=None,
            highest=float("inf"),
            range_words="up to inf (identical)",
            symmetric=True,
            formula="10 log10(data_range^2 / MSE)",
            source="Wang, Bovik 2009, eq. 2, doi:10.1109/MSP.2008.930649",
        ),
    )
}

DEFAULT_METRICS = ("ssim", "mse", "psnr")


def metric_key(text: str) -> str:
    """Return the name of a metric as the catalogue spells it.

    >>> metric_key(" MS-SSIM")
    'ms_ssim'
    """
    return text.strip().lower().replace("-", "_")


# Weights of the scales of MS-SSIM, from the finest to the coarsest:
# Wang, Simoncelli, Bovik 2003, section 3.2.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
