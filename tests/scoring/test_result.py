"""`ssimtool.compare`: the numbers of the command line, from Python."""

from __future__ import annotations

import html
import json
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ssimtool
from ssimtool import SsimtoolError, find_definition
from ssimtool.devices import is_cpu_only

SIDE = 48


@pytest.fixture
def pair(tmp_path):
    rng = np.random.default_rng(5)
    x = rng.integers(0, 256, (SIDE, SIDE + 3, 3), dtype=np.uint8)
    y = np.clip(x.astype(int) + rng.integers(-30, 30, x.shape), 0, 255).astype(np.uint8)
    paths = tmp_path / "x.png", tmp_path / "y.png"
    for path, image in zip(paths, (x, y), strict=True):
        Image.fromarray(image).save(path)
    return paths


KINDS = {
    "path": str,
    "pathlib": Path,
    "pillow": Image.open,
    "array": lambda path: np.array(Image.open(path)),
    "tensor": lambda path: torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1),
}


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", ["path", "tensor"])
def test_every_kind_of_image_gives_the_number_of_the_command_line(
    command_line, pair, first, second
):
    reference, distorted = KINDS[first](pair[0]), KINDS[second](pair[1])
    found = ssimtool.compare(reference, distorted)
    lines = command_line("compare", *pair, pair[1], "-f", "ndjson").out.splitlines()
    expected = json.loads(lines[0])["metrics"]
    assert list(found.metrics) == list(expected)
    assert found.metrics == expected  # docs/reliability.md: the same bits
    alone = command_line("compare", *pair, "-f", "json").record["metrics"]
    # by NumPy: to the promise of single precision
    assert found.metrics == {k: pytest.approx(v, rel=1e-6, abs=1e-7) for k, v in alone.items()}
    assert found.ssim == found.metrics["ssim"]
    assert found.map is None


def test_options_are_those_of_the_command_line(command_line, pair, tmp_path):
    mask = np.zeros((SIDE, SIDE + 3), bool)
    mask[10:40, 10:40] = True
    np.save(tmp_path / "mask.npy", mask)
    options = {
        "metrics": ["psnr", "ssim"], "definition": "skimage", "channels": "luma",
        "regions": [(0, 0, 30, 30)], "precision": "double", "data_range": 255,
    }  # fmt: skip
    expected = command_line(
        "compare", *pair, "-m", "psnr", "-m", "ssim", "--definition", "skimage", "--channels",
        "luma", "--region", "0,0,30,30", "--mask", tmp_path / "mask.npy", "--data-range", 255,
        "-f", "json",
    ).record  # fmt: skip
    for given in (tmp_path / "mask.npy", mask, torch.from_numpy(mask)):
        found = ssimtool.compare(*pair, mask=given, **options)
        assert found.metrics == expected["metrics"]
        assert found.record.counted == expected["counted"] == 400
        assert found.record.definition["name"] == "skimage"
    assert ssimtool.compare(*pair, mask=mask, **options).record.mask == "<array>"


@pytest.mark.parametrize("backend", ["auto", "fused", "torch"])
def test_views_of_arrays(pair, backend):
    """Flipped, transposed and strided views give the numbers of their copies."""
    x, y = (np.array(Image.open(path)) for path in pair)
    for view in (np.s_[:, ::-1], np.s_[::-1], np.s_[::2, 1::2], np.s_[:, :, ::-1]):
        seen = ssimtool.compare(x[view], y[view], backend=backend).metrics
        copied = ssimtool.compare(x[view].copy(), y[view].copy(), backend=backend).metrics
        assert seen == copied


def test_the_map(pair):
    found = ssimtool.compare(*pair, metrics="ssim", definition="cvae", map=True)
    assert found.map.shape == (SIDE, SIDE + 3)
    assert found.map.dtype == np.float32
    assert found.map.mean() == pytest.approx(found.ssim, abs=1e-6)  # a float32 map


