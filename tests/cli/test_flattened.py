"""`ssimtool loss` of images that are flattened to rows."""

from __future__ import annotations

import numpy as np
import pytest

CHANNELS_LAST = (0, 2, 3, 1)


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        paths = [tmp_path / f"{name}.npy" for name in arrays]
        for path, array in zip(paths, arrays.values(), strict=True):
            np.save(path, array)
        return paths

    return save


@pytest.fixture
def pair():
    return np.random.RandomState(3).rand(2, 4, 3, 16, 12).astype(np.float32)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_rows_with_their_shape_give_the_loss_of_the_images(ssimtool, saved, pair, layout):
    latents = np.random.RandomState(4).randn(2, 4, 5)
    stored = pair if layout == "nchw" else pair.transpose(0, *(axis + 1 for axis in CHANNELS_LAST))
    flat = saved(x=stored[0].reshape(4, -1), y=stored[1].reshape(4, -1), m=latents[0], l=latents[1])
    rows = ssimtool("loss", *flat, "--image-shape", "3,16,12", "--layout", layout, "-f", "json")
    whole = saved(a=stored[0], b=stored[1])
    images = ssimtool("loss", *whole, *flat[2:], "--layout", layout, "-f", "json")
    for name in ("loss", "mse", "ssim_loss", "kl", "samples"):
        assert rows.record[name] == images.record[name]
    assert rows.record["shape"] == [4, 576]
    assert rows.record["steps"][0] == "recon, raw: rows to images of shape (3, 16, 12)"


def test_rows_of_squares_ask_for_their_shape(ssimtool, saved):
    for width, shape in ((3072, "3,32,32"), (784, "1,28,28"), (192, "3,8,8")):
        paths = saved(x=np.zeros((6, width)), y=np.zeros((6, width)))
        done = ssimtool("loss", *paths, "--beta", 0)
        assert done.code == 3
        assert f"(e.g. {shape}), or 1,6,{width} if it is one image" in done.err
        assert ssimtool("loss", *paths, "--beta", 0, "--image-shape", shape).code == 0
        whole = ssimtool("loss", *paths, "--beta", 0, "--image-shape", f"1,6,{width}", "-f", "json")
        assert whole.record["samples"] == 1


def test_rows_beside_as_many_latents_ask_for_their_shape(ssimtool, saved):
    latents = np.zeros((6, 2))
    paths = saved(x=np.zeros((6, 500)), y=np.zeros((6, 500)), m=latents, l=latents)
    done = ssimtool("loss", *paths)
    assert done.code == 3
    assert "has shape (6, 500), 6 rows as " in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("shape", [(40, 40), (256, 256), (30, 41), (20, 49)])
def test_one_image_stays_one_image(ssimtool, saved, shape):
    paths = saved(x=np.zeros(shape), y=np.zeros(shape))
    done = ssimtool("loss", *paths, "--beta", 0, "-f", "json")
    assert (done.code, done.record["samples"]) == (0, 1)
    assert not any("rows" in step for step in done.record["steps"])


def test_one_image_beside_the_latents_of_one_sample(ssimtool, saved):
    latents = np.zeros((1, 2))
    done = ssimtool(
        "loss", *saved(x=np.zeros((30, 784)), y=np.zeros((30, 784)), m=latents, l=latents)
    )
    assert done.code == 0


def test_another_shape_is_refused(ssimtool, saved):
    paths = saved(x=np.zeros((6, 3072)), y=np.zeros((6, 3072)))
    done = ssimtool("loss", *paths, "--beta", 0, "--image-shape", "3,32,31")
    assert done.code == 3
    assert "has shape (6, 3072), expected (N, 2976) for images of shape (3, 32, 31)" in done.err


@pytest.mark.parametrize("text", ["3,32", "3,32,0", "a", "3,32,32,1", "-3,32,32", "3x32x32"])
def test_what_is_no_shape_is_a_usage_error(ssimtool, saved, text):
    paths = saved(x=np.zeros((6, 3072)), y=np.zeros((6, 3072)))
    done = ssimtool("loss", *paths, "--beta", 0, f"--image-shape={text}")
    assert done.code == 2
    assert "is not C,H,W" in done.err
