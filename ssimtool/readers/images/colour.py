"""Convert colour profiles and CMYK, and put transparent pixels on a background."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.images.colour_description import is_srgb, of_grey
from ssimtool.readers.images.to_srgb import can_convert, to_srgb
from ssimtool.readers.samples import Array, Samples
from ssimtool.settings import Background

BAND = 256  # rows
CHECKER_SQUARE = 8  # pixels
PROFILE_SPACE = {"grey": b"GRAY", "rgb": b"RGB ", "cmyk": b"CMYK"}
SPACES = {b"GRAY": "grey", b"RGB ": "RGB", b"CMYK": "CMYK"}
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
    """Convert two images to sRGB if their colour profiles or descriptions differ.

    An image without either is assumed to be sRGB, as on the web (CSS Color 4, section 10.1).

    Raises:
        SsimtoolError: `unsupported`, they differ and one cannot be converted.
    """
    if (x.profile, x.colour, x.space) == (y.profile, y.colour, y.space):
        return x, y
    x, y = _with_usable_colour(x), _with_usable_colour(y)
    a, b = _colour_name(x), _colour_name(y)
    if a == b == "sRGB" or (x.colour == y.colour is not None):
        return x, y
    return _to_srgb(x, a, b), _to_srgb(y, b, a)


def _with_usable_colour(image: Samples) -> Samples:
    """Drop a profile that cannot be read or is not for these samples, as libpng does."""
    if image.colour is not None and image.space == "grey":
        grey = of_grey(image.colour)
        return replace(image, colour=None if is_srgb(grey) else grey)
    if image.profile is None:
        return image
    from PIL import ImageCms

    try:
        name = _profile_name(image.profile)
    except (OSError, ImageCms.PyCMSError):
        reason = "cannot be read"
    else:
        space = image.profile[16:20]  # ICC.1:2022, section 7.2.6
        if PROFILE_SPACE.get(image.space) == space or name == "sRGB":
            return image
        kind = SPACES.get(space, space.decode("ascii", "replace").strip())
        own = SPACES.get(PROFILE_SPACE.get(image.space, b""), image.space)
        reason = f"is for {kind} samples, but the image is {own},"
    warning = f"{shown(image.path)}: its colour profile {reason} and is ignored"
    return replace(image, profile=None, warnings=(*image.warnings, warning))


def _colour_name(image: Samples) -> str:
    if image.colour is not None:
        return image.colour.source
    if image.profile is None:
        return "none" if image.space == "cmyk" else "sRGB"
    return _profile_name(image.profile)


def _profile_name(content: bytes) -> str:
    """Name of a profile; every name that contains sRGB counts as sRGB."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
    described = ImageCms.getProfileDescription(profile).strip()
    return "sRGB" if "srgb" in described.lower() else described or "unnamed"


def _to_srgb(image: Samples, own: str, other: str) -> Samples:
    if own in ("sRGB", "none"):
        return image
    kind = "profile" if image.colour is None else "description"
    warning = (
        f"{shown(image.path)}: its colour {kind} ({own}) differs from the other's ({other}); "
        "converted to sRGB"
    )
    samples = _converted(image, own)
    return replace(
        image,
        samples=samples,
        space="rgb" if samples.shape[2] == 3 else "grey",
        profile=None,
        colour=None,
        steps=(*image.steps, f"colour {kind} {own} to sRGB"),
        warnings=(*image.warnings, warning),
    )


def _converted(image: Samples, own: str) -> Array:
    if image.profile is not None:
        return _transformed(image, image.profile, own)
    if image.colour is None or not can_convert(image.colour) or image.samples.dtype.kind != "u":
        raise SsimtoolError(
            "unsupported",
            f"{shown(image.path)}: {image.samples.dtype} samples with the colour description "
            f"{own} cannot be converted to sRGB, and the other image has another colour space; "
            "convert it first",
        )
    return to_srgb(image.samples, image.colour)


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