def test_the_dictionary_holds_plain_values(pair):
    found = ssimtool.compare(*pair, metrics=["mse"])
    told = found.to_dict()
    assert told["schema"] == "ssimtool.comparison/1"
    assert told["metrics"] == {"mse": found.metrics["mse"]}
    assert (
        ssimtool.compare(pair[0], pair[0], metrics="psnr").to_dict()["metrics"]["psnr"] == math.inf
    )
    with pytest.raises(AttributeError, match="ssim was not requested: the metrics are mse"):
        _ = found.ssim
    assert repr(found).startswith("ComparisonResult(mse=")
    assert pickle.loads(pickle.dumps(found.record)) == found.record


def test_a_notebook_shows_scores_both_images_and_the_map(pair, tmp_path):
    strange = tmp_path / "<b>&.png"
    strange.write_bytes(pair[1].read_bytes())
    shown = ssimtool.compare(pair[0], strange)._repr_html_()
    assert len(re.findall('src="data:image/webp;base64,', shown)) == 3
    assert 'type="range"' in shown
    assert "http" not in shown
    assert html.escape("<b>&.png") in shown
    assert "<b>&.png" not in shown
    for title in ("SSIM", "MSE", "PSNR", "data range 255"):
        assert title in shown


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"metrics": "nonsense"}, ValueError, "'nonsense' is not one of ssim"),
        ({"metrics": ()}, ValueError, "metrics is empty"),
        ({"definition": "nonsense"}, ValueError, "unknown definition"),
        ({"scales": 6}, ValueError, "scales is 6: expected 1 to 5"),
        ({"precision": "half"}, ValueError, "unknown precision 'half'"),
        ({"channels": "r"}, ValueError, "unknown channels 'r'"),
        ({"layout": "nchw"}, ValueError, "unknown layout"),
        ({"data_range": 0}, ValueError, "data_range is 0"),
        ({"background": "nonsense"}, ValueError, "nonsense"),
        ({"device": "cuda:77"}, ValueError, "cuda:77 is not present"),
        ({"backend": "cuda"}, ValueError, "unknown backend 'cuda': expected one of auto, fused"),
        ({"mask": 3}, TypeError, "int is not an image"),
        ({"definition": find_definition("wang2004", window_size=101)}, SsimtoolError, "101x101"),
    ],
)
def test_wrong_arguments(pair, options, error, words):
    with pytest.raises(error, match=re.escape(words)):
        ssimtool.compare(*pair, **options)


def test_errors_name_the_arguments_of_python(pair):
    floats = np.full((SIDE, SIDE), 200.0)
    with pytest.raises(SsimtoolError, match=r"pass data_range \(e.g. "):
        ssimtool.compare(floats, floats)
    with pytest.raises(SsimtoolError, match="resize") as error:
        ssimtool.compare(pair[0], np.zeros((9, 9), np.uint8))
    assert "--" not in str(error.value)


def test_what_is_no_image(pair):
    with pytest.raises(TypeError, match="list is not an image: expected a path, a Pillow image"):
        ssimtool.compare(pair[0], [1, 2])
    with pytest.raises(SsimtoolError, match="no such file"):
        ssimtool.compare(pair[0], "gone.png")


SCRIPT = """
import sys, warnings
import PIL.Image
before = PIL.Image.MAX_IMAGE_PIXELS
import ssimtool
print(ssimtool.compare(sys.argv[1], sys.argv[2]).ssim)
assert PIL.Image.MAX_IMAGE_PIXELS == before
modules = [getattr(f[3], "pattern", f[3]) or "" for f in warnings.filters]
assert not any("PIL" in module for module in modules)
print("torch" in sys.modules)
"""


def test_the_process_of_the_caller_stays_as_it_is(pair):
    command = [sys.executable, "-c", SCRIPT, *map(str, pair)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == str(not is_cpu_only())
