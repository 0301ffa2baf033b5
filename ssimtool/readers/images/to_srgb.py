"""Convert samples to sRGB by the primaries and the transfer function that describe them."""

from __future__ import annotations

import numpy as np

from ssimtool.readers.images.colour_description import BT709, SRGB, ColourDescription, Primaries
from ssimtool.readers.samples import Array

BAND = 2**16  # pixels: the intermediate results of a band are floats and fit into the cache
# Bradford's cone responses (ICC.1:2022, annex E.3)
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def can_convert(description: ColourDescription) -> bool:
    """Whether the primaries and the transfer function are known, and the range is full."""
    known = isinstance(description.transfer, float) or description.transfer == SRGB
    return known and description.primaries is not None and not description.narrow


def to_srgb(samples: Array, description: ColourDescription) -> Array:
    """Convert samples to sRGB (IEC 61966-2-1); colours outside sRGB are clipped.

    Args:
        samples: (H, W, C), uint8 or uint16, grey or RGB.
        description: their colour space; `can_convert` it.
    """
    top = int(np.iinfo(samples.dtype).max)
    light = _light(np.linspace(0, 1, top + 1), description.transfer)
    primaries = description.primaries or BT709
    if samples.shape[2] == 1 or primaries == BT709:
        table: Array = np.round(_encoded(light) * top).astype(samples.dtype)
        return table[samples]
    matrix = _to_bt709(primaries).T
    flat, out = samples.reshape(-1, 3), np.empty((samples.size // 3, 3), samples.dtype)
    for first in range(0, len(flat), BAND):
        band = slice(first, first + BAND)
        out[band] = np.round(_encoded(light[flat[band]] @ matrix) * top)
    return out.reshape(samples.shape)


def _light(values: Array, transfer: float | str) -> Array:
    if isinstance(transfer, float):
        return np.asarray(values**transfer)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: Array) -> Array:
    """Transfer function of sRGB, of light that is clipped to 0 to 1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _to_bt709(primaries: Primaries) -> Array:
    """Matrix from light of these primaries to light of BT.709, adapted to its white."""
    from_white, to_white = (BRADFORD @ _xyz(p[:2]) for p in (primaries, BT709))
    adapted = np.linalg.inv(BRADFORD) @ np.diag(to_white / from_white) @ BRADFORD
    return np.asarray(np.linalg.inv(_rgb_to_xyz(BT709)) @ adapted @ _rgb_to_xyz(primaries))


def _rgb_to_xyz(primaries: Primaries) -> Array:
    """Matrix from RGB to XYZ (SMPTE RP 177): the primaries, scaled to add up to white."""
    columns = np.stack([_xyz(primaries[i : i + 2]) for i in (2, 4, 6)], axis=1)
    return np.asarray(columns * np.linalg.solve(columns, _xyz(primaries[:2])))


def _xyz(chromaticity: Primaries) -> Array:
    x, y = chromaticity
    return np.array([x / y, 1, (1 - x - y) / y])
