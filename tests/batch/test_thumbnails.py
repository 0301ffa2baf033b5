"""The pairs that a page shows: which they are, and what became of their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reports.scores import broken, made_up, scored, write_pair

from ssimtool.batch.thumbnails import Places, cases_of, chosen
from ssimtool.errors import SsimtoolError
from ssimtool.records.comparison import Comparison
from ssimtool.reports.pictures import Case


@pytest.fixture
def record(tmp_path) -> Comparison:
    """Of a pair of files in the folder of the test."""
    write_pair(tmp_path, "a.png", 1)
    return scored(tmp_path, "golden/a.png", "rendered/a.png")


def _case(record: Comparison, base: Path) -> Case:
    (case,) = cases_of([record], [0], places=Places(base), budget=200_000)
    return case


def test_the_worst_and_the_failed_are_chosen():
    records = [made_up(i) for i in range(300)] + [broken("a", "b")]
    order = sorted(range(300), key=lambda i: records[i].metrics["ssim"])
    failed = [i for i in order if records[i].status == "fail"]
    assert chosen(records, 3) == tuple(order[:3])
    # A pair that fails by another metric is shown as well, in its place in the order.
    last = order[-1]
    records[last] = replace(records[last], status="fail")
    assert chosen(records, len(failed) + 1) == (*order[: len(failed) + 1], last)
    assert chosen(records, 0) == ()
    assert chosen([broken("a", "b")], 5) == ()


def test_pictures(record, tmp_path):
    case = _case(record, tmp_path)
    assert case.remark is None
    assert case.pictures is not None
    assert (case.pictures.width, case.pictures.height, case.pictures.exact) == (192, 128, True)


def test_absolute_paths_need_no_base(record, tmp_path):
    paths = {side: str(tmp_path / getattr(record, side)) for side in ("reference", "distorted")}
    assert _case(replace(record, **paths), Path("/none")).remark is None


def test_files_that_are_gone_or_others_are_named(record, tmp_path):
    other = tmp_path / "rendered/a.png"
    Image.open(tmp_path / "golden/a.png").rotate(180).save(other)
    assert (_case(record, tmp_path).remark or "").startswith("changed since: ssim was 0.")
    Image.new("RGB", (64, 64)).save(other)
    assert "is 64x64 pixels, expected 192x128" in (_case(record, tmp_path).remark or "")
    Image.new("RGB", (64, 64)).save(tmp_path / "golden/a.png")
    told = _case(record, tmp_path)
    assert told.pictures is not None
    assert told.remark == "changed since: was 192x128, is 64x64 pixels"
    other.write_bytes(b"no picture")
    assert "rendered/a.png: " in (_case(record, tmp_path).remark or "")
    other.unlink()
    gone = _case(record, tmp_path)
    assert gone.pictures is None
    assert (gone.remark or "").startswith(f"{other}: no such file")
    assert "standard input" in (_case(replace(record, reference="-"), tmp_path).remark or "")
    assert _case(replace(record, reference="a\0b"), tmp_path).pictures is None


@pytest.mark.parametrize("name", ["ssim", "mse", "psnr"])
def test_how_much_of_a_change_is_another_image(record, tmp_path, name):
    """Two devices or kernels differ by 1e-6 of a score at most, another image by far more."""

    def remark(share: float) -> str | None:
        metrics = {**record.metrics, name: record.metrics[name] * (1 + share)}
        return _case(replace(record, metrics=metrics), tmp_path).remark

    assert remark(2e-5) is remark(-2e-5) is None
    for share in (3e-4, -3e-4):
        assert (remark(share) or "").startswith(f"changed since: {name} was ")


def test_the_options_of_the_record_are_used(tmp_path):
    """A resized, transparent pair that is read with its own background scores as it did."""
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[:20, :, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    Image.fromarray(rgba).resize((80, 80)).save(tmp_path / "b.png")
    from ssimtool.readers.align import Reading, read_pair
    from ssimtool.scoring.pair import compare
    from ssimtool.settings import CompareSettings

    how = Reading(background=(255, 136, 0), resize=True, channels="luma")
    pair = read_pair(str(tmp_path / "a.png"), str(tmp_path / "b.png"), how)
    record = compare(pair, CompareSettings())
    written = {**record.reading, "background": [255, 136, 0], "later": 1}  # as JSON has it
    case = _case(
        replace(record, reading=written, definition={**(record.definition or {}), "later": 1}),
        tmp_path,
    )
    assert case.pictures is not None
    assert case.remark is None


@pytest.mark.parametrize(("side", "limit"), [(100, 2**29), (40_000, 1_600_000_000)])
def test_a_pair_may_be_as_large_as_it_was(record, tmp_path, monkeypatch, side, limit):
    """What --max-pixels let through once is read again, and a smaller one up to the default."""
    limits = []

    def read(reference, distorted, how):
        limits.append(how.max_pixels)
        raise SsimtoolError("not_found", "is not read")

    monkeypatch.setattr("ssimtool.batch.thumbnails.read_frames", read)
    assert _case(replace(record, width=side, height=side), tmp_path).remark == "is not read"
    assert limits == [limit]


def test_options_that_this_version_has_not(record, tmp_path):
    parts = {**(record.definition or {}), "window_size": 4}
    case = _case(replace(record, definition=parts), tmp_path)
    assert case.pictures is None
    assert "cannot be computed again: window_size is 4" in (case.remark or "")


def test_a_pair_without_ssim(record, tmp_path):
    case = _case(replace(record, metrics={"mse": record.metrics["mse"]}, definition=None), tmp_path)
    assert case.pictures is not None
    assert case.remark is None
