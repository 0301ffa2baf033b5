"""Two images made comparable: each step is taken for both alike, and recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.depth import same_depth
from ssimtool.readers.files import shown
from ssimtool.readers.images.colour import laid_on, to_rgb, to_same_profile
from ssimtool.readers.images.fast import LONG
from ssimtool.readers.images.opening import Opened, open_image
from ssimtool.readers.images.resample import resized
from ssimtool.readers.images.together import decode_together
from ssimtool.readers.memory import ImageInput, name_of, open_memory
from ssimtool.readers.options import Reading as Reading
from ssimtool.readers.options import recorded as recorded
from ssimtool.readers.samples import Array, Pair, Samples

# ITU-R BT.601-7, section 2.5.1: E'_Y = 0.299 E'_R + 0.587 E'_G + 0.114 E'_B
BT601 = (0.299, 0.587, 0.114)
LUMA_BYTES = 24  # of each pixel: the sum, a product and a channel of float64


def _nothing() -> None:
    pass


def _admitted(memory: int) -> None:
    pass


def read_pair(
    reference: ImageInput,
    distorted: ImageInput,
    how: Reading,
    *,
    threads: int | None = None,
    meanwhile: Callable[[], object] = _nothing,
    into: Pair | None = None,
    admit: Callable[[int], object] = _admitted,
) -> Pair:
    """Two images, read and made comparable.

    Args:
        reference, distorted: files, or `-` for standard input, for one of the two; or images in
            memory.
        how: the options of the command line.
        threads: 2 decodes two large PNG or JPEG side by side, 1 one after the other; None is 2 in
            the main thread and 1 in any other, beside which more are likely to decode.
        meanwhile: called in one more thread while two images decode for long; else not at all.
        into: a pair that is no longer needed: its memory is written to again where it fits, which
            spares a loop over many pairs the time in which new memory is cleared.
        admit: called before anything is decoded, with the bytes that the pair will take, about; it
            may wait until they are there.

    Returns:
        the pair, of one shape and one dynamic range.

    Raises:
        SsimtoolError: a file that cannot be read, or two that cannot be compared.
    """
    x = _opened(reference, how, into.reference if into else None)
    try:
        y = _opened(distorted, how, into.distorted if into else None)
    except SsimtoolError:
        x.decode(lambda: False)  # where both are wrong, it is the reference that is told of
        raise
    admit(_memory(x, y, how))
    if threads is None:
        threads = 2 if threading.current_thread() is threading.main_thread() else 1
    if threads > 1 and x.is_fast and y.is_fast:
        long = min(x.pixels, y.pixels) >= LONG
        return align(*decode_together(x, y, meanwhile if long else _nothing), how)
    first = x.decode(lambda: False)
    del x  # and with it what Pillow and the file hold in memory
    return align(first, y.decode(lambda: False), how)


def _memory(x: Opened, y: Opened, how: Reading) -> int:
    """Bytes, about: the samples, what decodes them, and what luma computes them in (float64)."""
    luma = LUMA_BYTES * (x.pixels + y.pixels) if how.channels == "luma" else 0
    return x.memory + y.memory + luma


def _opened(image: ImageInput, how: Reading, into: Array | None) -> Opened:
    if not isinstance(image, str):
        opened = open_memory(image, layout=how.layout, max_pixels=how.max_pixels)
        if opened is not None:
            return opened
    return open_image(
        name_of(image), frame=how.frame, max_pixels=how.max_pixels, layout=how.layout, into=into
    )


def align(x: Samples, y: Samples, how: Reading) -> Pair:
    """Two images made comparable: profile, colour, alpha, channels, depth, size.

    Raises:
        SsimtoolError: they cannot be compared.
    """
    sample_type = str(x.samples.dtype)
    x, y = to_same_profile(x, y)
    x, y = to_rgb(x), to_rgb(y)
    if x.samples.shape[:2] != y.samples.shape[:2]:
        if not how.resize:
            raise _sizes_differ(x, y)
        y = resized(y, x.samples.shape[0], x.samples.shape[1])
    x, y = laid_on(x, how.background), laid_on(y, how.background)
    x, y = _same_channels(x, y)
    x, y, data_range, warned = same_depth(x, y, how.data_range)
    if how.channels == "luma":
        x, y = _luma(x), _luma(y)
    steps = [f"{role}: {s}" for role, i in (("reference", x), ("distorted", y)) for s in i.steps]
    return Pair(
        reference_path=x.path,
        distorted_path=y.path,
        reference=x.samples,
        distorted=y.samples,
        data_range=data_range,
        sample_type=sample_type,
        colour=how.channels,
        reading=recorded(how),
        steps=tuple(steps),
        warnings=(*x.warnings, *y.warnings, *warned),
    )


def _sizes_differ(x: Samples, y: Samples) -> SsimtoolError:
    (h, w), (h2, w2) = x.samples.shape[:2], y.samples.shape[:2]
    return SsimtoolError(
        "size_mismatch",
        f"{shown(y.path)}: is {w2}x{h2} pixels, expected {w}x{h} as in {shown(x.path)}; "
        "give images of one size, or resample with --resize",
    )


def _same_channels(x: Samples, y: Samples) -> tuple[Samples, Samples]:
    c, c2 = x.samples.shape[2], y.samples.shape[2]
    if c == c2:
        return x, y
    if 1 not in (c, c2):
        raise SsimtoolError(
            "channel_mismatch",
            f"{shown(y.path)}: has {c2} channels, expected {c} as in {shown(x.path)}, or 1; "
            "give images with the same channels",
        )
    return _repeated(x, c2) if c == 1 else x, _repeated(y, c) if c2 == 1 else y


def _repeated(image: Samples, channels: int) -> Samples:
    samples = np.repeat(image.samples, channels, axis=2)
    return replace(image, samples=samples, steps=(*image.steps, "grey to colour"))


def _luma(image: Samples) -> Samples:
    if image.samples.shape[2] == 1:
        return image
    if image.samples.shape[2] != 3:
        raise SsimtoolError(
            "channel_mismatch",
            f"{shown(image.path)}: has {image.samples.shape[2]} channels, expected 1 or 3 for "
            "--channels luma; leave the option out",
        )
    luma = sum(w * image.samples[:, :, i].astype(np.float64) for i, w in enumerate(BT601))
    samples: Array = np.asarray(luma)[:, :, None]
    return replace(image, samples=samples, steps=(*image.steps, "BT.601 luma"))
