"""`--isolate`: what a decoder does to its process costs one pair, and nothing is left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fcntl", reason="processes share memory by descriptors")

from ssimtool.batch.isolated import decoders, process
from ssimtool.batch.isolated.decoders import Decoders
from ssimtool.batch.isolated.memory import SharedMemory, aligned, new_memory
from ssimtool.batch.isolated.messages import place
from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import read_pair
from ssimtool.readers.options import Reading
from ssimtool.readers.regions import ALL
from ssimtool.readers.samples import Pair

# In each process that opens one of these files, this happens. No library is known to do it today.
HOSTILE = """
import ctypes, os, sys, time

def eat():
    blocks = []
    while len(blocks) < 128:  # 8 GB of address space, which is not touched
        blocks.append(bytes(1 << 26))
    os._exit(0)

def abort():
    os.write(2, b"free(): invalid pointer")  # as glibc does
    os.abort()

DEEDS = {
    "segv.png": lambda: ctypes.string_at(0),
    "abort.png": abort,
    "exit.png": lambda: os._exit(4),
    "never.png": lambda: time.sleep(600),
    "memory.png": eat,
    "bug.png": lambda: {}["XYZ"],
}

def see(event, arguments):
    if event == "open":
        DEEDS.get(os.path.basename(str(arguments[0])), int)()

