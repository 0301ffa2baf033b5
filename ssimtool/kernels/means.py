"""Passes over images on arrays, and their results: what `arrays` and `small` have in common."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.formula import Formula

FloatArray = NDArray[np.float64]
Image = NDArray[Any]  # (H, W, C)
READ_DTYPES = ("uint8", "uint16", "float32", "float64")  # that the passes read


class Means(NamedTuple):
    """Means of 1 − SSIM and of the errors; 0 if they were not requested.

    `structure` is the mean of 1 − SSIM of each channel, (N, C). `errors` holds the mean squared and
    the mean absolute error of each image, (N, 2). `wide` states which images were computed in
    float64, (N,).
    """

    structure: FloatArray
    errors: FloatArray
    wide: NDArray[np.bool_]


class ImagePass(Protocol):
    """A function that returns the means of two images, computed in float64 if `wide`."""

    def __call__(
        self, x: Image, y: Image, formula: Formula, *, wide: bool, structure: bool, errors: bool
    ) -> Means: ...


class Reduction(Protocol):
    """A function that returns an image downsampled by a factor, in a dtype."""

    def __call__(self, image: Image, factor: int, kind: type[np.floating]) -> Image: ...


class LossMap(Protocol):
    """A function that returns 1 − SSIM of every window of two images; None: not finite."""

    def __call__(self, x: Image, y: Image, formula: Formula) -> FloatArray | None: ...
