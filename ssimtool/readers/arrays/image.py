"""Read one image from a .npy array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.frames import chosen_frame, frame_count
from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.arrays.sources import ArraySource, array_of, in_memory, open_array
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Array, FrameStack, Samples, Space, is_within, range_of_type
from ssimtool.settings import ImageLayout

CHANNELS = (1, 3, 4)
SPACES: dict[int, Space] = {1: "grey", 3: "rgb"}


def read_array_image(
    path: str,
    data: bytes | None,
    *,
    frame: int | None = None,
    layout: ImageLayout = "auto",
    max_pixels: int = 0,
    into: Array | None = None,
) -> Samples:
    """Read one image from a .npy array of shape (H, W), (H, W, C) or (C, H, W), or of frames of it.

    Args:
        path: a file; it is read if `data` is None.
        data: the content of the file, if it is read already.
        frame: number of the frame; None takes the first and warns if there are several.
        layout: layout of three axes and more; `auto` takes the end with 1, 3 or 4 entries for the
            channels, `thw` the first of three axes for the frames.
        max_pixels: reject an image with more pixels; 0 is no limit.
        into: memory that the samples may take.

    Raises:
        SsimtoolError: the file, its shape or its numbers are not those of an image.
    """
    return _chosen_samples(_opened(path, data), path, shown(path), frame, layout, max_pixels, into)


def read_array_frames(
    path: str, data: bytes | None, *, layout: ImageLayout = "auto", max_pixels: int = 0
) -> FrameStack | None:
    """Return the frames of a .npy array; None if it holds one image.

    Args:
        path, data, layout, max_pixels: the arguments of `read_array_image`.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npy file.
    """
    return _frames(_opened(path, data), path, shown(path), layout, max_pixels)


def _opened(path: str, data: bytes | None) -> ArraySource:
    return open_array(path) if data is None else array_of(data, shown(path))


def frames_of_array(
    array: Array,
    path: str,
    *,
    name: str,
    layout: ImageLayout = "auto",
    max_pixels: int = 0,
) -> FrameStack | None:
    """Return the frames of an array; None if it holds one image.

    Args:
        array, path, name, layout, max_pixels: the arguments of `samples_of_array`.
    """
    return _frames(in_memory(array, name), path, name, layout, max_pixels)


def _frames(
    source: ArraySource, path: str, name: str, layout: ImageLayout, max_pixels: int
) -> FrameStack | None:
    count = frame_count(source.shape, layout)
    if count is None or count == 1:
        return None

    layout = _layout_of_frame(layout)

    def read(number: int) -> Samples:
        source.release()
        _check_shape(source.shape[1:], name, layout, max_pixels)
        return _samples(source.read(number, number + 1)[0], path, name, layout)

    return FrameStack(tuple(range(count)), source.nbytes // count, read)


def samples_of_array(
    array: Array,
    path: str,
    *,
    name: str,
    frame: int | None = None,
    layout: ImageLayout = "auto",
    max_pixels: int = 0,
) -> Samples:
    """Return an array of shape (H, W), (H, W, C) or (C, H, W), or of frames of it, as samples.

    Args:
        array: bool, integers or floats.
        path: the name in the record.
        name: the name in messages.
        frame: number of the frame; None takes the first and warns if there are several.
        layout: layout of three axes and more; `auto` takes the end with 1, 3 or 4 entries for the
            channels, `thw` the first of three axes for the frames.
        max_pixels: reject an image with more pixels; 0 is no limit.

    Raises:
        SsimtoolError: its shape or its numbers are not those of an image.
    """
    return _chosen_samples(in_memory(array, name), path, name, frame, layout, max_pixels)


def _chosen_samples(
    source: ArraySource,
    path: str,
    name: str,
    frame: int | None,
    layout: ImageLayout,
    max_pixels: int,
    into: Array | None = None,
) -> Samples:
    count = frame_count(source.shape, layout)
    number, warnings = chosen_frame(count or 1, name, frame)
    if count is not None:
        layout = _layout_of_frame(layout)
    _check_shape(source.shape[count is not None :], name, layout, max_pixels)
    if count is not None:
        array = source.read(number, number + 1)[0]
    elif into is not None and source.fill(into):
        array = into.reshape(source.shape)
    else:
        array = source.read(0, source.shape[0])
    samples = _samples(array, path, name, layout)
    chosen = (f"frame {number}",) if number else ()
    return replace(samples, steps=chosen + samples.steps, warnings=warnings)


def _layout_of_frame(layout: ImageLayout) -> ImageLayout:
    return "auto" if layout == "thw" else layout


def _check_shape(shape: tuple[int, ...], name: str, layout: ImageLayout, max_pixels: int) -> None:
    """Check the shape of an image before its samples are read.

    Raises:
        SsimtoolError: `shape_mismatch` or `too_large`.
    """
    height, width, _ = _as_hwc(np.broadcast_to(np.uint8(0), shape), name, layout).shape
    check_pixels(name, width, height, max_pixels)


def _samples(array: Array, path: str, name: str, layout: ImageLayout) -> Samples:
    stored = array.shape
    array = _as_hwc(array, name, layout)
    steps = ("channels first to last",) if len(stored) == 3 and stored != array.shape else ()
    channels = array.shape[2]
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
        return Samples(
            path=path, samples=array, space=SPACES.get(channels, "other"), data_range=1, steps=steps
        )
    return Samples(
        path=path,
        samples=array,
        space=SPACES.get(channels, "other"),
        data_range=range_of_type(array.dtype) or _finite_range(array, name),
        steps=steps,
    )


def check_pixels(name: str, width: int, height: int, max_pixels: int) -> None:
    """Reject an image with more pixels than allowed.

    Raises:
        SsimtoolError: `too_large`.
    """
    if max_pixels and width * height > max_pixels:
        raise SsimtoolError(
            "too_large",
            f"{name}: has {width}x{height} = {width * height} pixels, expected at most "
            f"{max_pixels}; allow more with --max-pixels",
        )


def _as_hwc(array: Array, name: str, layout: ImageLayout) -> Array:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{name}: has shape {array.shape}, expected (H, W), (H, W, C) or (C, H, W), with four "
            "axes frames of them, none of them 0; save one image, or frames",
        )
    if array.ndim == 2:
        return array[:, :, None]
    first, last = array.shape[0] in CHANNELS, array.shape[2] in CHANNELS
    if layout == "auto" and first == last:
        raise SsimtoolError(
            "shape_mismatch",
            f"{name}: cannot tell the channel axis of shape {array.shape}, expected 1, 3 or 4 "
            "channels at one end; pass --layout (hwc, chw, or thw for frames)",
        )
    if layout == "chw" or (layout == "auto" and first):
        return array.transpose(1, 2, 0)
    return array


def _finite_range(array: Array, name: str) -> float | None:
    lowest, highest = float(array.min()), float(array.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise non_finite(name)
    return 1.0 if is_within(lowest, highest, 0, 1) else None