sys.addaudithook(see)
"""
CODES = {
    "segv.png": ("crashed", "SIGSEGV"),
    "abort.png": ("crashed", "SIGABRT"),
    "exit.png": ("crashed", "exit code 4"),
    "never.png": ("timeout", "took longer than 3 s"),
    "memory.png": ("too_large", "do not fit into memory"),
    "bug.png": ("internal", "KeyError: 'XYZ'"),
}
OPTIONS = ("-m", "mse", "-f", "ndjson", "-q")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs: twelve good pairs of many kinds."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ("x", "y"):
        Path(folder).mkdir()
        for i in range(6):
            samples = rng.integers(0, 256, (40 + i // 2, 50, 3), dtype=np.uint8)
            Image.fromarray(samples).save(f"{folder}/{i}.png")
        large = np.repeat(np.repeat(samples, 20, axis=0), 20, axis=1)
        Image.fromarray(large).save(f"{folder}/large.png")
        Image.fromarray(large).save(f"{folder}/large.jpg")
        Image.fromarray(samples[..., 0].astype(np.uint16) * 257).save(f"{folder}/deep.tif")
        np.save(f"{folder}/floats.npy", rng.random((30, 20)))
        frames = [Image.fromarray(rng.integers(0, 256, (30, 40), dtype=np.uint8)) for _ in "abc"]
        frames[0].save(f"{folder}/stack.tiff", save_all=True, append_images=frames[1:])
        rgba = rng.integers(0, 256, (30, 40, 4), dtype=np.uint8)
        Image.fromarray(rgba).save(f"{folder}/alpha.png")
    return tmp_path


@pytest.fixture
def hostile(here, monkeypatch):
    """Adds pairs whose distorted image ends the process that opens it."""
    (here / "site").mkdir()
    (here / "site" / "sitecustomize.py").write_text(HOSTILE)
    monkeypatch.setenv("PYTHONPATH", str(here / "site"))
    for name in CODES:
        Image.new("RGB", (50, 40)).save(f"x/{name}")
        Image.new("RGB", (50, 40)).save(f"y/{name}")


def records_of(out: str) -> list[dict]:
    """The records of NDJSON, without its summary."""
    return [json.loads(line) for line in out.splitlines()[:-1]]


def children_of(pid: int) -> set[int]:
    """Processes that a process has started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.add(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_for(condition, seconds=20):
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


# --- what is compared ---------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_same_records(ssimtool, here, jobs):
    (here / "y" / "0.png").write_bytes(b"no image")
    (here / "y" / "1.png").write_bytes((here / "y" / "1.png").read_bytes()[:900])
    options = ("-m", "ssim,psnr,mse", "-f", "ndjson", "-q", "--jobs", jobs)
    plain, isolated = (ssimtool("batch", "x", "y", *options, *o) for o in ((), ("--isolate",)))
    assert isolated.code == plain.code == 3
    assert records_of(isolated.out) == records_of(plain.out)
    codes = [r["error"]["code"] for r in records_of(isolated.out) if r["error"]]
    assert codes == ["not_an_image", "truncated"]
    assert isolated.err == plain.err


def test_the_same_maps_and_regions(ssimtool, here):
    Image.fromarray((np.arange(2000).reshape(40, 50) % 2 * 255).astype(np.uint8)).save("mask.png")
    rows = ["reference,distorted,mask,region"]
    rows += ["x/0.png,y/0.png,mask.png,", 'x/1.png,y/1.png,,"3,4,20,18"']
    rows += [
        "x/2.png,y/2.png,none.png,",
        'x/stack.tiff,y/stack.tiff,,"0,0,15,15"',
        "x/3.png,y/3.png,,",
    ]
    (here / "list.csv").write_text("\n".join(rows))
    found = {}
    for name, more in {"plain": (), "isolated": ("--isolate",)}.items():
        done = ssimtool("batch", "--pairs", "list.csv", "-f", "ndjson", "-q", "--maps", name, *more)
        maps = sorted(p for p in (here / name).rglob("*.png"))
        pixels = [(p.relative_to(here / name), Image.open(p).tobytes()) for p in maps]
        records = records_of(done.out.replace(f"{name}/", ""))
        found[name] = done.code, records, pixels
    assert len(found["plain"][2]) == 4
    assert found["isolated"] == found["plain"]


# --- what a decoder does to its process ---------------------------------------------------------


def test_a_crash_costs_one_pair(ssimtool, hostile):
    more = ("--isolate", "--timeout", 3, "--jobs", 2, "--memory", "64M")
    done = ssimtool("batch", "x", "y", *OPTIONS, *more)
    assert done.code == 70  # one of the pairs met a bug
    found = {os.path.basename(r["distorted"]): r for r in records_of(done.out)}
    assert len(found) == 18
    for name, record in found.items():
        if name not in CODES:
            assert record["status"] == "ok", record
            continue
        code, words = CODES[name]
        assert record["error"]["code"] == code
        assert words in record["error"]["message"]
        assert record["error"]["message"].startswith(f"y/{name}: ")
    assert "invalid pointer" not in done.err
    # one line for each cause of an error and one for all
    assert len(done.err.splitlines()) <= len(CODES) + 2, done.err


@pytest.mark.skipif(sys.platform != "linux", reason="needs an address space limit")
def test_under_a_limit_of_the_address_space(here):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
    limited += "from ssimtool.cli import main; main()"
    command = [sys.executable, "-c", limited, "batch", "x", "y", *OPTIONS, "--isolate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {r["status"] for r in records_of(done.stdout)} == {"ok"}


def test_without_it_the_run_is_lost(process, hostile):
    done = process("batch", "x", "y", *OPTIONS, "--include", "segv.png", env=dict(os.environ))
    assert done.code == -signal.SIGSEGV


def test_a_crash_in_the_first_file_names_both(ssimtool, hostile):
    os.rename("y/0.png", "y/kept.png")
    Path("list.csv").write_text("x/segv.png,y/kept.png\n")
    done = ssimtool("batch", "--pairs", "list.csv", *OPTIONS, "--isolate")
    assert done.code == 3
    (record,) = records_of(done.out)
    assert record["error"]["message"] == (
        "y/kept.png: a decoder crashed (SIGSEGV) on it or on x/segv.png, expected two images; "
        "check both files"
    )


def test_a_decoder_that_never_returns_is_ended_by_the_system(hostile, monkeypatch):
    monkeypatch.setattr(decoders, "LATE", 100)
    own, begun = Decoders(Reading(), 1, 1 << 30, debug=False), time.monotonic()
    try:
        with pytest.raises(SsimtoolError, match="took longer than 1 s"):
            own.read("x/never.png", "y/never.png", ALL, lambda memory: None)
    finally:
        own.close()
    assert time.monotonic() - begun < 50  # not by this process, after 101 s


def test_a_stopped_process_is_ended_from_outside(here, monkeypatch):
    own = Decoders(Reading(), 20, 1 << 30, debug=False)
    try:
        own.start(1)
        os.kill(own._started[0]._process.pid, signal.SIGSTOP)
        monkeypatch.setattr(decoders, "LATE", 0.2 - 20)
        with pytest.raises(SsimtoolError, match="took longer than 20 s") as error:
            own.read("x/0.png", "y/0.png", ALL, lambda memory: None)
        assert error.value.code == "timeout"
        monkeypatch.undo()
        monkeypatch.chdir(here)
        assert own.read("x/0.png", "y/0.png", ALL, lambda memory: None).first.reference.any()
    finally:
        own.close()


def test_time_of_waiting_for_memory_does_not_count(here):
    own = Decoders(Reading(), 1.5, 1 << 30, debug=False)
    try:
        own.read("x/0.png", "y/0.png", ALL, lambda memory: None)  # loads the decoders
        pair = own.read("x/0.png", "y/0.png", ALL, lambda memory: time.sleep(1.6)).first
        assert pair.reference.shape == (40, 50, 3)
    finally:
        own.close()


def test_no_process_can_be_started(ssimtool, here, monkeypatch):
    def refuse(*arguments, **options):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Decoders, "start", lambda self, count: None)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    done = ssimtool("batch", "x", "y", *OPTIONS, "--isolate", "--include", "0.png")
    assert done.code == 3
    (record,) = records_of(done.out)
    assert record["error"]["code"] == "crashed"
    assert "(resource temporarily unavailable); use fewer --jobs" in record["error"]["message"]


def test_errors_that_cannot_be_passed_on():
    class OddError(Exception):
        def __init__(self, a, b):
            super().__init__(a)

    assert isinstance(process._passable(KeyError("a"), debug=False), KeyError)
    assert str(process._passable(OddError("a", "b"), debug=False)) == "OddError: a"
    (note,) = process._passable(KeyError("a"), debug=True).__notes__
    assert isinstance(note, str)


# --- what is left behind ------------------------------------------------------------------------


def start(*options, **more) -> subprocess.Popen:
    """A run over an endless list, with its processes."""
    command = [sys.executable, "-m", "ssimtool", "batch", "--pairs", "-", *OPTIONS, "--isolate"]
    return subprocess.Popen(
        [*command, "--jobs", "2", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left(here, number):
    running = start()
    running.stdin.write("x/0.png,y/0.png\n" * 3)
    running.stdin.flush()
    assert json.loads(running.stdout.readline())["status"] == "ok"
    own = children_of(running.pid)
    assert len(own) == 2
    running.send_signal(number)
    running.communicate()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in own))


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_killed_processes_cost_their_pairs_and_resume_completes(ssimtool, here):
    names = [f"{i}.png" for i in range(6)] * 20
    Path("list.csv").write_text("".join(f"x/{n},y/{n}\n" for n in names))
    output = ("--pairs", "list.csv", "-m", "mse", "-q", "--isolate", "--jobs", 2)
    assert ssimtool("batch", *output, "-o", "whole.ndjson").code == 0
    ended, rng = threading.Event(), random.Random(1)

    def kill():
        while not ended.is_set():
            for pid in children_of(os.getpid()):
                with suppress(OSError):  # it has ended meanwhile
                    if b"ssimtool.batch.isolated" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
            time.sleep(rng.random() / 10)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        done = ssimtool("batch", *output, "-o", "killed.ndjson")
    finally:
        ended.set()
        killer.join()
    records = records_of(Path("killed.ndjson").read_text())
    errors = [r["error"]["code"] for r in records if r["error"]]
    assert done.code == 3
    assert set(errors) == {"crashed"}
    assert ssimtool("batch", *output, "-o", "killed.ndjson", "--resume").code == 0
    assert records_of(Path("killed.ndjson").read_text()) == records_of(
        Path("whole.ndjson").read_text()
    )


# --- the options --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--timeout", "3"), "has no effect without --isolate"),
        (("--isolate", "--timeout", "0"), "is not a finite number above 0"),
    ],
)
def test_options_that_are_refused(ssimtool, here, options, words):
    done = ssimtool("batch", "x", "y", *options)
    assert done.code == 2
    assert words in done.err


