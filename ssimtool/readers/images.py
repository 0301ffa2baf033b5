"""One image file to samples, as they are: 8 bits stay 8, 16 bits stay 16."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import replace
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays import ImageLayout, check_pixels, read_array_image
from ssimtool.readers.deep import is_deep, read_deep
from ssimtool.readers.files import NPY_MAGIC, is_array_file, read_bytes, shown
from ssimtool.readers.modes import from_pillow
from ssimtool.readers.npy import is_pickle, non_finite, pickled
from ssimtool.readers.samples import Array, Samples

# What Pillow's plug-ins raise on content that is cut off or damaged.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
MAGIC = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
PROGRAMS = ("EPS", "WMF")  # Pillow would start other programs to draw them
ORIENTATION = 0x0112  # the EXIF tag


def set_up_pillow() -> None:
    """For a process of our own: `max_pixels` takes the place of Pillow's limit, and what Pillow
    warns of on the way is not printed in between."""
    Image.MAX_IMAGE_PIXELS = None
    warnings.filterwarnings("ignore", module=r"PIL\.")


def read_image(
    path: str,
    *,
    frame: int | None = None,
    max_pixels: int = 0,
    layout: ImageLayout = "auto",
) -> Samples:
    """One image from a file of any format that Pillow opens, or from a .npy array.

    Args:
        path: a file, or `-` for standard input.
        frame: of a file with several; None takes the first and warns.
        max_pixels: more pixels are refused before they are decoded; 0 is no limit.
        layout: of a .npy array with three axes.

    Returns:
        the samples, with the EXIF orientation applied and palettes resolved.

    Raises:
        SsimtoolError: whatever is wrong with the file.
    """
    if is_array_file(path):
        return read_array_image(path, None, layout=layout, max_pixels=max_pixels)
    data = read_bytes(path)
    if data.startswith(NPY_MAGIC):
        return read_array_image(path, data, layout=layout, max_pixels=max_pixels)
    name = shown(path)
    try:
        samples = _decoded(data, path, name, frame, max_pixels)
    except MemoryError:
        raise SsimtoolError(
            "too_large", f"{name}: does not fit into memory, expected a smaller image; reduce it"
        ) from None
    except DAMAGED as error:
        raise _damaged(data, name, error) from None
    if samples.samples.dtype.kind == "f" and not np.isfinite(samples.samples).all():
        raise non_finite(name)
    return samples


def _decoded(data: bytes, path: str, name: str, frame: int | None, max_pixels: int) -> Samples:
    with _open(data, name) as image:
        check_pixels(name, *image.size, max_pixels)
        number, warned = _choose_frame(image, name, frame)
        check_pixels(name, *image.size, max_pixels)
        before = _orientation(image)
        if image.format == "PNG":  # as it decodes, Pillow looks at no checksum of the samples
            Image.open(io.BytesIO(data)).verify()
        image.load()
        after = _orientation(image)
        deep = is_deep(image, data, name)
        samples = read_deep(image, data, number, path) if deep else from_pillow(image, path)
    # Pillow turns a TIFF as it loads it, and takes the tag away; the others it leaves.
    turned = before != after and not deep
    samples = _turned(samples, after if after != 1 else before, done=turned)
    chosen = (f"frame {number}",) if number else ()
    return replace(samples, steps=chosen + samples.steps, warnings=samples.warnings + warned)


def _open(data: bytes, name: str) -> Image.Image:
    if not data:
        raise SsimtoolError(
            "not_an_image", f"{name}: is empty (0 bytes), expected an image; save or copy it again"
        )
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise _unidentified(data, name) from None
    except Image.DecompressionBombError as error:
        raise SsimtoolError("too_large", f"{name}: {error}; reduce it first") from None
    if image.format in PROGRAMS:
        raise SsimtoolError(
            "unsupported",
            f"{name}: is {image.format}, a program that draws, expected pixels; render it to PNG",
        )
    return image


def _unidentified(data: bytes, name: str) -> SsimtoolError:
    if is_pickle(data):
        return pickled(name)
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    if MAGIC.get(data[:4]) == "TIFF" and 8 <= int.from_bytes(data[4:8], order) < len(data):
        return SsimtoolError(
            "unsupported",
            f"{name}: is a TIFF of a kind that is not read, expected integers of 8 or 16 bits or "
            "grey floats; save it as a 16-bit PNG or a .npy array",
        )
    for magic, kind in MAGIC.items():
        if data.startswith(magic):
            return SsimtoolError(
                "truncated",
                f"{name}: begins like a {kind} but is cut off or of a kind that is not read "
                f"({len(data)} bytes), expected a whole image; copy it again or save it as PNG",
            )
    kind = "a zip archive (.npz, .pt)" if data[:2] == b"PK" else "of no known image format"
    return SsimtoolError(
        "not_an_image",
        f"{name}: is {kind} (begins with {data[:8]!r}), expected an image or a .npy array; "
        "check that it is the right file",
    )


def _damaged(data: bytes, name: str, error: Exception) -> SsimtoolError:
    reason = str(error) or type(error).__name__
    signs = ("truncated", "eof", "only got", "end of file", "not enough", "incomplete")
    short_riff = data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if short_riff or any(sign in reason.lower() for sign in signs):
        return SsimtoolError(
            "truncated",
            f"{name}: ends before its image does ({reason}; {len(data)} bytes), expected a whole "
            "image; copy or save it again",
        )
    return SsimtoolError(
        "unreadable",
        f"{name}: cannot be decoded ({reason}), expected an intact image; copy or save it again",
    )


def _choose_frame(image: Image.Image, name: str, frame: int | None) -> tuple[int, tuple[str, ...]]:
    count = getattr(image, "n_frames", 1)
    if count == 1:
        return 0, (f"{name}: has one frame, --frame {frame} is not used",) if frame else ()
    if frame is None:
        return 0, (f"{name}: has {count} frames, frame 0 is compared; choose one with --frame",)
    if frame >= count:
        raise SsimtoolError(
            "unsupported",
            f"{name}: has {count} frames and no frame {frame}, expected 0 to {count - 1}; "
            "give another --frame",
        )
    image.seek(frame)
    return frame, ()


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except DAMAGED:  # EXIF that cannot be read says nothing
        return 1
    return value if value in range(2, 9) else 1


def _turned(samples: Samples, orientation: int, *, done: bool) -> Samples:
    """The samples as the EXIF orientation means them (EXIF 2.32, section 4.6.4, tag 0x0112)."""
    if orientation == 1:
        return samples
    step = (*samples.steps, f"EXIF orientation {orientation} applied")
    if done:
        return replace(samples, steps=step)

    def turn(array: Array) -> Array:
        if orientation >= 5:
            array = array.swapaxes(0, 1)
        if orientation in (3, 4, 7, 8):
            array = array[::-1]
        if orientation in (2, 3, 6, 7):
            array = array[:, ::-1]
        return np.ascontiguousarray(array)

    alpha = samples.alpha
    return replace(
        samples,
        samples=turn(samples.samples),
        alpha=None if alpha is None else turn(alpha),
        steps=step,
    )
