"""--mask and --region: in `compare`, in `batch` and its lists, in maps, resumed and reported."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssimtool import mae, mse, psnr, ssim
from ssimtool.batch.stack import Stacker
from ssimtool.batch.thumbnails import Places, cases_of
from ssimtool.catalog import METRICS
from ssimtool.devices import Execution
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.lists.scores import read_scores
from ssimtool.readers.masks import with_mask
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.settings import CompareSettings

RNG = np.random.RandomState(0)
H, W = 40, 50
X = RNG.randint(0, 256, (H, W, 3)).astype(np.uint8)
Y = np.clip(X + RNG.normal(0, 20, X.shape), 0, 255).astype(np.uint8)
DISC = ((np.mgrid[:H, :W] - [[[20]], [[24]]]) ** 2).sum(0) < 200
CORNER = np.zeros((H, W), bool)
CORNER[0:30, 0:20] = True
ALL = ("-m", "ssim", "-m", "mse", "-m", "mae", "-m", "psnr")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a.png, b.png and masks, where the command runs."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(X).save("a.png")
    Image.fromarray(Y).save("b.png")
    Image.fromarray(DISC).save("disc.png")
    Image.fromarray(np.full((H, W), 255, np.uint8)).save("white.png")
    Image.fromarray(np.zeros((H, W), np.uint8)).save("black.png")
    np.save("weights.npy", DISC * np.linspace(0.1, 1, W, dtype=np.float32))
    return tmp_path


def _expected(weight: np.ndarray, definition: str = "wang2004") -> dict[str, float]:
    x, y = (torch.from_numpy(i.astype(np.float64)).permute(2, 0, 1)[None] for i in (X, Y))
    m = torch.from_numpy(weight.astype(np.float64))[None, None]
    loss = 1 - ssim(x, y, data_range=255, definition=definition, weight=m).item()
    return {
        "ssim": 1 - loss,
        "ssim_loss": loss,
        "mse": mse(x, y, weight=m).item(),
        "mae": mae(x, y, weight=m).item(),
        "psnr": psnr(x, y, data_range=255, weight=m).item(),
    }


# --- compare ----------------------------------------------------------------------------------

CASES = {
    "mask": (["--mask", "disc.png"], DISC, "disc.png", []),
    "weights": (["--mask", "weights.npy"], DISC * np.linspace(0.1, 1, W), "weights.npy", []),
    "region": (["--region", "0,0,20,30"], CORNER, None, [[0, 0, 20, 30]]),
    "regions": (
        ["--region", "0,0,20,10", "--region", "0,5,20,25"],
        CORNER,
        None,
        [[0, 0, 20, 10], [0, 5, 20, 25]],
    ),
    "both": (
        ["--mask", "disc.png", "--region", "0,0,20,30"],
        DISC & CORNER,
        "disc.png",
        [[0, 0, 20, 30]],
    ),
}


@pytest.mark.parametrize("definition", ["wang2004", "cvae", "skimage"])
@pytest.mark.parametrize("case", CASES)
def test_numbers_and_record(ssimtool, here, case, definition):
    options, weight, mask, regions = CASES[case]
    done = ssimtool(
        "compare", "a.png", "b.png", *options, "-f", "json", *ALL, "--definition", definition
    )
    assert (done.code, done.err) == (0, "")
    # float64 on both sides; channel by channel, and float32 weights
    assert done.record["metrics"] == pytest.approx(_expected(weight, definition), rel=1e-6)
    if case != "weights":
        assert done.record["metrics"] == pytest.approx(_expected(weight, definition), rel=1e-12)
    assert (done.record["mask"], done.record["regions"]) == (mask, regions)
    assert done.record["counted"] == pytest.approx(weight.sum(), rel=1e-6)
    assert (done.record["backend"], done.record["precision"]) == ("torch", "float64")
    assert not done.record["identical"]


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_all_white_is_the_plain_number(ssimtool, here, backend):
    options = ["-f", "json", *ALL, "--backend", backend]
    plain = ssimtool("compare", "a.png", "b.png", *options).record
    assert (plain["mask"], plain["regions"], plain["counted"]) == (None, [], None)
    for region in (["--mask", "white.png"], ["--region", "0,0,50,21", "--region", "0,20,50,20"]):
        done = ssimtool("compare", "a.png", "b.png", *options, *region)
        assert done.record["metrics"] == plain["metrics"]
        assert done.record["per_channel"] == plain["per_channel"]
        assert done.record["counted"] == H * W


def test_what_does_not_count_changes_nothing(ssimtool, here):
    other = np.where(DISC[:, :, None], Y, RNG.randint(0, 256, Y.shape)).astype(np.uint8)
    Image.fromarray(other).save("c.png")
    first, second = (
        ssimtool("compare", "a.png", name, "--mask", "disc.png", "-f", "json", *ALL).record
        for name in ("b.png", "c.png")
    )
    assert first["metrics"] == second["metrics"]
    whole = ssimtool("compare", "a.png", "c.png", "-f", "json").record["metrics"]
    assert whole["ssim"] < first["metrics"]["ssim"] - 0.1


def test_identical_is_said_of_what_counts(ssimtool, here):
    Image.fromarray(np.where(DISC[:, :, None], X, 255 - X)).save("c.png")
    done = ssimtool("compare", "a.png", "c.png", "--mask", "disc.png", "-f", "json")
    assert done.record["identical"]
    assert done.record["metrics"] == {"ssim": 1, "ssim_loss": 0, "mse": 0, "psnr": None}
    table = ssimtool("compare", "a.png", "c.png", "--mask", "disc.png").out
    assert "The images are identical inside the mask or regions." in table
    assert not ssimtool("compare", "a.png", "c.png", "-f", "json").record["identical"]
    assert "The images are identical.\n" in ssimtool("compare", "a.png", "a.png").out


def test_the_size_of_the_reference_counts(ssimtool, here):
    Image.fromarray(Y).resize((2 * W, 2 * H)).save("large.png")
    pair = "a.png", "large.png", "--resize", "--mask"
    assert ssimtool("compare", *pair, "disc.png").code == 0
    Image.new("L", (2 * W, 2 * H), 255).save("large_mask.png")
    done = ssimtool("compare", *pair, "large_mask.png")
    assert done.code == 3
    assert "is a mask of 100x80 pixels, expected 50x40 as in a.png" in done.err


def test_formats(ssimtool, here):
    pair = "compare", "a.png", "b.png", "--mask", "disc.png", "--region", "0,0,20,30"
    told = f"0,0,20,30: {(DISC & CORNER).sum():,} of 2,000 pixels compared"
    lines = ssimtool(*pair).out.splitlines()
    assert lines[2:5] == [
        "size       50 x 40 pixels, 3 channels, 8-bit",
        "mask       disc.png",
        f"region     {told}",
    ]
    assert f"- mask disc.png\n- region {told}\n" in ssimtool(*pair, "-f", "markdown").out
    (row,) = csv.DictReader(io.StringIO(ssimtool(*pair, "-f", "csv", "--wide").out))
    assert (row["mask"], row["regions"]) == ("disc.png", "[[0, 0, 20, 30]]")
    assert row["counted"] == str((DISC & CORNER).sum())
    weights = ssimtool("compare", "a.png", "b.png", "--mask", "weights.npy").out
    assert "mask       weights.npy: total weight " in weights
    (row,) = csv.DictReader(io.StringIO(ssimtool(*pair[:3], "-f", "csv", "--wide").out))
    assert row["mask"] == row["regions"] == row["counted"] == ""


def test_warnings_and_steps_of_a_mask(ssimtool, here):
    frames = [Image.fromarray(DISC).convert("L"), Image.new("L", (W, H))]
    frames[0].save("two.tif", save_all=True, append_images=frames[1:])
    done = ssimtool("compare", "a.png", "b.png", "--mask", "two.tif", "-f", "json")
    assert "two.tif: has 2 frames, frame 0" in done.err
    assert done.record["counted"] == DISC.sum()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--mask", "none.png"], "not_found", "none.png: no such file"),
        (["--mask", "black.png"], "empty_mask", "black.png: selects no pixel"),
        (["--region", "40,0,20,20"], "size_mismatch", "is 50x40 pixels, expected the region"),
        (
            ["--region", "0,0,5,40"],
            "empty_mask",
            "a.png: no window inside the image has its centre in",
        ),
        (["--region", "0,0,4,4", "--mask", "disc.png"], "empty_mask", "within the regions"),
        (["--mask", "."], "unreadable", "is a directory"),
    ],
)
def test_errors(ssimtool, here, options, code, words):
    done = ssimtool("compare", "a.png", "b.png", *options, "-f", "json")
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert words in done.err
    assert done.record["error"]["code"] == code
    mask = options[options.index("--mask") + 1] if "--mask" in options else None
    assert done.record["mask"] == mask
    assert len(done.record["regions"]) == options.count("--region")


def test_where_there_is_no_window_the_errors_are_there(ssimtool, here):
    """It is the definition that needs one."""
    pair = "compare", "a.png", "b.png", "--region", "0,0,5,40", "-f", "json"
    assert ssimtool(*pair, "-m", "mse").code == 0
    assert ssimtool(*pair, "--definition", "cvae").code == 0
    assert ssimtool(*pair, "--definition", "skimage").code == 0  # its margin is 3
    Image.fromarray(np.kron(X, np.ones((16, 16, 1), np.uint8))).save("large.png")
    pair = "compare", "large.png", "large.png", "--definition", "piq", "-f", "json"
    # 800 x 640 is reduced by 2 (640/256 = 2.5, to even), the margin is 5 of these
    assert ssimtool(*pair, "--region", "0,0,11,640").code == 0
    assert ssimtool(*pair, "--region", "0,0,10,640").record["error"]["code"] == "empty_mask"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--region", "1,2,3"], "--region: '1,2,3' is not a region, expected X,Y,W,H"),
        (["--region", "0,0,0,9"], "W and H above 0"),
        (["--mask", "-"], "standard input cannot be a mask"),
        (
            ["--mask", "disc.png", "--backend", "fused"],
            "--backend: the fused backend takes no mask",
        ),
        (
            ["--region", "0,0,9,9", "--backend", "fused"],
            "--backend: the fused backend takes no region",
        ),
    ],
)
@pytest.mark.parametrize("command", ["compare", "batch"])
def test_wrong_command_lines(ssimtool, here, command, options, words):
    (here / "x").mkdir()
    pair = ("a.png", "b.png") if command == "compare" else ("a.png", "x")
    done = ssimtool(command, *pair, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_metric_without_a_mask(ssimtool, here, monkeypatch):
    """One that takes no weight, by its row in the catalogue, is refused and never computed."""
    row = replace(METRICS["mae"], takes=())
    monkeypatch.setitem(METRICS, "mae", row)
    pair = "a.png", "b.png", "-m", "mae"
    assert ssimtool("compare", *pair).code == 0
    done = ssimtool("compare", *pair, "--mask", "white.png")
    assert (done.code, "--mask: mae takes no mask" in done.err) == (2, True)
    (here / "pairs.csv").write_text("reference,distorted,mask\na.png,b.png,disc.png\n")
    done = ssimtool("batch", "--pairs", "pairs.csv", "-f", "ndjson", "-m", "mae")
    error = json.loads(done.out.splitlines()[0])["error"]
    assert (error["code"], "mae takes no mask" in error["message"]) == ("unsupported", True)


def test_an_output_is_not_written_over_the_mask(ssimtool, here):
    before = (here / "disc.png").read_bytes()
    pair = "compare", "a.png", "b.png", "--mask", "disc.png"
    assert ssimtool(*pair, "--map", "disc.png").code == 2
    assert ssimtool(*pair, "-o", "disc.png").code == 2
    assert (here / "disc.png").read_bytes() == before


def test_help(process):
    for command in ("compare", "batch"):
        told = " ".join(process(command, "--help").out.replace("│", " ").split())
        assert "Compare only where FILE is white" in told
        assert "X,Y,W,H" in told


# --- maps -------------------------------------------------------------------------------------


def _picture(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_maps_are_transparent_where_nothing_counts(ssimtool, here):
    pair = "compare", "a.png", "b.png", "--mask", "disc.png", "-q"
    for style in ("gray", "heat", "overlay", "panel"):
        assert ssimtool(*pair, "--map", f"{style}.png", "--map-style", style).code == 0
    assert ssimtool(*pair, "--map", "map.npy").code == 0
    found = np.load("map.npy")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), ~DISC)
    # The score is the mean of the map over the windows inside the image, of float32.
    record = ssimtool(*pair, "-f", "json").record
    inside = found[5:-5, 5:-5]
    assert np.nanmean(inside, dtype=float) == pytest.approx(record["metrics"]["ssim"], abs=1e-6)
    gray = Image.open("gray.png")
    assert gray.mode == "LA"
    np.testing.assert_array_equal(np.asarray(gray)[..., 1], np.where(DISC, 255, 0))
    levels = np.asarray(gray)[..., 0][DISC]
    np.testing.assert_array_equal(levels, np.rint(255 * found[DISC].clip(0, 1)))
    heat = Image.open("heat.png")
    assert heat.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(heat)[..., 3], np.where(DISC, 255, 0))
    overlay = _picture("overlay.png").astype(int)
    luma = np.asarray(Image.fromarray(X).convert("L")).astype(float)
    # A fifth of the reference, rounded.
    assert np.abs(overlay[~DISC] - 0.2 * luma[~DISC][:, None]).max() <= 0.5
    panel = Image.open("panel.png")
    assert panel.mode == "RGB"
    left = 16 + 2 * (300 + 16)  # tiles of 6 x 50 pixels, the third one
    assert panel.getpixel((left + 2, 45)) == (200, 200, 200)
    assert panel.getpixel((left + 150, 45 + 120)) != (200, 200, 200)


def test_maps_without_a_mask_are_as_they_were(ssimtool, here):
    plain = "compare", "a.png", "b.png", "-q"
    for style, mode in (("gray", "L"), ("heat", "RGB")):
        ssimtool(*plain, "--map", "plain.png", "--map-style", style)
        ssimtool(*plain, "--map", "m.png", "--map-style", style, "--mask", "white.png")
        assert Image.open("plain.png").mode == mode
        np.testing.assert_array_equal(_picture("plain.png"), _picture("m.png"))


def test_a_map_of_a_definition_that_reduces(ssimtool, here):
    image = np.kron(X, np.ones((11, 11, 1), np.uint8))[:435, :545]  # by 2, one row is left over
    Image.fromarray(image).save("x.png")
    Image.fromarray(np.roll(image, 3, axis=1)).save("y.png")
    mask = np.zeros((435, 545), bool)
    mask[100:300, 51:301] = mask[-1] = True
    np.save("m.npy", mask)
    pair = "compare", "x.png", "y.png", "--definition", "piq", "--mask", "m.npy", "-q"
    assert ssimtool(*pair, "--map", "map.npy").code == 0
    found = np.load("map.npy")
    assert found.shape == (435, 545)
    np.testing.assert_array_equal(np.isnan(found), ~mask)


# --- batch ------------------------------------------------------------------------------------


def _lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


LISTS = {
    "pairs.csv": "reference,distorted,id,Mask,region\n"
    "a.png,b.png,1,disc.png,\n"
    'a.png,b.png,2,,"0,0,20,30"\n'
    'a.png,b.png,3,disc.png,"0,0,20,10;0,5,20,25"\n'
    "a.png,b.png,4,,\n",
    "pairs.tsv": "reference\tdistorted\tid\tmask\tregion\n"
    "a.png\tb.png\t1\tdisc.png\t\n"
    "a.png\tb.png\t2\t\t0,0,20,30\n"
    "a.png\tb.png\t3\tdisc.png\t0,0,20,10; 0,5,20,25\n"
    "a.png\tb.png\t4\t\t\n",
    "pairs.ndjson": '{"reference": "a.png", "distorted": "b.png", "id": "1", "mask": "disc.png"}\n'
    '{"reference": "a.png", "distorted": "b.png", "id": "2", "region": "0,0,20,30"}\n'
    '{"reference": "a.png", "distorted": "b.png", "id": "3", "mask": "disc.png", '
    '"region": [[0, 0, 20, 10], "0,5,20,25"]}\n'
    '{"reference": "a.png", "distorted": "b.png", "id": "4", "mask": null, "region": null}\n',
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_say_what_counts(ssimtool, here, name):
    (here / name).write_text(LISTS[name])
    done = ssimtool("batch", "--pairs", name, "-f", "ndjson", "--precision", "double", *ALL)
    assert (done.code, done.err.count("error")) == (0, 0)
    *records, summary = _lines(done.out)
    assert summary["pairs"] == 4
    weights = DISC, CORNER, DISC & CORNER, np.ones((H, W))
    for record, weight in zip(records, weights, strict=True):
        assert record["metrics"] == pytest.approx(_expected(weight), rel=1e-11)
    assert [r["mask"] for r in records] == ["disc.png", None, "disc.png", None]
    assert records[2]["regions"] == [[0, 0, 20, 10], [0, 5, 20, 25]]
    assert [r["counted"] for r in records] == [DISC.sum(), 600, (DISC & CORNER).sum(), None]
    assert records[0]["backend"] == "torch"
    # What holds for all holds for those that do not say it themselves.
    done = ssimtool("batch", "--pairs", name, "-f", "ndjson", "--mask", "weights.npy", "-m", "mse")
    records = _lines(done.out)[:-1]
    assert [r["mask"] for r in records] == ["disc.png", "weights.npy", "disc.png", "weights.npy"]
    assert records[1]["regions"] == [[0, 0, 20, 30]]


@pytest.mark.parametrize("empty", ["[]", "null", '""', '";"', '" "'])
def test_a_column_without_a_region_leaves_the_option(ssimtool, here, empty):
    line = f'{{"reference": "a.png", "distorted": "b.png", "region": {empty}}}\n'
    Path("pairs.ndjson").write_text(line)
    options = ("--region", "0,0,20,20", "-f", "ndjson")
    record = _lines(ssimtool("batch", "--pairs", "pairs.ndjson", *options).out)[0]
    assert (record["regions"], record["counted"]) == ([[0, 0, 20, 20]], 400)


def test_an_error_of_a_region_states_none(ssimtool, here):
    line = '{"reference": "a.png", "distorted": "b.png", "region": "x", "mask": "disc.png"}\n'
    Path("pairs.ndjson").write_text(line)
    options = ("--region", "0,0,20,20", "-f", "ndjson")
    record = _lines(ssimtool("batch", "--pairs", "pairs.ndjson", *options).out)[0]
    assert record["error"]["code"] == "unsupported"
    assert (record["regions"], record["mask"]) == ([], "disc.png")


def test_a_map_states_what_counts(ssimtool, here):
    done = ssimtool(
        "compare", "a.png", "b.png", "--mask", "disc.png", "--map", "m.png", "-f", "json"
    )
    texts = Image.open("m.png").text
    assert texts["mask"] == "disc.png"
    assert float(texts["counted"]) == done.record["counted"]
    assert texts["regions"] == "[]"
    ssimtool("compare", "a.png", "b.png", "--map", "plain.png")
    assert "counted" not in Image.open("plain.png").text


def test_a_mask_is_computed_in_double_precision_in_a_batch_too(ssimtool, here):
    (here / "pairs.csv").write_text("reference,distorted,mask\na.png,b.png,disc.png\n")
    (record, _) = _lines(ssimtool("batch", "--pairs", "pairs.csv", "-f", "ndjson").out)
    assert record["precision"] == "float64"
    # a few roundings of float64
    assert record["metrics"]["ssim"] == pytest.approx(_expected(DISC)["ssim"], abs=1e-12)


def test_errors_of_a_list(ssimtool, here):
    np.save("small.npy", DISC[1:])
    (here / "pairs.csv").write_text(
        "reference,distorted,mask,region\n"
        "a.png,b.png,none.png,\n"
        "a.png,b.png,small.npy,\n"
        "a.png,b.png,black.png,\n"
        'a.png,b.png,,"1,2"\n'
        'a.png,b.png,,"0,0,51,1"\n'
        "a.png,b.png,-,\n"
        "a.png,b.png,disc.png,\n"
    )
    done = ssimtool("batch", "--pairs", "pairs.csv", "-f", "ndjson")
    *records, summary = _lines(done.out)
    assert done.code == 3
    codes = [r["error"] and r["error"]["code"] for r in records]
    assert codes == [
        "not_found", "size_mismatch", "empty_mask", "unsupported", "size_mismatch", "unsupported",
        None,
    ]  # fmt: skip
    assert "'1,2' is not a region" in records[3]["error"]["message"]
    assert records[0]["mask"] == "none.png"
    assert (summary["ok"], summary["error"]) == (1, 6)
    done = ssimtool("batch", "--pairs", "pairs.csv", "-f", "ndjson", "--backend", "fused")
    assert "the backend fused takes no mask" in _lines(done.out)[6]["error"]["message"]


@pytest.fixture
def folders(here) -> Path:
    """Three pairs in x and y."""
    for name, image in (("x", X), ("y", Y)):
        (here / name).mkdir()
        for i in range(3):
            Image.fromarray(np.roll(image, 5 * i, axis=0)).save(here / name / f"{i}.png")
    return here


def test_folders_and_maps(ssimtool, folders):
    options = "--mask", "disc.png", "-f", "ndjson", "--maps", "maps", "-m", "ssim"
    records = _lines(ssimtool("batch", "x", "y", *options).out)[:-1]
    assert [r["mask"] for r in records] == ["disc.png"] * 3
    assert records[0]["metrics"]["ssim"] == pytest.approx(_expected(DISC)["ssim"], abs=1e-6)
    for i in range(3):
        found = _picture(f"maps/{i}.png")
        np.testing.assert_array_equal(found[..., 1], np.where(DISC, 255, 0))


def test_maps_of_the_worst_keep_their_masks(ssimtool, here):
    (here / "pairs.csv").write_text(
        "reference,distorted,mask\na.png,b.png,disc.png\na.png,b.png,weights.npy\n"
    )
    options = "--maps", "maps", "--maps-for", "worst", "-f", "ndjson"
    done = ssimtool("batch", "--pairs", "pairs.csv", *options)
    for worst in _lines(done.out)[-1]["worst"]:
        np.testing.assert_array_equal(_picture(worst["map"])[..., 1], np.where(DISC, 255, 0))
    Image.fromarray(DISC).save("maps/disc.png")
    (here / "pairs.csv").write_text("reference,distorted,mask\na.png,b.png,maps/disc.png\n")
    done = ssimtool("batch", "--pairs", "pairs.csv", "--maps", "maps")
    assert (done.code, "maps/disc.png: is in the map folder maps, where" in done.err) == (2, True)


def test_resumed_under_another_mask(ssimtool, folders):
    run = "batch", "x", "y", "-o", "s.ndjson", "-f", "ndjson", "-m", "mse"
    assert ssimtool(*run, "--mask", "disc.png").code == 0
    before = (folders / "s.ndjson").read_bytes()
    for options, words in (
        ([], "mask: there disc.png, here none"),
        (["--mask", "white.png"], "mask: there disc.png, here white.png"),
        (["--mask", "disc.png", "--region", "0,0,9,9"], "here [[0, 0, 9, 9]]"),
    ):
        done = ssimtool(*run, "--resume", *options)
        assert (done.code, words in done.err) == (2, True), done.err
        assert (folders / "s.ndjson").read_bytes() == before
    assert ssimtool(*run, "--resume", "--mask", "disc.png").code == 0
    assert len(_lines((folders / "s.ndjson").read_text())) == 4
    plain = "batch", "x", "y", "-o", "p.ndjson", "-f", "ndjson", "-m", "mse"
    assert ssimtool(*plain).code == 0
    assert ssimtool(*plain, "--resume", "--mask", "disc.png").code == 2
    assert ssimtool(*plain, "--resume").code == 0


def test_resumed_under_another_column(ssimtool, here):
    """The pair is computed again, as where any other column has changed."""
    run = "batch", "--pairs", "pairs.csv", "-o", "s.ndjson", "-f", "ndjson", "-m", "mse"
    for mask in ("disc.png", "white.png", "disc.png", ""):
        (here / "pairs.csv").write_text(f"reference,distorted,mask\na.png,b.png,{mask}\n")
        assert ssimtool(*run, "--resume").code == 0
        record, _ = _lines((here / "s.ndjson").read_text())
        weight = DISC if mask == "disc.png" else np.ones((H, W))
        assert record["metrics"]["mse"] == pytest.approx(_expected(weight)["mse"], rel=1e-12)
    done = ssimtool(*run, "--resume", "--mask", "disc.png")
    assert (done.code, "mask: there none, here disc.png" in done.err) == (2, True)


# --- what is made of the records --------------------------------------------------------------


def test_reports_compute_with_the_mask(ssimtool, folders, tmp_path_factory):
    options = "--mask", "disc.png", "--region", "10,8,30,30", "-o", "s.ndjson", "-f", "ndjson"
    assert ssimtool("batch", "x", "y", *options).code == 0
    records = read_scores("s.ndjson").comparisons
    assert records[0].mask == "disc.png"
    assert records[0].regions == ((10, 8, 30, 30),)
    assert records[0].counted == _lines((folders / "s.ndjson").read_text())[0]["counted"]
    cases = list(cases_of(records, range(3), places=Places(folders), budget=200_000))
    assert [case.remark for case in cases] == [None] * 3
    plain = [replace(r, mask=None, regions=()) for r in records]
    (case,) = cases_of(plain, [0], places=Places(folders), budget=200_000)
    assert case.remark.startswith("changed since")
    Image.fromarray(~DISC).save("disc.png")
    (case,) = cases_of(records, [0], places=Places(folders), budget=200_000)
    assert case.remark.startswith("changed since")
    (folders / "disc.png").unlink()
    (case,) = cases_of(records, [0], places=Places(folders), budget=200_000)
    assert case.pictures is None
    assert "disc.png: no such file" in case.remark


def test_a_report_says_what_counts(ssimtool, folders):
    assert ssimtool("batch", "x", "y", "--mask", "disc.png", "-o", "s.ndjson").code == 0
    assert ssimtool("report", "s.ndjson", "-o", "r.html").code == 0
    page = (folders / "r.html").read_text()
    assert '"title":"Region of interest"' in page
    assert f"mask disc.png: {DISC.sum():,} of 2,000 pixels compared" in page
    assert "changed since" not in page


@pytest.mark.parametrize(
    ("regions", "path"),
    [
        ('"0,0,1,1"', "'regions'"),
        ('[["a"]]', "'regions[0]'"),
        ("[[0, 0, 1]]", "'regions[0]'"),
        ("[[0, 0, 0, 1]]", "'regions'"),
    ],
)
def test_records_with_regions_that_are_none(ssimtool, folders, regions, path):
    assert ssimtool("batch", "x", "y", "-o", "s.ndjson").code == 0
    text = (folders / "s.ndjson").read_text().replace('"regions": []', f'"regions": {regions}')
    (folders / "s.ndjson").write_text(text)
    done = ssimtool("report", "s.ndjson")
    assert (done.code, path in done.err) == (3, True)


def test_pairs_with_masks_beside_others_in_a_stack(here):
    """On a GPU, pairs are computed together: those with a mask are not, and keep theirs."""
    how = CompareSettings(metrics=("ssim", "ssim_loss", "mse"), device="cpu", backend="torch")
    pair = read_pair("a.png", "b.png", Reading())
    stacker = Stacker(how, Execution(device="cpu", backend="torch"))
    masked = with_mask(pair, RegionOfInterest(mask="disc.png"))
    for one, weight in ((masked, DISC), (pair, np.ones((H, W)))):
        found = stacker.compare(one).metrics
        expected = {name: _expected(weight)[name] for name in found}
        assert found == pytest.approx(expected, rel=1e-12)
    stacker.close()
