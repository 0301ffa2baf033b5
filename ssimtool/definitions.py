"""What goes by the name of SSIM: one row for each definition, as data. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Border = Literal["valid", "zero", "mirror", "symmetric"]
Window = Literal["gaussian", "uniform"]
Covariance = Literal["population", "sample"]
Region = Literal["valid", "full"]

LARGEST_WINDOW = 4095  # pixels: a border extends the image by half of it on every side
# The side in pixels to which an image is reduced, about, by a definition that says so: the rule of
# the authors' ssim.m (https://ece.uwaterloo.ca/~z70wang/research/ssim).
REDUCED_SIDE = 256


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
        covariance: `population`, the weighted moments as they are, or `sample`: variances and
            covariance times N/(N − 1), with N the number of pixels of the window.
        downsample: the factor f by which both images are reduced first, each f × f pixels to their
            mean, with what is left over at the right and the bottom dropped; None: by the size of
            the image, max(1, round(min(H, W)/256)), halves to even.
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
            # beyond these their squares leave the numbers that floats hold
            if value is None or not 1e-9 <= value <= 1e6:
                raise ValueError(f"{name} is {value}: expected a number from 1e-9 to 1e6")
        if self.covariance == "sample" and size == 1:
            raise ValueError("window_size is 1: expected 3 or more for the sample covariance")
        if self.downsample is not None and self.downsample < 1:
            raise ValueError(f"downsample is {self.downsample}: expected 1 or more, or None")

    @property
    def region(self) -> Region:
        """What is averaged: the windows that lie inside the image, or the full map."""
        return "valid" if self.border == "valid" else "full"

    def for_size(self, height: int, width: int) -> Definition:
        """The definition with the factor by which images of a size are reduced first."""
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
    """A definition by name, with parts of it overridden.

    Args:
        definition: a name of `DEFINITIONS`, or a definition.
        window_size, sigma, k1, k2, border: what replaces the definition's own part; None keeps it.

    Returns:
        the definition; its name is `custom` where a part differs from the one named.

    Raises:
        ValueError: no such name, a part outside its range, or a sigma of a uniform window.

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
            f"sigma is {sigma}: expected none, the window of {definition.name!r} is uniform"
        )
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


# The parts that tell two definitions apart, in the order in which they are exchanged.
PARTS = {
    "window": ("window", "window_size", "sigma"),
    "constants": ("k1", "k2"),
    "covariance": ("covariance",),
    "border": ("border",),
    "downsample": ("downsample",),
}


def steps_between(start: Definition, end: Definition) -> tuple[tuple[str, Definition], ...]:
    """The way from one definition to another: after each step one more part is that of `end`.

    Returns:
        the name of each part that differs, of `PARTS`, and the definition after its exchange, the
        last of which is `end`.

    >>> [part for part, _ in steps_between(DEFINITIONS["wang2004"], DEFINITIONS["skimage"])]
    ['window', 'covariance']
    """
    differing = [
        part
        for part, fields in PARTS.items()
        if any(getattr(start, field) != getattr(end, field) for field in fields)
    ]
    found = []
    for part in differing:
        change = {field: getattr(end, field) for field in PARTS[part]}
        start = replace(start, name="custom", returned_by="", **change)
        found.append((part, end if part == differing[-1] else start))
    return tuple(found)
