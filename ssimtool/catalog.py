"""What ssimtool computes: one row for each metric and each definition of SSIM.

Standard library only: `--help`, `list` and completion read it without loading torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Border = Literal["valid", "zero", "mirror", "symmetric"]
Window = Literal["gaussian", "uniform"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the catalogue of metrics.

    `function` is the name in `ssimtool.metrics` that computes it, one number per image;
    `complement` says that the metric is 1 − that number (1 − SSIM is what keeps its precision,
    so SSIM is derived from it); `takes` names the keyword arguments of the function that change the
    number; `implies` names the metrics that are reported along with it.
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
            takes=("data_range", "definition"),
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
            takes=("data_range", "definition"),
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
            takes=("data_range",),
            unit="dB",
            better="higher",
            range="up to inf (identical)",
            formula="10 log10(data_range^2 / MSE)",
            source="Wang, Bovik 2009, eq. 2, doi:10.1109/MSP.2008.930649",
        ),
    )
}

LARGEST_WINDOW = 4095  # pixels: a border extends the image by half of it on every side
DEFAULT_METRICS = ("ssim", "mse", "psnr")
# Of MS-SSIM, from the finest scale on: Wang, Simoncelli, Bovik 2003, section 3.2.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def with_implied(names: Iterable[str]) -> tuple[str, ...]:
    """Metrics in order, each once, with those that are reported along with them.

    >>> with_implied(["mse", "ssim"])
    ('mse', 'ssim', 'ssim_loss')
    """
    return tuple(dict.fromkeys(n for name in names for n in (name, *METRICS[name].implies)))


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One of the computations that go by the name of SSIM, as data.

    Args:
        name: of the catalogue, or `custom` where a part was overridden.
        window: the weights of the sliding window, which sum to 1.
        window_size: its side in pixels, odd.
        sigma: standard deviation of a Gaussian window in pixels; None for a uniform one.
        k1: c1 = (k1 L)^2 with L the data range (Wang et al. 2004, eq. 7).
        k2: c2 = (k2 L)^2.
        border: `valid` averages over the windows that lie inside the image; `zero`, `mirror`
            (the edge not repeated) and `symmetric` (the edge repeated) extend the image, and
            the map is as large as the image.
        covariance: `population`, the weighted moments as they are.
        downsample: the factor by which both images are reduced first.
        returned_by: the tools whose number this is.

    Raises:
        ValueError: a part is outside its range.

    >>> DEFINITIONS["cvae"].border
    'zero'
    """

    name: str
    window: Window = "gaussian"
    window_size: int = 11
    sigma: float | None = 1.5
    k1: float = 0.01
    k2: float = 0.03
    border: Border = "valid"
    covariance: Literal["population"] = "population"
    downsample: Literal[1] = 1
    returned_by: str = ""

    def __post_init__(self) -> None:
        size = self.window_size
        if not (1 <= size <= LARGEST_WINDOW and size % 2):
            raise ValueError(
                f"window_size is {size}: expected an odd number from 1 to {LARGEST_WINDOW}"
            )
        parts = {"sigma": self.sigma if self.window == "gaussian" else 1}
        for name, value in {**parts, "k1": self.k1, "k2": self.k2}.items():
            # beyond these their squares leave the numbers that floats hold
            if value is None or not 1e-9 <= value <= 1e6:
                raise ValueError(f"{name} is {value}: expected a number from 1e-9 to 1e6")


DEFINITIONS: dict[str, Definition] = {
    row.name: row
    for row in (
        Definition(
            name="wang2004",
            border="valid",
            returned_by="ssim_index.m of the authors, pytorch-msssim, TensorFlow, dm_pix, MONAI, "
            "scikit-image (gaussian_weights=True, sigma=1.5, use_sample_covariance=False)",
        ),
        Definition(
            name="cvae",
            border="zero",
            returned_by="the SSIM loss of CVAE training code, fused-ssim",
        ),
    )
}


def find_definition(
    definition: str | Definition = "wang2004",
    *,
    window_size: int | None = None,
    sigma: float | None = None,
    k1: float | None = None,
    k2: float | None = None,
    border: Border | None = None,
) -> Definition:
    """A definition by name, with parts of it overridden.

    Args:
        definition: a name of `DEFINITIONS`, or a definition.
        window_size, sigma, k1, k2, border: what replaces the definition's own part; None keeps it.

    Returns:
        the definition; its name is `custom` where a part differs from the one named.

    Raises:
        ValueError: no such name, or a part outside its range.

    >>> find_definition("wang2004", sigma=2.0).name
    'custom'
    >>> find_definition("wang2004", sigma=1.5).name
    'wang2004'
    """
    if isinstance(definition, str):
        if definition not in DEFINITIONS:
            raise ValueError(
                f"unknown definition {definition!r}: expected one of {', '.join(DEFINITIONS)}"
            )
        definition = DEFINITIONS[definition]
    given = {
        "window_size": window_size,
        "sigma": sigma,
        "k1": k1,
        "k2": k2,
        "border": border,
    }
    parts = {k: v for k, v in given.items() if v is not None and v != getattr(definition, k)}
    if not parts:
        return definition
    return replace(definition, name="custom", returned_by="", **parts)  # type: ignore[arg-type]
