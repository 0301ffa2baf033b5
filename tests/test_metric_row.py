"""A metric is a function and a row: one that is made here runs through all that shows numbers."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import ssimtool as library
from ssimtool.batch.stack import Stacker, compare_stack
from ssimtool.catalog import METRICS, Metric
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.readers.samples import Pair
from ssimtool.reports.formats import formats_for
from ssimtool.scoring.pair import compare
from ssimtool.scoring.tensors import numbers_of
from ssimtool.settings import CompareSettings

TORCH = Execution(device="cpu", backend="torch")
NUMBERS = (5, 40, 0)  # of the pairs: how far apart they are at most
CALLS: list[tuple[tuple[int, ...], torch.dtype]] = []


def _largest(x, y, *, data_range):
    """The largest error of each image: plain torch, and no argument that it has no use for."""
    CALLS.append((tuple(x.shape), x.dtype))
    return (x - y).abs().amax(dim=(1, 2, 3)) / data_range


ROW = Metric(
    name="largest",
    title="Largest error",
    function=_largest,
    takes=("data_range",),
    unit="of the range",
    better="lower",
    lowest=0,
    highest=1,
    decimals=4,
    symmetric=True,
    formula="max of |x - y| / data_range",
    source="this test",
)


@pytest.fixture(autouse=True)
def largest(monkeypatch):
    """The row, in the catalogue as if it stood there."""
    CALLS.clear()
    monkeypatch.setitem(METRICS, "largest", ROW)


def _samples(number: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(number)
    x = rng.randint(0, 200, (24, 32, 3)).astype(np.uint8)
    y = x.copy()
    y[3, 4, 1] += number
    return x, y


def _pair(number: int) -> Pair:
    x, y = _samples(number)
    return Pair(
        reference_path=f"x{number}", distorted_path=f"y{number}", reference=x, distorted=y,
        data_range=255, sample_type="uint8",
    )  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    """Three pairs in the folders x and y."""
    for number in NUMBERS:
        for folder, samples in zip("xy", _samples(number), strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(samples).save(tmp_path / folder / f"{number:02}.png")
    return tmp_path / "x", tmp_path / "y"


@pytest.mark.parametrize("format", formats_for("compare"))
def test_compare(ssimtool, folders, format):
    pair = [folder / "40.png" for folder in folders]
    limit = ("--fail-over", "largest=0.1")
    done = ssimtool("compare", *pair, "-m", "largest", "-m", "psnr", *limit, "-f", format)
    assert (done.code, "largest 0.156863 > 0.1" in done.err) == (1, True)
    if format in ("json", "ndjson"):
        assert done.record["metrics"]["largest"] == 40 / 255  # one division, in float64
        assert "largest" not in done.record["per_channel"]
    elif format == "csv":
        (row,) = csv.DictReader(io.StringIO(done.out))
        assert float(row["largest"]) == 40 / 255
    elif format in ("junit", "github"):  # which only name what failed
        assert "largest 0.156863" in done.out
    elif format in ("value", "tsv"):
        assert float(done.out.split()[-2]) == 40 / 255
    else:
        (line,) = (line for line in done.out.splitlines() if "Largest error" in line)
        assert "of the range" in line
        assert "0.156863" in line or "0.1569" in line
        assert "SSIM" not in done.out  # none was computed, so no definition is stated


@pytest.mark.parametrize("format", formats_for("batch"))
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_batch(ssimtool, folders, format, backend):
    metrics = ("-m", "largest", "-m", "ssim")
    done = ssimtool(
        "batch", *folders, *metrics, "-f", format, "--backend", backend, "--fail-over",
        "largest=0.1", "--fail-over", "max:largest=0.1", "--worst", 1,
    )  # fmt: skip
    assert done.code == 1
    if format == "ndjson":
        *records, summary = map(json.loads, done.out.splitlines())
        numbers = [r["metrics"]["largest"] for r in records]
        assert numbers == pytest.approx([0, 5 / 255, 40 / 255], rel=1e-6)  # in float32
        assert [r["status"] for r in records] == ["ok", "ok", "fail"]
        assert {r["backend"] for r in records} == {"fused" if backend == "auto" else "torch"}
        assert [r["metrics"]["ssim"] for r in records[:1]] == [1]
    else:
        assert str(40 / 255)[:6] in done.out
        summary = json.loads(done.out)["summary"] if format == "json" else None
    if summary is not None:
        assert summary["metrics"]["largest"]["max"] == pytest.approx(40 / 255, rel=1e-6)
        assert summary["worst"][0]["distorted"].endswith("40.png")
        assert summary["thresholds"][0]["holds"] is False


def test_from_python(folders):
    """`compare` and `compare_many` of the library."""
    pairs = [tuple(folder / f"{number:02}.png" for folder in folders) for number in NUMBERS]
    one = library.compare(*pairs[1], metrics="largest")
    assert one.metrics == {"largest": 40 / 255}
    records = list(library.compare_many(pairs, metrics=("largest", "mse")))
    found = [record.metrics["largest"] for record in records]
    assert found == pytest.approx([n / 255 for n in NUMBERS], rel=1e-6)
    with pytest.raises(ValueError, match=r"'nonsense' is not one of ssim, .*, largest"):
        library.compare(*pairs[0], metrics="nonsense")


@pytest.mark.parametrize("precision", ["single", "double"])
def test_what_the_fused_pass_gives_stays_its_own(precision):
    """Beside it, torch computes the rest of the pair; alone, the record says torch."""
    how = CompareSettings(device="cpu", precision=precision)
    both = compare(_pair(40), replace(how, metrics=("ssim", "largest", "mse")))
    assert (both.backend, both.device) == ("fused", "cpu")
    ours = compare(_pair(40), replace(how, metrics=("ssim", "mse")))
    assert {k: v for k, v in both.metrics.items() if k != "largest"} == ours.metrics
    alone = compare(_pair(40), replace(how, metrics=("largest",)))
    assert (alone.backend, alone.device) == ("torch", "cpu")
    assert alone.metrics == {"largest": both.metrics["largest"]}
    # what torch computes is in float64 in either precision, as it is recorded
    assert alone.precision == "float64"
    assert CALLS == 2 * [((1, 3, 24, 32), torch.float64)]


def test_fused_on_tensors_with_nothing_to_give():
    """Where torch is loaded in any case: no pass is made for nothing, and the record says torch."""
    how, fused = CompareSettings(metrics=("largest",)), Execution(device="cpu", backend="fused")
    row, pair = METRICS["largest"], _pair(40)
    values, made = numbers_of({row.function: row}, pair, how, fused)
    assert (values, made.backend) == ({row.function: [40 / 255]}, "torch")
    both = {row.function: row, "mse": METRICS["mse"]}
    values, made = numbers_of(both, pair, how, fused)
    assert (values[row.function], made.backend) == ([40 / 255], "fused")


def test_stacked():
    """What a GPU computes together, on the CPU."""
    how = CompareSettings(metrics=("largest", "ssim"), device="cpu", backend="torch")
    pairs = [_pair(number) for number in NUMBERS]
    found = compare_stack(pairs, how, TORCH)
    assert [record.metrics["largest"] for record in found] == [n / 255 for n in NUMBERS]
    assert CALLS == [((3, 3, 24, 32), torch.float64)]
    stacker = Stacker(how, TORCH)
    assert stacker.compare(pairs[1]).metrics["largest"] == 40 / 255
    stacker.close()


def test_resume(ssimtool, folders, tmp_path):
    path = tmp_path / "s.ndjson"
    arguments = ("batch", *folders, "-m", "largest", "-o", path, "-f", "ndjson", "-j", 1)
    assert ssimtool(*arguments).code == 0
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:2]))
    CALLS.clear()
    assert ssimtool(*arguments, "--resume").code == 0
    assert len(CALLS) == 1
    records = [json.loads(line) for line in path.read_text().splitlines()[:-1]]
    assert records == [json.loads(line) for line in whole.splitlines()[:-1]]


@pytest.fixture
def scores(ssimtool, folders, tmp_path):
    """The records of a batch."""
    path = tmp_path / "s.ndjson"
    options = ("-m", "largest", "-m", "mse", "--fail-over", "largest=0.1", "-f", "ndjson")
    assert ssimtool("batch", *folders, *options, "-o", path).code == 1
    return path


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("format", formats_for("report"))
def test_report(ssimtool, scores, monkeypatch, format, known):
    """Also where nothing installed has the metric any more: it goes by its name."""
    if not known:
        monkeypatch.delitem(METRICS, "largest")
    to = ["-o", scores.with_suffix(".html")] if format == "html" else []
    done = ssimtool("report", scores, "-f", format, *to)
    assert (done.code, "warning" in done.err) == (0, False)
    text = scores.with_suffix(".html").read_text() if format == "html" else done.out
    words = ("Largest error", "largest") if known else ("largest",)
    assert any(word in text for word in words) == (format != "tsv")  # which has no header
    assert "0.1568" in text or "0.1569" in text
    if format == "json":
        worst = json.loads(text)["summary"]["worst"][0]["distorted"]
        # unknown, higher numbers are taken for better ones
        assert worst.endswith("40.png" if known else "00.png")


def test_a_row_with_a_mask(ssimtool, folders, monkeypatch, tmp_path):
    pair = [folder / "40.png" for folder in folders]
    region = ("--region", "0,0,8,8")
    done = ssimtool("compare", *pair, "-m", "largest", *region)
    assert (done.code, "--region: largest takes no region" in done.err) == (2, True)

    def counted(x, y, *, weight):
        return ((x - y).abs() * weight).sum(dim=(1, 2, 3))

    row = replace(ROW, function=counted, takes=("weight",), highest=None)
    monkeypatch.setitem(METRICS, "largest", row)
    inside = ssimtool("compare", *pair, "-m", "largest", *region, "-f", "json").record
    outside = ssimtool("compare", *pair, "-m", "largest", "--region", "9,9,8,8", "-f", "json")
    assert (inside["metrics"]["largest"], outside.record["metrics"]["largest"]) == (40, 0)


def test_a_row_that_takes_all_there_is(monkeypatch):
    """By channel where it takes a definition; samples as they are where it takes a dtype."""
    seen = []

    def metric(x, y, *, data_range, definition, scales, dtype, backend):
        seen.append((x.dtype, tuple(x.shape), data_range, definition.name, scales, dtype, backend))
        return x.to(dtype).mean(dim=(1, 2, 3))

    takes = ("data_range", "definition", "scales", "dtype", "backend")
    monkeypatch.setitem(METRICS, "largest", replace(ROW, function=metric, takes=takes))
    record = compare(_pair(5), CompareSettings(metrics=("largest",), scales=1, device="cpu"))
    expected = (torch.uint8, (1, 1, 24, 32), 255, "wang2004", 1, torch.float64, "torch")
    assert seen == 3 * [expected]
    means = _samples(5)[0].mean(axis=(0, 1))
    assert record.per_channel["largest"] == pytest.approx(tuple(means), rel=1e-12)


def test_the_smallest_image(monkeypatch):
    monkeypatch.setitem(METRICS, "largest", replace(ROW, smallest_side=25))
    how = CompareSettings(metrics=("largest",), device="cpu")
    with pytest.raises(SsimtoolError, match="32x24 pixels, expected at least 25x25 for largest"):
        compare(_pair(5), how)
    monkeypatch.setitem(METRICS, "largest", replace(ROW, smallest_side=24))
    assert compare(_pair(5), how).metrics["largest"] == 5 / 255


@pytest.mark.parametrize(("highest", "allowed"), [(float("inf"), True), (1, False), (None, False)])
def test_infinity_is_a_number_only_where_the_row_says_so(monkeypatch, highest, allowed):
    def infinite(x, y):
        return x.new_full((len(x),), torch.inf)

    row = replace(ROW, function=infinite, takes=(), highest=highest)
    monkeypatch.setitem(METRICS, "largest", row)
    how = CompareSettings(metrics=("largest",), device="cpu")
    if allowed:
        assert compare(_pair(5), how).metrics == {"largest": float("inf")}
    else:
        with pytest.raises(SsimtoolError, match="its largest is not finite"):
            compare(_pair(5), how)


def test_ranges_in_words():
    row = replace(ROW, range_words=None)
    ranges = {(0, 0.5): "0 to 0.5", (None, None): "any", (0, None): "0 or more"}
    ranges |= {(None, float("inf")): "up to inf", (-1, 1): "-1 to 1"}
    for (lowest, highest), words in ranges.items():
        assert replace(row, lowest=lowest, highest=highest).range == words
    assert METRICS["psnr"].range == "up to inf (identical)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "a=b"}, "must match"),
        ({"takes": ("gamma",)}, "gamma"),
        ({"better": "none"}, "better"),
        ({"lowest": float("-inf")}, "finite"),
    ],
)
def test_rows_that_cannot_be(change, words):
    with pytest.raises(ValueError, match=words):
        replace(ROW, **change)
