"""Images in memory are read as the same images in files are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.memory import name_of, open_memory

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def _read(image, **options):
    return open_memory(image, **options).decode(lambda: False)


@pytest.mark.parametrize(
    ("image", "shape"),
    [
        (PIXELS, (5, 7, 3)),
        (PIXELS[:, :, 0], (5, 7, 1)),
        (PIXELS.transpose(2, 0, 1), (5, 7, 3)),
        (torch.from_numpy(PIXELS).permute(2, 0, 1), (5, 7, 3)),
        (torch.from_numpy(PIXELS).permute(2, 0, 1)[None], (5, 7, 3)),
        (torch.from_numpy(PIXELS[:, :, 1]), (5, 7, 1)),
        (Image.fromarray(PIXELS), (5, 7, 3)),
        (Image.fromarray(PIXELS[:, :, 0]), (5, 7, 1)),
    ],
    ids=["hwc", "hw", "chw", "tensor", "batch of one", "grey tensor", "Pillow", "grey Pillow"],
)
def test_the_samples(image, shape):
    found = _read(image)
    assert found.samples.shape == shape
    assert found.data_range == 255
    expected = PIXELS if shape[2] == 3 else None
    if expected is not None:
        assert np.array_equal(found.samples, expected)


def test_a_tensor_in_doubt_has_its_channels_first():
    x = torch.zeros(3, 8, 3)
    assert _read(x).samples.shape == (8, 3, 3)
    assert _read(x, layout="hwc").samples.shape == (3, 8, 3)
    with pytest.raises(SsimtoolError, match="--layout"):
        _read(x.numpy())


@pytest.mark.parametrize(
    ("tensor", "dtype"),
    [
        (torch.rand(4, 4, requires_grad=True), "float32"),
        (torch.rand(4, 4).to(torch.bfloat16), "float32"),
        (torch.rand(4, 4).half(), "float16"),
        (torch.zeros(4, 4, dtype=torch.bool), "uint8"),
    ],
)
def test_dtypes_of_tensors(tensor, dtype):
    found = _read(tensor)
    assert found.samples.dtype == dtype
    assert found.data_range == 1


def test_what_pillow_says_of_an_image_holds():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert _read(clear).alpha.max() == 0
    turned = Image.fromarray(PIXELS)
    turned.getexif()[0x0112] = 6
    found = _read(turned)
    assert found.samples.shape == (7, 5, 3)
    assert found.steps == ("EXIF orientation 6 applied",)


@pytest.mark.parametrize(
    ("image", "code", "words"),
    [
        (np.zeros((2, 2), complex), "unsupported", "complex128"),
        (np.zeros((2, 2), object), "unsupported", "object"),
        (np.full((2, 2), np.nan), "non_finite", "<array>"),
        (np.zeros((2, 2, 2, 2, 2)), "shape_mismatch", "(2, 2, 2, 2, 2)"),
        (torch.zeros(2, 2, 3, 4, 4), "shape_mismatch", "<tensor>"),
        (np.zeros((0, 4)), "shape_mismatch", "(0, 4)"),
    ],
)
def test_what_cannot_be_read(image, code, words):
    with pytest.raises(SsimtoolError) as error:
        _read(image)
    assert error.value.code == code
    assert words in error.value.message


def test_more_pixels_than_allowed():
    for image in (PIXELS, Image.fromarray(PIXELS)):
        assert _read(image, max_pixels=35).samples.shape == (5, 7, 3)
        with pytest.raises(SsimtoolError, match="7x5"):
            _read(image, max_pixels=34)


def test_names():
    assert name_of(Path("a.png")) == "a.png"
    assert name_of(torch.zeros(1)) == "<tensor>"
    assert name_of(Image.new("L", (1, 1))) == "<Pillow image>"
    assert open_memory("a.png") is None


@pytest.mark.parametrize("image", [3, None, b"a.png", [[1, 2], [3, 4]], {"a": 1}])
def test_what_is_no_image(image):
    with pytest.raises(TypeError, match="expected a path, a Pillow image, a NumPy array or"):
        name_of(image)
