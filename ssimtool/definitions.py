"""Definitions of SSIM, one row of data for each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Border = Literal["valid", "zero", "mirror", "symmetric"]
Window = Literal["gaussian", "uniform"]
Covariance = Literal["population", "sample"]
Region = Literal["valid", "full"]

LARGEST_WINDOW = 4095  # pixels; a border extends the image by half a window on every side
# The approximate side in pixels of an image after downsampling. This is the rule of the authors'
# ssim.m (https://ece.uwaterloo.ca/~z70wang/research/ssim).
REDUCED_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One of the computations that are called SSIM, as data.

    Args:
        name: its name in the catalogue, or `custom` if a part was overridden.
        window: shape of the sliding window, whose weights sum to 1.
        window_size: its side in pixels, odd.
        sigma: standard deviation of a Gaussian window in pixels; None for a uniform window.
        k1: c1 = (k1 L)^2 with L the data range (Wang et al. 2004, eq. 7).
        k2: c2 = (k2 L)^2.
        border: `valid` averages over the windows inside the image. `zero`, `mirror` (without
            repeating the edge) and `symmetric` (repeating the edge) extend the image, and the map
            is as large as the image.
        covariance: `population` takes the weighted moments unchanged. `sample` multiplies variances
            and covariance by N/(N − 1), with N the number of pixels of the window.
        downsample: the factor f by which both images are downsampled first: each block of f × f
            pixels becomes its mean, and an incomplete block at the right or the bottom is dropped.
            None: max(1, round(min(H, W)/256)), with halves rounded to even.
        returned_by: the tools that return this number.

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
    covariance: Covariance = "population"
    downsample: int | None = 1
    returned_by: str = ""

    def __post_init__(self) -> None:
        size = self.window_size
        if not (1 <= size <= LARGEST_WINDOW and size % 2):
            raise ValueError(
                f"window_size is {size}: expected an odd number from 1 to {LARGEST_WINDOW}"
            )
        parts = {"sigma": self.sigma if self.window == "gaussian" else 1}
        for name, value in {**parts, "k1": self.k1, "k2": self.k2}.items():
            # The square of a value beyond these limits overflows or underflows.
            if value is None or not 1e-9 <= value <= 1e6:
                raise ValueError(f"{name} is {value}: expected a number from 1e-9 to 1e6")
        if self.covariance == "sample" and size == 1:
            raise ValueError("window_size is 1: expected 3 or more for the sample covariance")
        if self.downsample is not None and self.downsample < 1:
            raise ValueError(f"downsample is {self.downsample}: expected 1 or more, or None")

    @property
    def region(self) -> Region:
        """The averaged region: the windows inside the image (`valid`), or the `full` map."""
        return "valid" if self.border == "valid" else "full"

    def for_size(self, height: int, width: int) -> Definition:
        """Return the definition with the downsampling factor for images of a size."""
        if self.downsample is not None:
            return self
        return replace(self, downsample=max(1, round(min(height, width) / REDUCED_SIDE)))


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
        Definition(
            name="skimage",
            window="uniform",
            window_size=7,
            sigma=None,
            border="valid",
            covariance="sample",
            returned_by="scikit-image by default",
        ),
        Definition(
            name="torchmetrics",
            border="mirror",
            returned_by="torchmetrics 1.5 and later, ignite, the mean of kornia's map",
        ),
        Definition(
            name="piq",
            border="valid",
            downsample=None,
            returned_by="piq by default; ssim.m of the authors, whose filter differs a little",
        ),
        Definition(
            name="sewar",
            window="uniform",
            window_size=11,
            sigma=None,
            border="valid",
            returned_by="sewar by default",
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
    """Return a definition by name, with parts of it overridden.

    Args:
        definition: a name in `DEFINITIONS`, or a definition.
        window_size, sigma, k1, k2, border: values that replace those of the definition; None keeps
            its own.

    Returns:
        the definition. Its name is `custom` if a part differs from the named definition.

    Raises:
        ValueError: the name is unknown, a part is outside its range, or a uniform window is given a
            sigma.

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
    if sigma is not None and definition.window == "uniform":
        raise ValueError(
            f"sigma is {sigma}: expected none, because the window of {definition.name!r} is uniform"
        )
    overrides = {
        "window_size": window_size,
        "sigma": sigma,
        "k1": k1,
        "k2": k2,
        "border": border,
    }
    parts = {k: v for k, v in overrides.items() if v is not None and v != getattr(definition, k)}
    if not parts:
        return definition
    return replace(definition, name="custom", returned_by="", **parts)  # type: ignore[arg-type]


# The parts in which two definitions can differ, in the order in which `steps_between` changes them.
PARTS = {
    "window": ("window", "window_size", "sigma"),
    "constants": ("k1", "k2"),
    "covariance": ("covariance",),
    "border": ("border",),
    "downsample": ("downsample",),
}


def steps_between(start: Definition, end: Definition) -> tuple[tuple[str, Definition], ...]:
    """Return the steps from one definition to another. Each step takes one more part from `end`.

    Returns:
        the name in `PARTS` of each part that differs, and the definition after the step. The last
        definition is `end`.

    >>> [part for part, _ in steps_between(DEFINITIONS["wang2004"], DEFINITIONS["skimage"])]
    ['window', 'covariance']
    """
    differing = [
        part
        for part, fields in PARTS.items()
        if any(getattr(start, field) != getattr(end, field) for field in fields)
    ]
    steps = []
    for part in differing:
        change = {field: getattr(end, field) for field in PARTS[part]}
        start = replace(start, name="custom", returned_by="", **change)
        steps.append((part, end if part == differing[-1] else start))
    return tuple(steps)
