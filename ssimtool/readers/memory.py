"""Read images that are in memory: Pillow images, NumPy arrays and torch tensors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.loading import part_of_loaded
from ssimtool.readers.arrays.image import frames_of_array, samples_of_array
from ssimtool.readers.images.opening import Opened, samples_of_pillow
from ssimtool.readers.samples import Array, Samples
from ssimtool.settings import ImageLayout

if TYPE_CHECKING:
    from torch import Tensor

# The accepted kinds of image: a path, a Pillow image, an array or a tensor.
ImageInput: TypeAlias = Union[str, os.PathLike[str], Image.Image, Array, "Tensor"]
ACCEPTED = "a path, a Pillow image, a NumPy array or a torch tensor"


def name_of(image: ImageInput) -> str:
    """Return the path of an image, or the name that a record gives to one in memory.

    Raises:
        TypeError: it is not an image.

    >>> name_of(np.zeros((2, 2))), name_of("a.png")
    ('<array>', 'a.png')
    """
    if isinstance(image, (str, os.PathLike)):
        return os.fsdecode(image)
    if isinstance(image, Image.Image):
        return os.fsdecode(getattr(image, "filename", "")) or "<Pillow image>"
    if isinstance(image, np.ndarray):
        return "<array>"
    if _is_tensor(image):
        return "<tensor>"
    raise TypeError(f"{type(image).__name__} is not an image: expected {ACCEPTED}")


def open_memory(
    image: ImageInput,
    *,
    frame: int | None = None,
    layout: ImageLayout = "auto",
    max_pixels: int = 0,
) -> Opened | None:
    """Open an image in memory; None for a path.

    Args:
        image: an image or a path. The first of four axes of an array or a tensor is that of the
            frames. A Pillow image is the frame that it is at.
        frame: number of the frame; None: all frames of an array.
        layout: layout of an array with three axes or more; for a tensor, `auto` means channels
            first.
        max_pixels: reject an image with more pixels; 0 is no limit.

    Raises:
        TypeError: it is none of the accepted kinds.
    """
    name = name_of(image)
    if isinstance(image, (str, os.PathLike)):
        return None
    if isinstance(image, Image.Image):
        picture = image
        size = 4 * picture.width * picture.height
        return Opened(
            picture.width * picture.height,
            size,
            False,
            lambda _: samples_of_pillow(picture, name, frame=frame, max_pixels=max_pixels),
        )
    if _is_tensor(image):
        layout = "chw" if layout == "auto" else layout
    array = _as_array(image, name)

    def decode(_: object) -> Samples:
        return samples_of_array(
            array, name, name=name, frame=frame, layout=layout, max_pixels=max_pixels
        )

    frames = None
    if frame is None:
        frames = frames_of_array(array, name, name=name, layout=layout, max_pixels=max_pixels)
    return Opened(0, array.nbytes, False, decode, frames)


def _is_tensor(image: object) -> bool:
    tensor = part_of_loaded("torch", "Tensor")  # no tensor exists before torch is loaded
    return tensor is not None and isinstance(image, tensor)


def _as_array(image: Any, name: str) -> Array:
    """Numbers of an array or a tensor, which are never written to."""
    if _is_tensor(image):
        import torch

        image = image.detach().cpu()
        image = image.float() if image.dtype == torch.bfloat16 else image  # NumPy has no bfloat16
        image = image.resolve_conj().resolve_neg().numpy()
    array: Array = image
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise SsimtoolError(
            "unsupported",
            f"{name}: has dtype {array.dtype}, expected bool, integers or floats of up to 64 "
            "bits; convert it",
        )
    return array
