"""Make two images comparable. Each step applies to both images and is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.depth import same_depth
from ssimtool.readers.files import shown
from ssimtool.readers.images.colour import over_background, to_rgb, to_same_profile
from ssimtool.readers.images.fast import LOAD_TORCH_FROM_PIXELS
from ssimtool.readers.images.opening import Opened, open_image
from ssimtool.readers.images.resample import resized
from ssimtool.readers.images.together import decode_together
from ssimtool.readers.memory import ImageInput, name_of, open_memory
from ssimtool.readers.options import Reading as Reading
from ssimtool.readers.options import recorded as recorded
from ssimtool.readers.options import unrecorded
from ssimtool.readers.ranges import in_value_range
from ssimtool.readers.samples import Array, Pair, Samples

# ITU-R BT.601-7, section 2.5.1: E'_Y = 0.299 E'_R + 0.587 E'_G + 0.114 E'_B
BT601 = (0.299, 0.587, 0.114)
LUMA_BYTES = 24  # per pixel: the sum, a product and a channel, each float64


def _nothing() -> None:
    pass


def _admitted(memory: int) -> None:
    pass


def read_pair(
    reference: ImageInput,
    distorted: ImageInput,
    options: Reading,
    *,
    threads: int | None = None,
    meanwhile: Callable[[], object] = _nothing,
    into: Pair | None = None,
    admit: Callable[[int], object] = _admitted,
) -> Pair:
    """Read two images and make them comparable.

    Args:
        reference, distorted: paths or images in memory. `-` is standard input; only one of the two
            can be read from it.
        options: the reading options of the command line.
        threads: 2 decodes two large PNG or JPEG files in parallel, 1 decodes one after the other.
            None is 2 in the main thread and 1 in any other thread, because other threads are then
            likely to decode as well.
        meanwhile: called in one more thread if decoding takes long; otherwise it is not called.
        into: a pair that is no longer needed. Its memory is reused if it fits, so that a loop over
            many pairs does not wait for the system to clear new memory.
        admit: called before the images are decoded, with the approximate number of bytes that the
            pair needs. It may wait until that much memory is free.

    Returns:
        the pair, with one shape and one dynamic range.

    Raises:
        SsimtoolError: a file cannot be read, or the two images cannot be compared.
    """
    x, y = open_both(reference, distorted, options, into)
    for opened, image in ((x, reference), (y, distorted)):
        if opened.frames is not None:
            raise _several_frames(name_of(image), len(opened.frames.numbers))
    admit(memory_of(x, y, options))
    return decode_both(x, y, options, threads=threads, meanwhile=meanwhile)


def open_both(
    reference: ImageInput, distorted: ImageInput, options: Reading, into: Pair | None = None
) -> tuple[Opened, Opened]:
    """Open two images; the arguments are those of `read_pair`.

    Raises:
        SsimtoolError: a file cannot be read.
    """
    x = _opened(reference, options, into.reference if into else None)
    try:
        return x, _opened(distorted, options, into.distorted if into else None)
    except SsimtoolError:
        x.decode(lambda: False)  # if both files are bad, report the reference
        raise


def decode_both(
    x: Opened,
    y: Opened,
    options: Reading,
    *,
    threads: int | None = None,
    meanwhile: Callable[[], object] = _nothing,
) -> Pair:
    """Decode two opened images and make them comparable; the arguments are those of `read_pair`.

    Raises:
        SsimtoolError: an image cannot be decoded, or the two cannot be compared.
    """
    if threads is None:
        threads = 2 if threading.current_thread() is threading.main_thread() else 1
    if threads > 1 and x.is_fast and y.is_fast:
        long = min(x.pixels, y.pixels) >= LOAD_TORCH_FROM_PIXELS
        return align(*decode_together(x, y, meanwhile if long else _nothing), options)
    first = x.decode(lambda: False)
    del x  # frees the memory of Pillow and of the file
    return align(first, y.decode(lambda: False), options)


def memory_of(x: Opened, y: Opened, options: Reading) -> int:
    """Approximate bytes of the samples, of their decoders, and of luma (computed in float64)."""
    luma = LUMA_BYTES * (x.pixels + y.pixels) if options.channels == "luma" else 0
    return sum(o.frames.memory if o.frames else o.memory for o in (x, y)) + luma


def _several_frames(path: str, count: int) -> SsimtoolError:
    return SsimtoolError(
        "frame_mismatch",
        f"{shown(path)}: has {count} frames, expected one image; choose one with --frame "
        f"(0 to {count - 1})",
    )


def _opened(image: ImageInput, options: Reading, into: Array | None) -> Opened:
    if not isinstance(image, str):
        opened = open_memory(
            image, frame=options.frame, layout=options.layout, max_pixels=options.max_pixels
        )
        if opened is not None:
            return opened
    return open_image(
        name_of(image),
        frame=options.frame,
        layout=options.layout,
        into=into,
        **unrecorded(options),
    )


def align(x: Samples, y: Samples, options: Reading) -> Pair:
    """Make two images comparable: profile, colour, size, alpha, channels, depth, luma.

    Raises:
        SsimtoolError: the images cannot be compared.
    """
    sample_type = str(x.samples.dtype)
    x, y = to_same_profile(x, y)
    x, y = to_rgb(x), to_rgb(y)
    if x.samples.shape[:2] != y.samples.shape[:2]:
        if not options.resize:
            raise _sizes_differ(x, y)
        y = resized(y, x.samples.shape[0], x.samples.shape[1])
    x, y = over_background(x, options.background), over_background(y, options.background)
    x, y = _same_channels(x, y)
    x, y = in_value_range(x, y, options.value_range)
    x, y, data_range, warnings = same_depth(x, y, options.data_range)
    if options.channels == "luma":
        x, y = _luma(x), _luma(y)
    steps = [f"{role}: {s}" for role, i in (("reference", x), ("distorted", y)) for s in i.steps]
    return Pair(
        reference_path=x.path,
        distorted_path=y.path,
        reference=x.samples,
        distorted=y.samples,
        data_range=data_range,
        sample_type=sample_type,
        colour=options.channels,
        reading=recorded(options),
        steps=tuple(steps),
        warnings=(*x.warnings, *y.warnings, *warnings),
    )


def _sizes_differ(x: Samples, y: Samples) -> SsimtoolError:
    (h, w), (h2, w2) = x.samples.shape[:2], y.samples.shape[:2]
    return SsimtoolError(
        "size_mismatch",
        f"{shown(y.path)}: is {w2}x{h2} pixels, expected {w}x{h} as in {shown(x.path)}; "
        "use images of the same size, or resample with --resize",
    )


def _same_channels(x: Samples, y: Samples) -> tuple[Samples, Samples]:
    c, c2 = x.samples.shape[2], y.samples.shape[2]
    if c == c2:
        return x, y
    if 1 not in (c, c2):
        raise SsimtoolError(
            "channel_mismatch",
            f"{shown(y.path)}: has {c2} channels, expected {c} as in {shown(x.path)}, or 1; "
            "use images with the same channels",
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
            "--channels luma; remove the option",
        )
    luma = sum(w * image.samples[:, :, i].astype(np.float64) for i, w in enumerate(BT601))
    samples: Array = np.asarray(luma)[:, :, None]
    return replace(image, samples=samples, steps=(*image.steps, "BT.601 luma"))
