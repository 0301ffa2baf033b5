"""How a batch ends: killed, interrupted, without a reader, without room on the disk; and a process
that is kept open."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from random import Random

import numpy as np
import pytest
from PIL import Image
from windows import unix

from ssimtool.cli.app import run

COMMAND = [sys.executable, "-m", "ssimtool", "batch"]
KILLS = 20
PAIRS = 100_000  # of a list that takes some minutes


def _as_in_a_terminal():
    """A shell that puts the tests into the background has them, and all they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _comparable(text):
    """The records, and the summary without the time that it took."""
    return [{**json.loads(line), "elapsed_seconds": None} for line in text.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eighty pairs of 200 x 160, and three that fail."""
    root, rng = tmp_path_factory.mktemp("pairs"), np.random.RandomState(0)
    for name in ("x", "y"):
        (root / name).mkdir()
    for i in range(80):
        x = rng.randint(0, 256, (160, 200, 3)).astype(np.uint8)
        y = np.clip(x + rng.normal(0, 1 + i % 9, x.shape), 0, 255).astype(np.uint8)
        for name, image in (("x", x), ("y", y)):
            Image.fromarray(image).save(root / name / f"{i:03}.png", compress_level=1)
    for i in (0, 33, 79):
        (root / "y" / f"{i:03}.png").write_bytes(b"")
    return root


@unix
def test_killed_twenty_times_and_resumed(folder, ssimtool, tmp_path):
    """By forks of a process that has all loaded, so that each kill falls into the work."""
    whole, path, rng = tmp_path / "whole.ndjson", tmp_path / "s.ndjson", Random(4)
    options = [str(folder / "x"), str(folder / "y"), "-q", "-f", "ndjson"]
    assert ssimtool("batch", *options, "-o", whole).code == 3
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ssimtool.scoring.pair", "ssimtool.batch.run"])
    killed = 0
    for _ in range(KILLS):
        arguments = ["batch", *options, "-o", str(path), "--resume"]
        runs = context.Process(target=run, args=(arguments,), daemon=True)
        before = path.stat().st_size if path.exists() else 0
        runs.start()
        moment = before + rng.randrange(5_000)  # of some 90,000 bytes
        until = time.monotonic() + 30
        while runs.is_alive() and time.monotonic() < until:
            if path.exists() and path.stat().st_size >= moment:
                break
            time.sleep(0.001)
        time.sleep(rng.random() * 0.005)
        killed += runs.is_alive()
        runs.kill()
        runs.join()
        if rng.random() < 0.3 and path.exists():  # as if the machine had gone down meanwhile
            os.truncate(path, max(0, path.stat().st_size - rng.randrange(300)))
    assert killed >= KILLS // 2
    done = ssimtool("batch", *options, "-o", path, "--resume")
    assert done.code == 3
    assert _comparable(path.read_text()) == _comparable(whole.read_text())
    assert len(_comparable(path.read_text())) == 81
    # and again: nothing but the errors is computed, nothing else changes
    before = path.read_text()
    assert ssimtool("batch", *options, "-o", path, "--resume").code == 3
    assert _comparable(path.read_text()) == _comparable(before)


def test_what_is_there_is_not_computed_again(folder, ssimtool, tmp_path, monkeypatch):
    path = tmp_path / "s.ndjson"
    arguments = ["batch", folder / "x", folder / "y", "-q", "-o", path]
    ssimtool(*arguments)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:50] + lines[51:60]))
    from ssimtool.scoring import pair as evaluate

    compare, computed = evaluate.compare, []

    def counted(pair, settings, *, execution):
        computed.append(os.path.basename(pair.reference_path))
        return compare(pair, settings, execution=execution)

    monkeypatch.setattr(evaluate, "compare", counted)
    done = ssimtool(*arguments)
    assert done.code == 2
    assert "--resume" in done.err
    assert computed == []
    assert ssimtool(*arguments, "--resume").code == 3
    assert sorted(computed) == ["050.png", *(f"{i:03}.png" for i in range(60, 79))]
    assert _comparable(path.read_text()) == _comparable("".join(lines))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-m", "mae"], "metrics: there ssim, ssim_loss, mse, psnr, here mae"),
        (["--sigma", "2"], "definition name: there 'wang2004', here 'custom'"),
        (["--channels", "luma"], "reading channels: there 'rgb', here 'luma'"),
        (["--background", "#fff"], "reading background"),
        (["--fail-under", "0.5"], "thresholds: there none, here ssim under 0.5"),
    ],
)
def test_other_settings_are_refused(folder, ssimtool, tmp_path, options, words):
    path = tmp_path / "s.ndjson"
    arguments = ["batch", folder / "x", folder / "y", "-q", "--include", "00*", "-o", path]
    ssimtool(*arguments)
    before = path.read_text()
    done = ssimtool(*arguments, "--resume", *options)
    assert (done.code, path.read_text()) == (2, before)
    assert words in done.err
    assert ssimtool(*arguments, "--resume", "--fail-under", "mean:0.1", "--worst", "3").code == 3
    assert ssimtool(*arguments, *options).code == 3  # a run that ended is begun anew


def test_maps_that_are_gone_are_made_again(folder, ssimtool, tmp_path):
    path, maps = tmp_path / "s.ndjson", tmp_path / "m"
    arguments = ["batch", folder / "x", folder / "y", "-q", "--include", "00*", "-o", path]
    ssimtool(*arguments)
    ssimtool(*arguments, "--maps", maps, "--resume")
    made = sorted(p.name for p in maps.iterdir())
    assert made == [f"{i:03}.png" for i in range(1, 10)]
    (maps / "004.png").unlink()
    before = _comparable(path.read_text())
    ssimtool(*arguments, "--maps", maps, "--resume")
    assert sorted(p.name for p in maps.iterdir()) == made
    assert _comparable(path.read_text()) == before


@pytest.fixture
def endless(folder, tmp_path):
    """A list that takes long."""
    path = tmp_path / "list.csv"
    path.write_text(f"{folder}/x/001.png,{folder}/y/001.png\n" * PAIRS)
    return path


@unix
def test_ctrl_c(endless, tmp_path):
    path = tmp_path / "s.ndjson"
    options = ["--pairs", str(endless), "-f", "ndjson", "-o", str(path), "-q"]
    runs = subprocess.Popen(
        [*COMMAND, *options], stderr=subprocess.PIPE, preexec_fn=_as_in_a_terminal
    )
    while not path.exists() or path.stat().st_size < 20_000:
        time.sleep(0.01)
    runs.send_signal(signal.SIGINT)
    _, err = runs.communicate(timeout=60)
    assert (runs.returncode, err) == (130, b"")
    *records, summary = _comparable(path.read_text())
    assert 10 <= len(records) == summary["pairs"] < PAIRS // 2  # it does not go on to the end
    assert summary["interrupted"] is True


@unix
def test_ctrl_c_while_nothing_comes():
    runs = subprocess.Popen(
        [*COMMAND, "--pairs", "-", "-f", "ndjson"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=_as_in_a_terminal,
    )  # fmt: skip
    runs.stdin.write(b"none,none\n")
    runs.stdin.flush()
    assert b"not_found" in runs.stdout.readline()
    runs.send_signal(signal.SIGINT)
    runs.wait(timeout=60)  # standard input stays open: it does not wait for the end of the list
    (summary,) = _comparable(runs.stdout.read())
    assert (runs.returncode, summary["interrupted"], summary["pairs"]) == (130, True, 1)
    assert runs.stderr.read().count(b"\n") == 2  # the pair's, and how many they are
    runs.stdin.close()


@unix
def test_sigterm(endless, tmp_path):
    path = tmp_path / "s.ndjson"
    runs = subprocess.Popen([*COMMAND, "--pairs", str(endless), "-o", str(path)])
    while not path.exists() or path.stat().st_size < 20_000:
        time.sleep(0.01)
    runs.terminate()
    assert runs.wait(timeout=30) == 143
    assert all(r["status"] == "ok" for r in _comparable(path.read_text()))


@unix
@pytest.mark.parametrize("form", ["ndjson", "csv", "json", "value"])
def test_nobody_reads_on(endless, form):
    command = " ".join([*COMMAND, "--pairs", str(endless), "-f", form])
    done = subprocess.run(  # all of the list would take longer than this waits
        ["bash", "-c", f"{command} | head -1; exit $PIPESTATUS"],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


def _little_room():
    import resource  # which Windows has not

    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))


@unix
@pytest.mark.parametrize("to", ["-o", ">"])
def test_a_full_disk(folder, ssimtool, tmp_path, to):
    path = tmp_path / "s.ndjson"
    line = " ".join([*COMMAND, str(folder / "x"), str(folder / "y"), "-f ndjson -q", to, str(path)])
    done = subprocess.run(
        ["bash", "-c", line], preexec_fn=_little_room, capture_output=True, check=False
    )
    assert done.returncode == 2
    (told,) = (t for t in done.stderr.decode().splitlines() if "is empty" not in t)
    assert told.startswith("error: cannot write ")
    assert ": file too large" in told
    assert 9_000 - 2_000 < path.stat().st_size <= 10_000
    if to == "-o":
        assert path.read_text().endswith("}\n")
        records = _comparable(path.read_text())
        assert [os.path.basename(r["reference"]) for r in records] == [
            f"{i:03}.png" for i in range(len(records))
        ]
    arguments = ["batch", folder / "x", folder / "y", "-q", "-f", "ndjson", "-o"]
    assert ssimtool(*arguments, path, "--resume").code == 3
    ssimtool(*arguments, tmp_path / "whole.ndjson")
    whole = (tmp_path / "whole.ndjson").read_text()
    assert _comparable(path.read_text()) == _comparable(whole)


def _idle(process):
    """Waits until a process has loaded what it loads: until it uses no more processor time."""
    used, since = -1.0, time.monotonic()
    while time.monotonic() - since < 0.4:
        with open(f"/proc/{process}/stat") as file:
            now = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        if now != used:
            used, since = now, time.monotonic()
        time.sleep(0.02)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux for the time used")
def test_a_process_that_is_kept_open_has_loaded_all_before_the_first_pair(folder, tmp_path):
    """So that it answers at once: the first pair makes it import nothing, as its log shows."""
    pair, log = f"{folder}/x/001.png,{folder}/y/001.png\n", tmp_path / "imports.txt"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-X", "importtime", *COMMAND[1:], "--pairs", "-", "-f", "ndjson"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1,
        ) as warm,
    ):  # fmt: skip
        _idle(warm.pid)
        before = log.read_text()
        warm.stdin.write(pair)
        record = json.loads(warm.stdout.readline())
        after = log.read_text()
        assert (record["status"], record["reference"]) == ("ok", pair.split(",")[0])
        warm.stdin.close()
        assert json.loads(warm.stdout.read())["pairs"] == 1
    assert warm.returncode == 0
    assert "ssimtool.scoring.pair" in before
    assert after == before
