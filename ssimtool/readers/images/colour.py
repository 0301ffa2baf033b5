"""Convert colour profiles and CMYK, and put transparent pixels on a background."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Array, Samples
from ssimtool.settings import Background

BAND = 256  # rows
CHECKER_SQUARE = 8  # pixels
CHECKER_SHADES = (102, 153)  # of 255: neither is close to black or white


def parse_colour(text: str) -> tuple[int, int, int]:
    """Parse an opaque colour: a CSS name, #rgb, #rrggbb, rgb(r, g, b) or hsl(h, s%, l%).

    Raises:
        ValueError: the text is not an opaque colour.
    """
    from PIL import ImageColor

    red, green, blue, *alpha = ImageColor.getrgb(text)
    if alpha or not all(0 <= c <= 255 for c in (red, green, blue)):
        raise ValueError(f"{text!r} is not an opaque colour")
    return red, green, blue


def to_same_profile(x: Samples, y: Samples) -> tuple[Samples, Samples]:
    """Convert two images to sRGB if their colour profiles differ.

    An image without a profile is assumed to be sRGB, as on the web (CSS Color 4, section 10.1).
    """
    if x.profile == y.profile:
        return x, y
    a, b = _profile_name(x), _profile_name(y)
    if a == b == "sRGB":
        return x, y
    return _to_srgb(x, a, b), _to_srgb(y, b, a)


def _profile_name(image: Samples) -> str:
    """Name of the embedded profile; every name that contains sRGB counts as sRGB."""
    if image.profile is None:
        return "none" if image.space == "cmyk" else "sRGB"
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.profile))
        described = ImageCms.getProfileDescription(profile).strip()
    except (OSError, ImageCms.PyCMSError):
        return "unreadable"
    return "sRGB" if "srgb" in described.lower() else described or "unnamed"


def _to_srgb(image: Samples, own: str, other: str) -> Samples:
    if own in ("sRGB", "none") or image.profile is None:
        return image
    if own == "unreadable":
        warning = f"{shown(image.path)}: its colour profile cannot be read and is ignored"
        return replace(image, warnings=(*image.warnings, warning))
    warning = (
        f"{shown(image.path)}: its colour profile ({own}) differs from the other's ({other}); "
        "converted to sRGB"
    )
    samples = _transformed(image, image.profile, own)
    return replace(
        image,
        samples=samples,
        space="rgb" if samples.shape[2] == 3 else "grey",
        profile=None,
        steps=(*image.steps, f"colour profile {own} to sRGB"),
        warnings=(*image.warnings, warning),
    )


def _transformed(image: Samples, profile: bytes, own: str) -> Array:
    import imagecodecs

    grey = image.space == "grey"
    inside = {"grey": "gray", "rgb": "rgb", "cmyk": "cmyk"}.get(image.space)
    try:
        samples = np.asarray(
            imagecodecs.cms_transform(
                np.ascontiguousarray(image.samples[:, :, 0] if grey else image.samples),
                profile,
                imagecodecs.cms_profile("srgb"),
                colorspace=inside,
                outcolorspace="rgb",
                # otherwise 16 bits use a table of 33 steps: errors of up to 15 8-bit levels
                flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
            )
        )
    except (imagecodecs.CmsError, ValueError) as error:
        raise SsimtoolError(
            "unsupported",
            f"{shown(image.path)}: {image.samples.dtype} samples with the colour profile {own} "
            f"cannot be converted to sRGB ({error}), expected 8 or 16 bits; convert it first",
        ) from None
    return samples[:, :, :1] if grey else samples


def to_rgb(image: Samples) -> Samples:
    """Convert CMYK that no profile converted to RGB, by Pillow's simple rule."""
    if image.space != "cmyk":
        return image
    from PIL import Image

    height, width = image.samples.shape[:2]
    plain = Image.frombytes("CMYK", (width, height), image.samples.tobytes()).convert("RGB")
    return replace(
        image, samples=np.asarray(plain), space="rgb", steps=(*image.steps, "CMYK to RGB")
    )


def over_background(image: Samples, background: Background) -> Samples:
    """Composite an image over a background, by its alpha.

    out = (alpha·sample + (top − alpha)·background) / top, rounded, with top the largest value
    (Porter, Duff 1984, the operator `over`, doi:10.1145/800031.808606).
    """
    alpha = image.alpha
    if alpha is None:
        return image
    name = "checker" if background == "checker" else "#{:02x}{:02x}{:02x}".format(*background)
    step = (*image.steps, f"alpha laid on {name}")
    top = int(image.data_range or 1)
    if (alpha == top).all():
        samples = np.ascontiguousarray(image.samples)  # drops alpha from between the pixels
        steps = (*image.steps, "opaque alpha dropped")
        return replace(image, samples=samples, alpha=None, steps=steps)
    if not alpha.any():
        unseen = f"{shown(image.path)}: is wholly transparent: only the background is compared"
        image = replace(image, warnings=(*image.warnings, unseen))
    height, _, channels = image.samples.shape
    if background != "checker" and channels == 1 and len(set(background)) > 1:
        image = replace(image, samples=np.repeat(image.samples, 3, axis=2), space="rgb")
    samples = np.empty_like(image.samples)
    for first in range(0, height, BAND):  # in bands: each product takes eight bytes
        rows = slice(first, first + BAND)
        over = alpha[rows].astype(np.uint64)[:, :, None]
        under = _background(background, first, samples[rows].shape)
        # `under` is 0 to 255: scale all terms by 255·top, so that only one rounding occurs
        mixed = over * image.samples[rows] * 255 + (top - over) * under * top
        samples[rows] = (2 * mixed + 255 * top) // (2 * 255 * top)
    return replace(image, samples=samples, alpha=None, steps=step)


def _background(background: Background, first: int, shape: tuple[int, ...]) -> Array:
    """Rows of the background from `first` on, 0 to 255."""
    if background == "checker":
        rows = np.arange(first, first + shape[0]) // CHECKER_SQUARE
        columns = np.arange(shape[1]) // CHECKER_SQUARE
        board = (rows[:, None] + columns[None, :]) % 2
        shades: Array = np.array(CHECKER_SHADES, dtype=np.uint64)[board][:, :, None]
        return shades
    return np.array(background[: shape[2]], dtype=np.uint64)
