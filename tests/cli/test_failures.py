"""What failed is named on standard error, whatever the format, with -q as well."""

from __future__ import annotations

import json

import pytest

from ssimtool.batch.failures import NAMED
from ssimtool.reports.formats import formats_for


@pytest.fixture
def pair(samples):
    return samples / "reference.png", samples / "jpeg.jpg"


@pytest.fixture
def listed(samples, tmp_path):
    """Two pairs that fail, one that passes, one that is not there."""
    path = tmp_path / "list.csv"
    reference = samples / "reference.png"
    names = (samples / "jpeg.jpg", samples / "blur.png", reference, "none.png")
    path.write_text("".join(f"{reference},{name}\n" for name in names))
    return path


def _named(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("FAIL")]


@pytest.mark.parametrize("format", formats_for("compare"))
def test_compare(ssimtool, pair, format):
    limits = "--fail-under", "0.9", "--fail-over", "mse=1", "--fail-under", "psnr=1"
    done = ssimtool("compare", *pair, "-f", format, "-q", *limits)
    assert done.code == 1
    ssim, mse = done.err.splitlines()
    assert ssim.startswith(f"FAIL {pair[1]}  ssim 0.69")
    assert ssim.endswith(" < 0.9")
    assert mse.startswith(f"FAIL {pair[1]}  mse 144.0")
    assert mse.endswith(" > 1")
    assert ssimtool("compare", *pair, "-f", format, "-q", "--fail-under", "0.1").err == ""


@pytest.mark.parametrize("format", formats_for("batch"))
def test_batch(ssimtool, listed, samples, format):
    limits = "--fail-under", "0.9", "--fail-under", "mean:0.9", "--fail-under", "min:0.1"
    done = ssimtool("batch", "--pairs", listed, "-f", format, "-q", *limits)
    assert done.code == 3
    jpeg, blur, mean = _named(done.err)
    assert jpeg.startswith(f"FAIL {samples / 'jpeg.jpg'}  ssim 0.69")
    assert blur.startswith(f"FAIL {samples / 'blur.png'}  ssim 0.66")
    assert mean.startswith("FAIL mean ssim 0.785")
    assert mean.endswith(" < 0.9")
    assert done.err.splitlines()[-1] == "2 failed, 1 error, 1 passed"


def test_a_batch_that_passes_says_nothing(ssimtool, samples, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"{samples / 'reference.png'},{samples / 'jpeg.jpg'}\n")
    assert ssimtool("batch", "--pairs", path, "-q", "--fail-under", "0.1").err == ""
    done = ssimtool("batch", "--pairs", path, "-q", "--fail-under", "max:0.9")
    assert done.code == 1
    (line, counts) = done.err.splitlines()
    assert line.startswith("FAIL max ssim 0.69")
    assert counts == "1 passed"


def test_a_resumed_run_names_what_failed_before(ssimtool, listed, samples, tmp_path):
    options = "--pairs", listed, "-o", tmp_path / "s.ndjson", "-q", "--fail-under", "0.9"
    first = ssimtool("batch", *options)
    again = ssimtool("batch", *options, "--resume")
    assert len(_named(first.err)) == 2
    assert _named(again.err) == _named(first.err)
    assert again.err.splitlines()[-1] == "2 failed, 1 error, 1 passed"


def test_many_failures_are_counted(ssimtool, samples, tmp_path):
    path = tmp_path / "list.csv"
    small = samples / "blur.png"
    path.write_text(f"{samples / 'reference.png'},{small}\n" * (NAMED // 2 + 2))
    limits = "--fail-over", "mae=0.1", "--fail-over", "mse=0.1"
    done = ssimtool("batch", "--pairs", path, "-m", "mse", "-f", "ndjson", "-q", *limits)
    assert len(_named(done.err)) == NAMED
    assert done.err.splitlines()[NAMED:] == ["… and 4 more", f"{NAMED // 2 + 2} failed, 0 passed"]
    *records, _ = map(json.loads, done.out.splitlines())
    assert sum(len(r["thresholds"]) for r in records) == NAMED + 4  # the output has all of them


def test_losses_and_latents(ssimtool, samples):
    vae = samples / "vae"
    arrays = [vae / f"{name}.npy" for name in ("recon", "raw", "mu", "logvar")]
    for format in formats_for("loss"):
        done = ssimtool("loss", *arrays, "-f", format, "-q", "--fail-over", "kl=1")
        assert done.code == 1
        assert done.err.startswith(f"FAIL {arrays[0]}  kl 23.16")
        assert done.err.endswith(" > 1\n")
    for format in formats_for("latents"):
        done = ssimtool("latents", *arrays[2:], "-f", format, "-q", "--fail-over", "kl=1")
        assert done.code == 1
        assert done.err.startswith(f"FAIL {arrays[2]}  kl 23.16")
