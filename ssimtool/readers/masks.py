"""Apply the region of interest of a pair: a mask, regions, or their intersection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import BT601
from ssimtool.readers.files import STDIN, shown
from ssimtool.readers.images.colour import to_rgb
from ssimtool.readers.images.opening import open_image
from ssimtool.readers.memory import ImageInput, name_of, open_memory
from ssimtool.readers.regions import Region, RegionOfInterest
from ssimtool.readers.samples import Array, Pair, Samples

# What a region of interest adds to a pair; the last two to those of the pair.
ADDED = ("region", "counted", "weight", "steps", "warnings")


def with_mask(
    pair: Pair,
    region: RegionOfInterest,
    *,
    image: ImageInput | None = None,
    max_pixels: int = 0,
    max_bytes: int | None = None,
) -> Pair:
    """Return a pair with its region of interest.

    Args:
        pair: two comparable images.
        region: a mask of the size of the pair, regions, or both; both mean their intersection.
        image: the mask, if it is in memory; None reads the file `region.mask`.
        max_pixels, max_bytes: limits for the mask, as for `open_image`.

    Returns:
        the pair, with a `weight` unless all pixels have the same weight.

    Raises:
        SsimtoolError: the mask cannot be read; `size_mismatch`, the mask has another size or a
            region ends outside the image; `empty_mask`, no pixel is selected.
    """
    if not region:
        return pair
    height, width = pair.reference.shape[:2]
    weight: Array = np.ones((height, width), dtype=np.bool_)
    mask = None
    if region.mask is not None:
        mask = _read(region.mask if image is None else image, max_pixels, max_bytes)
        weight = _weights(mask)
        if weight.shape != (height, width):
            raise _other_size(pair, mask)
    if region.regions:
        inside = _union(pair, region.regions)
        weight = weight & inside if weight.dtype == np.bool_ else weight * inside
    if mask is not None and not weight.any():  # a region holds at least one pixel
        raise _empty(region, mask)
    counted = float(weight.sum(dtype=np.float64))
    steps = mask.steps if mask else ()
    return replace(
        pair,
        region=region,
        counted=int(counted) if counted.is_integer() else counted,
        weight=None if weight.min() == weight.max() else weight,
        steps=(*pair.steps, *(f"mask: {step}" for step in steps)),
        warnings=(*pair.warnings, *(mask.warnings if mask else ())),
    )


def mask_once(
    region: RegionOfInterest,
    *,
    image: ImageInput | None = None,
    max_pixels: int = 0,
    max_bytes: int | None = None,
) -> Callable[[Pair], Pair]:
    """Return `with_mask` for the frames of a stack: the mask is read once for each size."""
    added: dict[tuple[int, ...], dict[str, Any]] = {}  # by the size of a frame

    def prepare(pair: Pair) -> Pair:
        size = pair.reference.shape[:2]
        if region and size not in added:
            bare = replace(pair, steps=(), warnings=())
            masked = with_mask(
                bare, region, image=image, max_pixels=max_pixels, max_bytes=max_bytes
            )
            added[size] = {name: getattr(masked, name) for name in ADDED}
        new = added.get(size, {})
        joined = {name: (*getattr(pair, name), *new[name]) for name in ADDED[-2:] if new}
        return replace(pair, **(new | joined))

    return prepare


def _read(image: ImageInput, max_pixels: int, max_bytes: int | None) -> Samples:
    path = name_of(image)
    if path == STDIN:
        raise SsimtoolError(
            "unsupported",
            "standard input: cannot be a mask, expected a file; write ./- for a file named -",
        )
    opened = open_memory(image, layout="hwc", max_pixels=max_pixels) or open_image(
        path, max_pixels=max_pixels, max_bytes=max_bytes, layout="hwc"
    )
    if opened.frames is not None and opened.pixels == 0:  # an array
        raise SsimtoolError(
            "shape_mismatch",
            f"{shown(path)}: has four axes, expected a mask of shape (H, W) or (H, W, 1); save one "
            "plane",
        )
    mask = opened.decode(lambda: False)
    alpha = mask.alpha
    if alpha is not None and not (alpha == alpha.flat[0]).all():
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: has an alpha channel that varies, expected a mask in white on black; "
            "save it as grey without alpha",
        )
    return mask


def _weights(mask: Samples) -> Array:
    """Weights of the pixels, (H, W): floats unchanged, other types as bool, above half of white."""
    grey = _grey(mask)
    if grey.dtype.kind == "f" and mask.samples.dtype.kind == "f":
        low, high = float(grey.min()), float(grey.max())
        if low < 0 or high > 1:
            raise SsimtoolError(
                "data_range",
                f"{shown(mask.path)}: float values from {low:.6g} to {high:.6g}, expected weights "
                "from 0 to 1; scale the mask",
            )
        return grey if grey.dtype.itemsize >= 4 else grey.astype(np.float32)
    white: Array = grey > _white(mask) / 2
    return white


def _grey(mask: Samples) -> Array:
    mask = to_rgb(mask)
    channels = mask.samples.shape[2]
    if channels == 1:
        return mask.samples[:, :, 0]
    if channels != 3 or mask.samples.dtype.kind == "f":
        raise SsimtoolError(
            "shape_mismatch",
            f"{shown(mask.path)}: has {channels} channels, expected a mask of shape (H, W) or "
            "(H, W, 1), or a grey or colour image; save one plane",
        )
    luma: Array = (mask.samples @ np.asarray(BT601)).astype(np.float64, copy=False)
    return luma


def _white(mask: Samples) -> float:
    """Level of white."""
    dtype, own = mask.samples.dtype, float(mask.data_range or 1)
    return min(own, float(np.iinfo(dtype).max)) if dtype.kind == "i" else own


def _union(pair: Pair, regions: tuple[Region, ...]) -> Array:
    height, width = pair.reference.shape[:2]
    inside: Array = np.zeros((height, width), dtype=np.bool_)
    for x, y, w, h in regions:
        if x + w > width or y + h > height:
            raise SsimtoolError(
                "size_mismatch",
                f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected the region "
                f"{x},{y},{w},{h} to lie inside (it ends at x {x + w}, y {y + h}); use a smaller "
                "region",
            )
        inside[y : y + h, x : x + w] = True
    return inside


def _other_size(pair: Pair, mask: Samples) -> SsimtoolError:
    height, width = mask.samples.shape[:2]
    h, w = pair.reference.shape[:2]
    return SsimtoolError(
        "size_mismatch",
        f"{shown(mask.path)}: is a mask of {width}x{height} pixels, expected {w}x{h} as in "
        f"{shown(pair.reference_path)}; use a mask of that size",
    )


def _empty(region: RegionOfInterest, mask: Samples) -> SsimtoolError:
    where = " within the regions" if region.regions else ""
    highest, floats = float(mask.samples.max()), mask.samples.dtype.kind == "f"
    limit = 0 if floats else _white(mask) / 2
    advice = "use another mask" + (" or other regions" if region.regions else "")
    if 0 < highest <= limit:
        advice = f"white is {_white(mask):g}: scale the mask, or save it as bool"
    return SsimtoolError(
        "empty_mask",
        f"{shown(mask.path)}: selects no pixel{where} (its largest level is {highest:g}), "
        f"expected levels above {limit:g}; {advice}",
    )
