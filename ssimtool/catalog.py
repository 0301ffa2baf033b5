"""What ssimtool computes: one row for each metric and each definition of SSIM.

Standard library only: `--help`, `list` and completion read it without loading torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ssimtool.definitions import DEFINITIONS, Border, Definition, find_definition

__all__ = [
    "DEFAULT_METRICS",
    "DEFINITIONS",
    "METRICS",
    "Border",
    "Definition",
    "Metric",
    "find_definition",
    "with_implied",
]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the catalogue of metrics.

    `function` is the name in `ssimtool.metrics` that computes it, one number per image;
    `complement` says that the metric is 1 − that number (1 − SSIM is what keeps its precision,
    so SSIM is derived from it); `takes` names the keyword arguments of the function that change the
    number, `weight` among them where it can be said which pixels count; `implies` names the metrics
    that are reported along with it.
    """

    name: str
    title: str
    function: str
    complement: bool = False
    implies: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    unit: str
    better: Literal["higher", "lower"]
    range: str
    formula: str
    source: str


METRICS: dict[str, Metric] = {
    row.name: row
    for row in (
        Metric(
            name="ssim",
            title="SSIM",
            function="ssim_loss",
            complement=True,
            implies=("ssim_loss",),
            takes=("data_range", "definition", "weight"),
            unit="-",
            better="higher",
            range="-1 to 1",
            formula="mean of (2 mu_x mu_y + c1)(2 sigma_xy + c2) / "
            "((mu_x^2 + mu_y^2 + c1)(sigma_x^2 + sigma_y^2 + c2))",
            source="Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13, doi:10.1109/TIP.2003.819861",
        ),
        Metric(
            name="ssim_loss",
            title="SSIM loss",
            function="ssim_loss",
            implies=("ssim",),
            takes=("data_range", "definition", "weight"),
            unit="-",
            better="lower",
            range="0 to 2",
            formula="1 - SSIM",
            source="Zhao, Gallo, Frosio, Kautz 2017, section III.B, doi:10.1109/TCI.2016.2644865",
        ),
        Metric(
            name="ms_ssim",
            title="MS-SSIM",
            function="ms_ssim_loss",
            complement=True,
            implies=("ms_ssim_loss",),
            takes=("data_range", "definition", "scales"),
            unit="-",
            better="higher",
            range="0 to 1",
            formula="product over the scales of mean(contrast_structure)^weight, "
            "of mean(SSIM)^weight at the last; negative means count as 0",
            source="Wang, Simoncelli, Bovik 2003, eq. 7, doi:10.1109/ACSSC.2003.1292216",
        ),
        Metric(
            name="ms_ssim_loss",
            title="MS-SSIM loss",
            function="ms_ssim_loss",
            implies=("ms_ssim",),
            takes=("data_range", "definition", "scales"),
            unit="-",
            better="lower",
            range="0 to 1",
            formula="1 - MS-SSIM",
            source="Zhao, Gallo, Frosio, Kautz 2017, section III.C, doi:10.1109/TCI.2016.2644865",
        ),
        Metric(
            name="mse",
            title="MSE",
            function="mse",
            takes=("weight",),
            unit="squared sample",
            better="lower",
            range="0 to data_range^2",
            formula="mean of (x - y)^2",
            source="Wang, Bovik 2009, eq. 1, doi:10.1109/MSP.2008.930649",
        ),
        Metric(
            name="mae",
            title="MAE",
            function="mae",
            takes=("weight",),
            unit="sample",
            better="lower",
            range="0 to data_range",
            formula="mean of |x - y|",
            source="Willmott, Matsuura 2005, doi:10.3354/cr030079",
        ),
        Metric(
            name="psnr",
            title="PSNR",
            function="psnr",
            takes=("data_range", "weight"),
            unit="dB",
            better="higher",
            range="up to inf (identical)",
            formula="10 log10(data_range^2 / MSE)",
            source="Wang, Bovik 2009, eq. 2, doi:10.1109/MSP.2008.930649",
        ),
    )
}

DEFAULT_METRICS = ("ssim", "mse", "psnr")
# Of MS-SSIM, from the finest scale on: Wang, Simoncelli, Bovik 2003, section 3.2.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def with_implied(names: Iterable[str]) -> tuple[str, ...]:
    """Metrics in order, each once, with those that are reported along with them.

    >>> with_implied(["mse", "ssim"])
    ('mse', 'ssim', 'ssim_loss')
    """
    return tuple(dict.fromkeys(n for name in names for n in (name, *METRICS[name].implies)))