# --- shared memory ------------------------------------------------------------------------------


def a_pair(reference, distorted, weight=None) -> Pair:
    return Pair(
        reference_path="a",
        distorted_path="b",
        reference=reference,
        distorted=distorted,
        weight=weight,
        data_range=255.0,
        sample_type="uint8",
    )


@pytest.fixture
def memory():
    shared = SharedMemory(new_memory())
    yield shared
    shared.close()


def is_equal(found: Pair, pair: Pair) -> bool:
    return all(
        np.array_equal(getattr(found, name), getattr(pair, name))
        and getattr(found, name).dtype == getattr(pair, name).dtype
        for name in ("reference", "distorted", "weight")
        if getattr(pair, name) is not None
    )


def test_arrays_in_shared_memory(memory):
    rng = np.random.default_rng(0)
    other = SharedMemory(os.dup(memory._file.fileno()))
    for shape in ((5, 7, 3), (300, 200, 1), (2, 2, 3)):
        pair = a_pair(rng.integers(0, 256, shape, np.uint8), rng.random(shape)[::-1])
        for weight in (None, rng.random(shape[:2]) > 0.5):
            pair = a_pair(pair.reference, pair.distorted, weight)
            found = place(pair, memory).pair_in(other)
            assert is_equal(found, pair)
            assert (found.weight is None) == (weight is None)
            assert found.distorted.ctypes.data % 4096 == 0
    other.close()


