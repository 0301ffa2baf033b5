"""`ssimtool compare`: the numbers, every format, thresholds, maps, options."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import plain
import pytest
import torch
from PIL import Image

import ssimtool as library
from ssimtool import devices
from ssimtool.catalog import METRICS
from ssimtool.scoring import tensors as evaluate_tensors

RNG = np.random.RandomState(0)
X = RNG.randint(0, 256, (40, 50, 3)).astype(np.uint8)
Y = np.clip(X + RNG.normal(0, 20, X.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def pair(tmp_path):
    """Two colour PNGs, 50 x 40."""
    Image.fromarray(X).save(tmp_path / "a.png")
    Image.fromarray(Y).save(tmp_path / "b.png")
    return tmp_path / "a.png", tmp_path / "b.png"


def test_numbers_of_the_json_record(ssimtool, pair):
    done = ssimtool(
        "compare", *pair, "-f", "json", "-m", "ssim", "-m", "mse", "-m", "mae", "-m", "psnr",
        "--precision", "double",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    record = done.record
    channels = [plain.ssim_map(X[:, :, c], Y[:, :, c], 255).mean() for c in range(3)]
    found = record["metrics"]
    # float64 on both sides
    assert found["ssim"] == pytest.approx(np.mean(channels), abs=1e-12)
    assert found["ssim_loss"] == pytest.approx(1 - np.mean(channels), abs=1e-12)
    assert record["per_channel"]["ssim"] == pytest.approx(channels, abs=1e-12)
    error = X.astype(float) - Y
    assert found["mse"] == pytest.approx((error**2).mean(), rel=1e-15)
    assert found["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-15)
    assert found["psnr"] == pytest.approx(10 * np.log10(255**2 / (error**2).mean()), rel=1e-14)
    assert list(found) == ["ssim", "ssim_loss", "mse", "mae", "psnr"]


def test_fields_of_the_json_record(ssimtool, pair):
    record = ssimtool("compare", *pair, "-f", "json", "--fail-under", "0.5").record
    # every field of the contract, in its order; sample_type, scales, reading, mask, regions,
    # counted, map, columns, backend and precision are additions
    assert list(record) == [
        "schema", "status", "id", "reference", "distorted", "width", "height", "channels",
        "sample_type", "data_range", "identical", "metrics", "per_channel", "definition",
        "scales", "colour", "reading", "mask", "regions", "counted", "steps", "thresholds", "map",
        "columns", "device", "backend", "precision", "frames", "version", "warnings", "error",
    ]  # fmt: skip
    assert record["reading"] == {
        "channels": "rgb", "data_range": None, "value_range": None, "background": "checker",
        "resize": False, "frame": None, "layout": "auto",
    }  # fmt: skip
    assert record["schema"] == "ssimtool.comparison/1"
    assert (record["width"], record["height"], record["channels"]) == (50, 40, 3)
    assert (record["data_range"], record["identical"], record["error"]) == (255, False, None)
    assert (record["reference"], record["distorted"]) == tuple(map(str, pair))
    assert record["definition"] == {
        "name": "wang2004", "window": "gaussian", "window_size": 11, "sigma": 1.5, "k1": 0.01,
        "k2": 0.03, "border": "valid", "covariance": "population", "downsample": 1,
        "region": "valid",
    }  # fmt: skip
    assert record["thresholds"] == [
        {"metric": "ssim", "op": "under", "value": 0.5, "holds": True, "statistic": None}
    ]
    assert record["version"] == library.__version__


def test_the_formats_agree(ssimtool, pair):
    record = ssimtool("compare", *pair, "-f", "json").record
    line = ssimtool("compare", *pair, "-f", "ndjson").out
    assert line.count("\n") == 1
    assert json.loads(line) == record
    (row,) = csv.DictReader(io.StringIO(ssimtool("compare", *pair, "-f", "csv", "--wide").out))
    for name, value in record["metrics"].items():
        assert float(row[name]) == value
    assert row["definition.window_size"] == "11"
    assert json.loads(row["per_channel"]) == record["per_channel"]
    values = ssimtool("compare", *pair, "-f", "value", "-m", "psnr", "-m", "ssim").out.split()
    assert [float(v) for v in values] == [record["metrics"]["psnr"], record["metrics"]["ssim"]]
    markdown = ssimtool("compare", *pair, "-f", "markdown").out
    assert f"| SSIM | {record['metrics']['ssim']:.6g} | - | higher |" in markdown


def test_identical(ssimtool, pair):
    same = (pair[0], pair[0])
    record = ssimtool("compare", *same, "-f", "json").record
    assert record["identical"] is True
    assert record["metrics"] == {"ssim": 1.0, "ssim_loss": 0.0, "mse": 0.0, "psnr": None}
    assert ssimtool("compare", *same, "-f", "value", "-m", "psnr").out == "inf\n"
    (row,) = csv.DictReader(io.StringIO(ssimtool("compare", *same, "-f", "csv").out))
    assert row["psnr"] == "inf"
    assert "| PSNR | inf | dB | higher |" in ssimtool("compare", *same, "-f", "markdown").out
    assert "The images are identical." in ssimtool("compare", *same).out


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (["--fail-under", "0.5"], 0, "ok"),
        (["--fail-under", "0.999"], 1, "fail"),
        (["--fail-under", "psnr=20"], 0, "ok"),
        (["--fail-under", "psnr=60"], 1, "fail"),
        (["--fail-over", "mse=1"], 1, "fail"),
        (["--fail-over", "mae=200"], 0, "ok"),  # mae is computed because a threshold asks for it
        (["--fail-over", "ssim_loss=0.9", "--fail-under", "psnr=60"], 1, "fail"),
    ],
)
@pytest.mark.parametrize("format", ["table", "json", "value"])
def test_thresholds(ssimtool, pair, arguments, code, status, format):
    done = ssimtool("compare", *pair, "-f", format, *arguments)
    assert done.code == code
    if format == "json":
        assert done.record["status"] == status
        assert all(t["holds"] == (status == "ok") for t in done.record["thresholds"][:1])
    if format == "table":
        assert ("FAIL " in done.out) == (code == 1)


def test_a_value_equal_to_the_threshold_holds(ssimtool, pair):
    value = ssimtool("compare", *pair, "-f", "value", "-m", "ssim").out.strip()
    assert ssimtool("compare", *pair, "--fail-under", value).code == 0
    assert ssimtool("compare", *pair, "--fail-over", value).code == 0


def test_definition_and_overrides(ssimtool, pair):
    def value(*arguments):
        options = "-f", "json", "-m", "ssim", "--precision", "double"
        return ssimtool("compare", *pair, *options, *arguments).record

    zero = [plain.ssim_map(X[:, :, c], Y[:, :, c], 255, pad="constant") for c in range(3)]
    record = value("--definition", "cvae")
    assert record["metrics"]["ssim"] == pytest.approx(np.mean(zero), abs=1e-12)
    assert record["definition"]["name"] == "cvae"

    options = ["--window-size", "7", "--sigma", "1", "--k1", "0.02", "--k2", "0.04"]
    record = value(*options, "--data-range", "200")
    other = [
        plain.ssim_map(X[:, :, c], Y[:, :, c], 200, size=7, sigma=1, k1=0.02, k2=0.04)
        for c in range(3)
    ]
    assert record["metrics"]["ssim"] == pytest.approx(np.mean(other), abs=1e-12)
    assert record["definition"]["name"] == "custom"
    assert record["definition"]["window_size"] == 7
    assert record["data_range"] == 200


def test_luma(ssimtool, pair):
    record = ssimtool("compare", *pair, "-f", "json", "--channels", "luma").record
    x, y = (image @ np.array([0.299, 0.587, 0.114]) for image in (X, Y))
    assert record["metrics"]["ssim"] == pytest.approx(plain.ssim_map(x, y, 255).mean(), abs=1e-12)
    assert record["metrics"]["mse"] == pytest.approx(((x - y) ** 2).mean(), rel=1e-12)
    assert (record["colour"], record["channels"]) == ("luma", 1)
    assert ", luma;" in ssimtool("compare", *pair, "--channels", "luma").out.replace("\n", " ")


def test_arrays_resize_background_frame(ssimtool, tmp_path, pair):
    np.save(tmp_path / "x.npy", (X / 255).astype(np.float32).transpose(2, 0, 1))
    np.save(tmp_path / "y.npy", (Y / 255).astype(np.float32).transpose(2, 0, 1))
    arrays = ssimtool("compare", tmp_path / "x.npy", tmp_path / "y.npy", "-f", "json").record
    images = ssimtool("compare", *pair, "-f", "json").record
    # the arrays are float32 of the same samples
    assert arrays["metrics"]["ssim"] == pytest.approx(images["metrics"]["ssim"], abs=1e-7)
    assert (arrays["data_range"], arrays["sample_type"]) == (1, "float32")
    assert arrays["steps"][0] == "reference: channels first to last"

    Image.fromarray(Y[:20]).save(tmp_path / "half.png")
    done = ssimtool("compare", pair[0], tmp_path / "half.png", "--resize", "-f", "json")
    assert done.record["steps"] == ["distorted: resampled from 50x20 to 50x40 (Lanczos)"]

    Image.fromarray(np.dstack([X, X[:, :, 0]])).save(tmp_path / "rgba.png")
    done = ssimtool(
        "compare", pair[0], tmp_path / "rgba.png", "--background", "white", "-f", "json"
    )
    assert done.record["steps"] == ["distorted: alpha laid on #ffffff"]

    frames = [Image.fromarray(X), Image.fromarray(Y)]
    frames[0].save(tmp_path / "a.tiff", save_all=True, append_images=frames[1:])
    done = ssimtool("compare", pair[1], tmp_path / "a.tiff", "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "frame_mismatch")
    done = ssimtool("compare", pair[1], tmp_path / "a.tiff", "--frame", "1", "-f", "json")
    assert done.record["identical"]
    assert done.record["steps"] == ["distorted: frame 1"]


def test_output_file(ssimtool, tmp_path, pair):
    target = tmp_path / "out" / "a.json"
    target.parent.mkdir()
    done = ssimtool("compare", *pair, "-f", "json", "-o", target)
    assert (done.code, done.out) == (0, "")
    assert json.loads(target.read_text())["status"] == "ok"
    assert [p.name for p in target.parent.iterdir()] == ["a.json"]
    assert target.stat().st_mode & 0o777 == 0o644
    target.chmod(0o600)
    ssimtool("compare", *pair, "-o", target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert "\x1b" not in target.read_text()


def test_map_npy_is_the_map_of_the_library(ssimtool, tmp_path, pair):
    path = tmp_path / "map.npy"
    assert ssimtool("compare", *pair, "--map", path).code == 0
    found = np.load(path)
    assert (found.dtype, found.shape) == (np.float32, (40, 50))
    expected = np.mean(
        [plain.ssim_map(X[:, :, c], Y[:, :, c], 255, pad="symmetric") for c in range(3)], axis=0
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)  # stored as float32
    # inside, it is the map whose mean is the score
    record = ssimtool("compare", *pair, "-f", "json").record
    assert found[5:-5, 5:-5].mean() == pytest.approx(record["metrics"]["ssim"], abs=1e-6)


def test_map_of_a_definition_that_is_as_large_as_the_image(ssimtool, tmp_path, pair):
    path = tmp_path / "map.npy"
    done = ssimtool("compare", *pair, "--map", path, "--definition", "cvae", "-f", "json")
    assert np.load(path).mean() == pytest.approx(done.record["metrics"]["ssim"], abs=1e-6)


def test_map_png(ssimtool, tmp_path, pair):
    gray, array = tmp_path / "map.PNG", tmp_path / "map.npy"
    done = ssimtool("compare", *pair, "--map", gray, "--map", array, "-m", "mse", "-f", "json")
    picture = Image.open(gray)
    assert (picture.mode, picture.size) == ("L", (50, 40))
    expected = np.rint(255 * np.load(array).clip(0, 1))
    np.testing.assert_array_equal(np.asarray(picture), expected)
    # the score stands in the picture, so it is computed although only mse was asked for
    assert float(picture.text["ssim"]) == done.record["metrics"]["ssim"]
    assert json.loads(picture.text["definition"]) == done.record["definition"]
    assert picture.text["Software"] == f"ssimtool {library.__version__}"


@pytest.mark.parametrize(("style", "mode"), [("heat", "RGB"), ("overlay", "RGB"), ("panel", "RGB")])
def test_map_styles(ssimtool, tmp_path, pair, style, mode):
    path = tmp_path / "map.png"
    assert ssimtool("compare", *pair, "--map", path, "--map-style", style).code == 0
    picture = Image.open(path)
    assert picture.mode == mode
    if style == "panel":
        assert picture.width > 3 * 256  # three tiles of 50 pixels are enlarged to be looked at
    else:
        assert picture.size == (50, 40)


def test_standard_input(process, pair):
    done = process("compare", pair[0], "-", "-f", "json", stdin=pair[1].read_bytes())
    assert done.code == 0
    assert done.record["distorted"] == "-"


def test_every_metric_of_the_catalogue_runs(ssimtool, pair):
    for name, row in METRICS.items():
        scales = ["--scales", 2] if "scales" in row.takes else []
        done = ssimtool("compare", *pair, "-f", "json", "-m", name, *scales)
        assert set(done.record["metrics"]) == {name, *row.implies}
        assert done.record["scales"] == (2 if name.startswith("ms_ssim") else None)


def test_the_cli_is_the_library(ssimtool, pair):
    x, y = (torch.from_numpy(a).permute(2, 0, 1)[None] for a in (X, Y))
    record = ssimtool("compare", *pair, "-f", "json", "--precision", "double").record
    there = library.ssim(x, y, data_range=255, dtype=torch.float64).item()
    assert record["metrics"]["ssim"] == pytest.approx(there, abs=1e-14)


# --- kernels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", ["wang2004", "cvae"])
@pytest.mark.parametrize("metrics", [("ssim", "mse", "mae", "psnr"), ("mae",)])
def test_the_fused_kernels_give_the_same_record(ssimtool, pair, tmp_path, definition, metrics):
    asked = [a for name in metrics for a in ("-m", name)]
    records, maps = [], []
    for backend in ("fused", "torch"):
        path = tmp_path / f"{backend}.npy"
        done = ssimtool(
            "compare", *pair, *asked, "--definition", definition, "--backend", backend,
            "--precision", "double", "-f", "json", "--map", path,
        )  # fmt: skip
        assert done.code == 0
        assert done.record["backend"] == backend
        records.append(done.record)
        maps.append(np.load(path))
    for key in ("metrics", "per_channel"):
        fused, plain = (record[key] for record in records)
        assert list(fused) == list(plain)
        for name, value in fused.items():
            # float64 both
            assert value == pytest.approx(plain[name], rel=1e-11, abs=1e-13)
    assert maps[0].dtype == np.float32
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-6)  # float32: one unit in the last place
    same = {k: v for k, v in records[0].items() if k not in ("backend", "metrics", "per_channel")}
    assert same == {k: records[1][k] for k in same}


def test_the_fused_kernels_are_of_the_cpu(ssimtool, pair, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    done = ssimtool("compare", *pair, "--backend", "fused", "-f", "json")
    assert (done.code, done.record["device"], done.record["backend"]) == (0, "cpu", "fused")
    done = ssimtool("compare", *pair, "--backend", "fused", "--device", "cuda")
    assert done.code == 2
    assert "backend is 'fused' on cuda: expected the CPU" in done.err


def test_a_small_pair_alone_is_computed_by_numpy(ssimtool, pair, monkeypatch):
    alone = ssimtool("compare", *pair, "-f", "json", "--device", "cpu").record
    assert (alone["device"], alone["backend"], alone["precision"]) == ("cpu", "numpy", "float64")
    fused = ssimtool("compare", *pair, "-f", "json", "--backend", "fused").record
    assert (fused["backend"], fused["precision"]) == ("fused", "float32")
    several = ssimtool("compare", *pair, pair[1], "-f", "ndjson").out.splitlines()
    assert [json.loads(line)["metrics"] for line in several[:2]] == [fused["metrics"]] * 2
    for name, value in fused["metrics"].items():  # the promise of single precision
        assert alone["metrics"][name] == pytest.approx(value, rel=1e-6, abs=1e-7)
    monkeypatch.setattr(devices, "NUMPY_UP_TO", X.size - 1)
    larger = ssimtool("compare", *pair, "-f", "json", "--device", "cpu").record
    assert larger["metrics"] == fused["metrics"]


def test_a_small_pair_does_not_wait_for_a_gpu(ssimtool, pair, monkeypatch):
    monkeypatch.setattr(devices, "is_cpu_only", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    record = ssimtool("compare", *pair, "-f", "json").record
    assert (record["device"], record["backend"]) == ("cpu", "numpy")


def test_samples_far_beyond_the_data_range_are_left_to_the_kernels(ssimtool, tmp_path):
    paths = [tmp_path / "x.npy", tmp_path / "y.npy"]
    for path, image in zip(paths, (X, Y), strict=True):
        np.save(path, (image / 255 + 2000).astype(np.float32))
    record = ssimtool("compare", *paths, "-f", "json", "--data-range", 1).record
    assert (record["backend"], record["precision"]) == ("fused", "float32")
    record = ssimtool("compare", *paths, "-f", "json", "--data-range", 2).record
    assert record["backend"] == "numpy"


def test_a_map_in_several_bands_is_the_map(ssimtool, pair, tmp_path, monkeypatch):
    whole, bands = tmp_path / "whole.npy", tmp_path / "bands.npy"
    ssimtool("compare", *pair, "--map", whole)
    monkeypatch.setattr(
        evaluate_tensors, "MAP_SAMPLES", 1
    )  # each band four windows high: the least
    for backend in ("torch", "fused"):
        ssimtool("compare", *pair, "--map", bands, "--backend", backend)
        np.testing.assert_allclose(np.load(bands), np.load(whole), atol=1e-6)  # as above


@pytest.mark.parametrize("same", [True, False])
def test_identical_is_of_all_samples(ssimtool, pair, same):
    other = pair[0] if same else pair[1]
    for backend in ("fused", "torch"):
        for metric in ("mse", "ssim"):
            done = ssimtool(
                "compare", pair[0], other, "-m", metric, "--backend", backend, "-f", "json"
            )
            assert done.record["identical"] is same


def test_spellings_of_other_tools_are_accepted(ssimtool, pair):
    """The names of metrics in any case, with commas; the dtype as a precision; jsonl."""
    as_documented = ["-m", "ssim", "-m", "psnr", "--precision", "single", "-f", "ndjson"]
    as_elsewhere = ["-m", "SSIM,PSNR", "--precision", "float32", "-f", "jsonl"]
    records = [
        ssimtool("compare", *pair, *options).out for options in (as_documented, as_elsewhere)
    ]
    assert records[0] == records[1]
    assert list(json.loads(records[0])["metrics"]) == ["ssim", "ssim_loss", "psnr"]
    done = ssimtool("compare", *pair, "-m", "ssim,nonsense")
    assert (done.code, done.out) == (2, "")
    assert "'nonsense' is not one of ssim, " in done.err


def test_a_style_without_a_map_has_no_effect_and_is_refused(ssimtool, pair):
    done = ssimtool("compare", *pair, "--map-style", "heat")
    assert (done.code, done.out) == (2, "")
    assert "--map-style: has no effect without --map FILE.png (see" in done.err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["a.png", "b.png"], "compare a.png b.png"),
        (["a.png", "b c.png", "-m", "psnr"], "compare a.png 'b c.png' -m psnr"),
        (["--fail-under", "0.9", "a.png", "b.png"], "compare --fail-under 0.9 a.png b.png"),
        ([".", "."], "batch . ."),
        (["scores.ndjson"], "report scores.ndjson"),
        (["scores.ndjson", "-o", "page.html"], "report scores.ndjson -o page.html"),
    ],
)
def test_a_command_that_was_left_out_is_proposed(ssimtool, arguments, meant):
    done = ssimtool(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"; did you mean: ssimtool {meant}\n")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["a.png"], ["nonsense"], ["compare", "a.png"], ["-x", "0.5"]]
)
def test_nothing_is_proposed_without_a_reason(ssimtool, arguments):
    done = ssimtool(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "did you mean" not in done.err.lower()


def test_a_misspelt_command_is_proposed_once(ssimtool):
    done = ssimtool("comapre", "a.png", "b.png")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: No such command 'comapre'. Did you mean 'compare'? (see 'ssimtool --help')\n"
    )


@pytest.mark.parametrize("option", [("--k1", 0.02), ("--definition", "cvae"), ("--sigma", 2)])
def test_a_definition_without_ssim_has_no_effect_and_is_refused(ssimtool, pair, option):
    done = ssimtool("compare", *pair, "-m", "mse", *option)
    assert (done.code, done.out) == (2, "")
    assert "has no effect without ssim or ms_ssim" in done.err
    for with_ssim in (["-m", "ssim_loss"], ["--fail-under", "0.1"]):
        assert ssimtool("compare", *pair, "-m", "mse", *with_ssim, *option).code == 0