def test_arrays_that_are_in_the_memory_stay_right(memory):
    """Decoders write there; a conversion may leave views, or only one of the two images."""
    rng = np.random.default_rng(1)
    first = rng.integers(0, 256, (40, 50, 3), np.uint8)
    pair = place(a_pair(first, 255 - first), memory).pair_in(memory)
    again = place(pair, memory)
    assert memory.offset_of(pair.distorted) == again.places["distorted"][0] == aligned(6000)
    cases = [
        a_pair(pair.distorted, pair.reference),  # in each other's place
        a_pair(pair.reference[..., :1], pair.distorted[..., 1:2]),
        a_pair(pair.reference[::-1], pair.distorted),
        a_pair(pair.reference.astype(np.float64), pair.distorted),  # over the place of the other
        a_pair(np.tile(pair.reference, (9, 9, 1)), pair.distorted),  # more than there is
    ]
    for case in cases:
        kept = a_pair(case.reference.copy(), case.distorted.copy())
        assert is_equal(place(case, memory).pair_in(memory), kept)
        pair.reference[...], pair.distorted[...] = first, 255 - first


def test_images_are_decoded_into_the_memory(here, memory):
    how = Reading()
    pair = place(read_pair("x/large.jpg", "y/large.jpg", how), memory).pair_in(memory)
    pair.reference[...] = 0
    again = read_pair("x/large.jpg", "y/large.jpg", how, into=pair)
    assert memory.offset_of(again.reference) == 0
    assert again.reference.any()


@pytest.mark.skipif(sys.platform != "linux", reason="memory elsewhere is in a file")
def test_the_memory_of_a_large_pair_is_given_back(here):
    def resident(decoder) -> int:
        return os.fstat(decoder.memory._file.fileno()).st_blocks * 512

    own = Decoders(Reading(), 30, 1 << 30, debug=False)
    try:
        for _ in range(2):
            large = own.read("x/large.png", "y/large.png", ALL, lambda memory: None).first
            assert np.array_equal(large.reference, np.asarray(Image.open("x/large.png")))
            (decoder,) = own._started
            assert resident(decoder) >= 2 * large.reference.nbytes
            own.release(1 << 30)
            assert resident(decoder) >= 2 * large.reference.nbytes
            own.release(1 << 20)
            assert resident(decoder) == 0
        small = own.read("x/0.png", "y/0.png", ALL, lambda memory: None).first
        assert np.array_equal(small.distorted, np.asarray(Image.open("y/0.png")))
    finally:
        own.close()


def test_a_run_gives_it_back(ssimtool, here, monkeypatch):
    sizes = []
    release = SharedMemory.release
    monkeypatch.setattr(
        SharedMemory, "release", lambda self: (sizes.append(self.size), release(self))
    )
    done = ssimtool("batch", "x", "y", *OPTIONS, "--isolate", "--jobs", 2, "--memory", "16M")
    assert done.code == 0
    assert sizes
    assert min(sizes) > (16 << 20) / 4 / 2


@pytest.mark.skipif(sys.platform != "linux", reason="memory elsewhere has no seals")
def test_the_memory_cannot_shrink(memory):
    memory.grow(8192)
    with pytest.raises(PermissionError):
        os.ftruncate(memory._file.fileno(), 4096)
