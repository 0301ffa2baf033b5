"""Every bad input through a process of its own: its code, its one line, its exit status, and
nothing partial left on the disk."""

from __future__ import annotations

import csv
import io
import os
import pickle
import re
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import typer
from PIL import Image
from windows import linux, unix

from ssimtool.cli.app import _on_one_line

RNG = np.random.RandomState(0)
GREY = RNG.randint(0, 256, (20, 30)).astype(np.uint8)


def _image(path: Path, array: np.ndarray = GREY, **options) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def _array(path: Path, array: np.ndarray, **options) -> Path:
    np.save(path, array, **options)
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _half(path: Path) -> Path:
    content = _image(path, RNG.randint(0, 256, (200, 200, 3)).astype(np.uint8)).read_bytes()
    return _bytes(path, content[: len(content) // 2])


def _bomb(path: Path) -> Path:
    """A PNG that says 100,000 x 100,000 pixels in some hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return _bytes(path, b"\x89PNG\r\n\x1a\n" + parts)


def _nan(path: Path) -> Path:
    array = GREY / 255
    array[3, 4] = np.nan
    return _array(path, array)


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


def _absent(path: Path) -> Path:
    return path


def _deep_ppm(path: Path) -> Path:
    return _bytes(path, b"P6 30 20 65535\n" + bytes(20 * 30 * 6))


# name of the file, how it is made, options, error code, what stands in the message
BAD: dict[str, tuple[str, Callable[[Path], Path], list[str], str, str]] = {
    "absent": ("b.png", _absent, [], "not_found", "no such file"),
    "a directory": ("b.png", _directory, [], "unreadable", "is a directory"),
    "an I/O error": ("/proc/self/mem", _absent, [], "unreadable", "cannot be read"),
    "zero bytes": ("b.png", lambda p: _bytes(p, b""), [], "not_an_image", "is empty"),
    "text": ("b.png", lambda p: _bytes(p, b"hello"), [], "not_an_image", "no known image format"),
    "a zip": ("b.png", lambda p: _bytes(p, b"PK\3\4" + bytes(99)), [], "not_an_image", "a zip"),
    "half a PNG": ("b.png", _half, [], "truncated", "ends before its image does"),
    "half a JPEG": ("b.jpg", _half, [], "truncated", "ends before its image does"),
    "half a TIFF": ("b.tif", _half, [], "truncated", "expected a whole image"),
    "half a WebP": ("b.webp", _half, [], "truncated", "ends before its image does"),
    "a huge PNG": ("b.png", _bomb, [], "too_large", "100000x100000 = 10000000000 pixels"),
    "over the limit": (
        "b.png",
        lambda p: _image(p, GREY.T.repeat(2, axis=0)),
        ["--max-pixels", "600"],
        "too_large",
        "at most 600",
    ),
    "smaller than the window": (
        "b.png", lambda p: _image(p, GREY), ["--window-size", "21"], "too_small", "at least 21x21",
    ),
    "another size": ("b.png", lambda p: _image(p, GREY[1:]), [], "size_mismatch", "is 30x19"),
    "other channels": (
        "b.npy",
        lambda p: _array(p, np.zeros((20, 30, 4), np.uint8)),
        [],
        "channel_mismatch",
        "has 4 channels, expected 3",
    ),
    "one axis": ("b.npy", lambda p: _array(p, GREY[0]), [], "shape_mismatch", "has shape (30,)"),
    "axes in doubt": (
        "b.npy", lambda p: _array(p, np.zeros((3, 20, 3))), [], "shape_mismatch", "--layout",
    ),
    "NaN": ("b.npy", _nan, [], "non_finite", "NaN or infinity"),
    "infinity": (
        "b.npy", lambda p: _array(p, np.full((20, 30), np.inf)), [], "non_finite", "or infinity",
    ),
    "floats without a range": (
        "b.npy", lambda p: _array(p, GREY * 1.0), [], "data_range", "pass --data-range (e.g. 255)",
    ),
    "objects": (
        "b.npy",
        lambda p: _array(p, np.array([[{}]], dtype=object), allow_pickle=True),
        [],
        "pickled",
        "pickles are never loaded",
    ),
    "a pickle": ("b.npy", lambda p: _bytes(p, pickle.dumps([1])), [], "pickled", "never loaded"),
    "complex numbers": (
        "b.npy", lambda p: _array(p, GREY * 1j), [], "unsupported", "has dtype complex128",
    ),
    "deep colour that would be cut": ("b.ppm", _deep_ppm, [], "unsupported", "16 bits a channel"),
    "a frame too far": (
        "b.gif",
        lambda p: _image(p, save_all=True, append_images=[Image.fromarray(GREY.T[:20, :20])]),
        ["--frame", "7"],
        "unsupported",
        "0 to 1",
    ),
    "a short array": (
        "b.npy",
        lambda p: _bytes(p, _array(p, GREY).read_bytes()[:-1]),
        [],
        "truncated",
        "expected 600",
    ),
}  # fmt: skip


if sys.platform != "linux":
    del BAD["an I/O error"]


@pytest.mark.parametrize("case", list(BAD))
def test_bad_input(process, tmp_path, case):
    name, make, options, code, words = BAD[case]
    colour = np.stack([GREY] * 3, axis=2)
    reference = _image(tmp_path / "a.png", colour if case == "other channels" else GREY)
    bad = make(tmp_path / name)
    (tmp_path / "out").mkdir()
    outputs = ["-o", tmp_path / "out" / "r.json", "--map", tmp_path / "out" / "m.png"]
    done = process("compare", reference, bad, "-f", "json", *options, *outputs)
    assert done.code == 3
    assert done.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", done.err)
    assert words in done.err
    named = reference if code == "too_small" else bad
    assert str(named) in done.err
    # the record of the error is written, whole; of the map nothing is left, nor of a temporary
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["r.json"]
    record = (tmp_path / "out" / "r.json").read_text()
    assert f'"code": "{code}"' in record
    assert '"metrics": {}' in record


@pytest.mark.parametrize("format", ["table", "json", "ndjson", "csv", "markdown", "value"])
def test_an_error_in_every_format(process, tmp_path, format):
    good = _image(tmp_path / "a.png")
    done = process("compare", good, tmp_path / "none.png", "-f", format)
    assert done.code == 3
    assert done.err == f"error: {tmp_path}/none.png: no such file; check the path and the name\n"
    if format in ("json", "ndjson"):
        assert done.record["status"] == "error"
        assert done.record["error"]["code"] == "not_found"
    elif format == "csv":
        header, row = csv.reader(io.StringIO(done.out))
        assert row[header.index("error.code")] == "not_found"
        well = process("compare", good, good, "-f", "csv").out
        assert next(csv.reader(io.StringIO(well))) == header
    else:
        assert done.out == ""


def test_an_error_outranks_a_threshold(process, tmp_path):
    good = _image(tmp_path / "a.png")
    assert process("compare", good, tmp_path / "none.png", "--fail-under", "1").code == 3


@pytest.mark.parametrize(
    "name",
    ["two words.png", "two\nlines.png", "100%s.png", "[red]x.png", "naïve 画.png"],
)
def test_names(process, tmp_path, name):
    good = _image(tmp_path / name)
    for format in ("json", "csv", "table", "markdown"):
        done = process("compare", name, f"./{name}", "-f", format, cwd=tmp_path)
        assert (done.code, done.err) == (0, "")
        if format == "json":
            assert done.record["reference"] == name
        elif format == "csv":
            assert next(csv.DictReader(io.StringIO(done.out)))["reference"] == name
        elif format == "table":
            assert name.replace("\n", "\\n") in done.out
    missing = process("compare", tmp_path / f"no {name}", good)
    assert missing.err.count("\n") == 1
    assert name.replace("\n", "\\n") in missing.err


def test_a_name_that_is_not_utf_8(process, tmp_path):
    good = _image(tmp_path / "a.png")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.png")
    os.rename(good, odd)
    for format in ("table", "json", "ndjson", "csv", "markdown", "value"):
        assert process("compare", odd, odd, "-f", format).code == 0
    assert process("compare", odd, odd, "-f", "json").record["reference"] == odd
    assert "b\\xff.png" in process("compare", odd + "x", odd).err.replace("\\udcff", "\\xff")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare"], "Missing argument"),
        (["compare", "a.png"], "Missing argument"),
        (["explain", "a.png", "b.png", "c.png"], "unexpected extra argument"),
        (["compare", "a.png", "b.png", "--nonsense"], "No such option"),
        (["compare", "a.png", "b.png", "-m", "vif"], "is not one of ssim"),
        (["compare", "a.png", "b.png", "-f", "xml"], "is not one of table"),
        (["compare", "a.png", "b.png", "--definition", "x"], "is not one of wang2004"),
        (["compare", "a.png", "b.png", "--window-size", "8"], "odd number"),
        (["compare", "a.png", "b.png", "--window-size", "x"], "window-size"),
        (["compare", "a.png", "b.png", "--sigma", "0"], "sigma is 0"),
        (["compare", "a.png", "b.png", "--k1", "-1"], "k1 is -1"),
        (["compare", "a.png", "b.png", "--border", "wrap"], "is not one of valid, zero"),
        (
            ["compare", "a.png", "b.png", "--scales", "2"],
            "Invalid value for --scales: only ms_ssim has scales: add it",
        ),
        (
            ["batch", "a", "b", "--scales", "2"],
            "Invalid value for --scales: only ms_ssim has scales: add it",
        ),
        (["loss", "a", "b", "--beta", "0", "--free-bits", "1"], "kl is not computed"),
        (["loss", "a", "b", "--beta", "0", "--kl-reduction", "sum"], "kl is not computed"),
        (["explain", "a.png", "b.png", "-f", "xml"], "is not one of table"),
        (["compare", "a.png", "b.png", "--data-range", "0"], "not a finite number above 0"),
        (["compare", "a.png", "b.png", "--data-range", "nan"], "not a finite number above 0"),
        (["compare", "a.png", "b.png", "--device", "gpu"], "is not one of auto"),
        (["compare", "a.png", "b.png", "--backend", "cuda"], "is not one of auto, fused, torch"),
        (["compare", "a.png", "b.png", "--channels", "hsv"], "is not one of rgb"),
        (["compare", "a.png", "b.png", "--layout", "nchw"], "is not one of auto"),
        (["compare", "a.png", "b.png", "--background", "whitish"], "neither checker nor"),
        (["compare", "a.png", "b.png", "--background", "#ff000080"], "neither checker nor"),
        (["compare", "a.png", "b.png", "--fail-under", "x"], "is not [worst:][METRIC=]VALUE"),
        (["compare", "a.png", "b.png", "--fail-under", "kl=1"], "is not one of ssim"),
        (["compare", "a.png", "b.png", "--fail-under", "mean:ssim=1"], "names a statistic"),
        (["compare", "a.png", "b.png", "--fail-over", "nan"], "is not [worst:][METRIC=]VALUE"),
        (["compare", "a.png", "b.png", "--map", "a.jpg"], "does not end in .png or .npy"),
        (["compare", "a.png", "b.png", "--map-style", "jet"], "is not one of gray"),
        (["compare", "a.png", "b.png", "--frame", "-1"], "frame"),
        (["compare", "-", "-"], "can be only one"),
        (
            ["compare", "a.png", "b.png", "-f", "json", "-o", "./a.png"],
            "cannot write ./a.png: it is also an input",
        ),
        (
            ["compare", "a.png", "b.png", "-f", "json", "-o", "x.png", "--map", "x.png"],
            "cannot write x.png: it is also an output",
        ),
        (
            ["compare", "a.png", "b.png", "-o", "a.png/x.json"],
            "cannot write a.png/x.json: not a directory",
        ),
        (["compare", "a.png", "b.png", "-o", "."], "cannot write .: it is a folder"),
        pytest.param(
            ["compare", "a.png", "b.png", "--map", "/proc/x.png"],
            "cannot write /proc/x.png: ",
            marks=linux,
        ),
        (["loss"], "Missing argument"),
        (["loss", "a.npy"], "RAW is missing"),
        (["loss", "a.npy", "b.npy"], "MU and LOGVAR are missing"),
        (["loss", "a.npy", "b.npy", "c.npy"], "LOGVAR is missing"),
        (["loss", "a.npy", "-", "-", "d.npy"], "can be read only once"),
        (["loss", "a.npy", "b.npy", "--beta", "-1"], "0 or more"),
        (["loss", "a.npy", "b.npy", "--alpha", "inf"], "0 or more"),
        (["loss", "a.npy", "b.npy", "--beta", "0", "--layout", "hwc"], "is not one of nchw"),
        (["loss", "a.npy", "b.npy", "--beta", "0", "--fail-over", "kl=1"], "is not computed"),
        (["loss", "a.npy", "b.npy", "--beta", "0", "--per-sample", "x.txt"], ".csv or .ndjson"),
        (["nonsense"], "No such command"),
        (["list", "nonsense"], "No such command"),
    ],
)
def test_wrong_command_lines(process, tmp_path, arguments, words):
    _image(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    done = process(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert done.out == ""
    assert words in done.err
    assert re.fullmatch(r"error: [^\n]+\n", done.err)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == before


def test_no_arguments_show_the_help(process):
    done = process()
    assert done.code == 2
    assert "Usage: ssimtool" in done.out + done.err


def test_a_device_that_is_absent(process, tmp_path):
    good = _image(tmp_path / "a.png")
    for command in (["compare", good, good], ["loss", *[_array(tmp_path / "x.npy", GREY)] * 2]):
        extra = ["--beta", "0"] if command[0] == "loss" else []
        done = process(*command, *extra, "--device", "cuda:7")
        assert (done.code, done.out) == (2, "")
        assert "cuda:7 is not present: expected cpu" in done.err or "expected cuda" in done.err


def test_loss_errors_are_records(process, tmp_path):
    _array(tmp_path / "x.npy", GREY)
    done = process("loss", "x.npy", "none.npy", "--beta", "0", "-f", "json", cwd=tmp_path)
    assert done.code == 3
    assert done.record["error"]["code"] == "not_found"
    assert (done.record["recon"], done.record["loss"]) == ("x.npy", None)
    done = process("loss", "none.npz", "-f", "csv", "--per-sample", "s.csv", cwd=tmp_path)
    assert done.code == 3
    assert not (tmp_path / "s.csv").exists()


def test_debug_shows_the_traceback(process, tmp_path):
    done = process("compare", tmp_path / "none.png", tmp_path / "none.png", "--debug")
    assert done.code != 0
    assert "Traceback" in done.err
    assert "SsimtoolError" in done.err


def _limited() -> None:
    import resource  # which Windows has not

    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@unix
def test_a_full_disk_keeps_what_was_there(process, tmp_path):
    large = _image(tmp_path / "a.png", RNG.randint(0, 256, (100, 100)).astype(np.uint8))
    target = _bytes(tmp_path / "m.npy", b"before")
    done = process("compare", large, large, "--map", target, preexec_fn=_limited)
    assert done.code == 2
    assert ": file too large" in done.err
    assert target.read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "m.npy"]


def test_a_kernel_that_cannot_be_had(tmp_path):
    x, y = _image(tmp_path / "x.png"), _image(tmp_path / "y.png")
    without = "import sys; sys.modules['numba'] = None; from ssimtool.cli import main; main()"
    command = [sys.executable, "-c", without, "compare", str(x), str(y)]
    large = np.zeros((800, 700, 3), np.uint8)  # of a size that is not read by Pillow
    _image(x, large)
    _image(y, large)
    done = subprocess.run(
        [*command, "--backend", "fused"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "--backend" in done.stderr
    assert "Numba cannot be imported: expected Numba, or the backend 'auto'" in done.stderr
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@unix
def test_devices_are_written_as_they_are(process, tmp_path):
    good = _image(tmp_path / "a.png")
    assert process("compare", good, good, "-o", "/dev/null").code == 0
    done = process("compare", good, good, "-f", "value", "-m", "mse", "-o", "/dev/stdout")
    assert done.out == "0.0\n"
    assert process("compare", good, good, "-o", "/dev/full").code == 2


@unix
def test_a_link_keeps_pointing(process, tmp_path):
    good = _image(tmp_path / "a.png")
    link, real = tmp_path / "link.json", tmp_path / "real.json"
    link.symlink_to(real)
    assert process("compare", good, good, "-f", "json", "-o", link).code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("{")


@unix
def test_a_closed_pipe_ends_quietly(tmp_path):
    good = _image(tmp_path / "a.png")
    line = f"{sys.executable} -m ssimtool compare {good} {good} -f json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    line = f"{sys.executable} -m ssimtool compare {good} {good} -f json | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def _as_in_a_terminal() -> None:
    """A shell that puts the tests into the background has them, and all they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@unix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(tmp_path, number, code):
    """A pipe that nobody writes to holds the program while its outputs are reserved."""
    good = _image(tmp_path / "a.png")
    command = [sys.executable, "-m", "ssimtool", "compare", str(good), "-"]
    running = subprocess.Popen(
        [*command, "-o", str(tmp_path / "r.json"), "-f", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=_as_in_a_terminal,
    )  # fmt: skip
    for _ in range(3000):  # a minute, on a machine that is busy otherwise
        if len(list(tmp_path.iterdir())) == 2:
            break
        time.sleep(0.02)
    assert len(list(tmp_path.iterdir())) == 2
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert err == b""
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_tiff_that_is_no_rgb(process, tmp_path):
    path = tmp_path / "b.tif"
    import tifffile

    tifffile.imwrite(path, np.zeros((20, 30, 4), np.uint16), photometric="separated")
    done = process("compare", path, path)
    assert done.code == 3
    assert "is a TIFF with inks that are not CMYK of 8 bits" in done.err


def test_a_damaged_deep_png(process, tmp_path):
    content = bytearray(
        imagecodecs.png_encode(RNG.randint(0, 65536, (20, 30, 3)).astype(np.uint16))
    )
    content[len(content) // 2] ^= 0xFF
    path = _bytes(tmp_path / "b.png", bytes(content))
    done = process("compare", path, path, "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "damaged")


def test_results_that_are_no_numbers(process, tmp_path):
    huge = _array(tmp_path / "a.npy", np.full((20, 30), 1e200))
    small = _array(tmp_path / "b.npy", np.zeros((20, 30)))
    done = process("compare", huge, small, "--data-range", "1", "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "non_finite")


@pytest.mark.parametrize("dtype", ["i8", "u8", "i4", "u4", "i2"])
def test_every_integer_type(process, tmp_path, dtype):
    path = _array(tmp_path / "a.npy", GREY.astype(dtype))
    done = process("compare", path, path, "-f", "json")
    assert (done.code, done.record["metrics"]["ssim"]) == (0, 1)
    done = process("loss", path, path, "--beta", "0", "-f", "json")
    assert (done.code, done.record["loss"]) == (0, 0)
    assert len(done.record["steps"]) == 2
    assert "pass --data-range (e.g. 255)" in done.record["warnings"][0]


@pytest.mark.parametrize(
    "options",
    [
        ["--sigma", "1e-200"],
        ["--k2", "1e-170"],
        ["--data-range", "1e160"],
        ["--window-size", "200001"],
        ["--background", "rgb(300,0,0)"],
    ],
)
def test_extreme_options(process, tmp_path, options):
    good = _image(tmp_path / "a.png")
    assert process("compare", good, good, "--definition", "cvae", *options).code == 2


def test_memory_that_is_not_there(ssimtool, tmp_path, monkeypatch):
    good = _image(tmp_path / "a.png")

    def fail(words: str) -> Callable[..., None]:
        def compare(*arguments: object, **options: object) -> None:
            raise RuntimeError(words)

        return compare

    words = "DefaultCPUAllocator: can't allocate memory"
    monkeypatch.setattr("ssimtool.scoring.images.compare", fail(words))
    done = ssimtool("compare", good, good, "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "too_large")
    monkeypatch.setattr("ssimtool.scoring.images.compare", fail("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        ssimtool("compare", good, good)


@unix
@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 2), ("2>&-", 3), ("2>/dev/full", 3), ("<&-", 3), ("| head -0; exit $PIPESTATUS", 3)],
)
def test_streams_that_are_closed(tmp_path, redirection, code):
    _image(tmp_path / "a.png")
    names = {">&-": "a.png a.png", "<&-": "a.png -"}.get(redirection, "a.png none.png")
    line = f"{sys.executable} -m ssimtool compare {names} -f json {redirection}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@unix
@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("outputs", "code"), [("-o s.ndjson", 0), ("-o s.csv -o s.ndjson", 0), ("", 2), ("-f csv", 2)]
)
def test_a_batch_whose_table_nobody_wants(tmp_path, redirection, outputs, code):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        _image(tmp_path / name / "a.png")
    command = f"{sys.executable} -m ssimtool batch x y -m mse {outputs}"
    plain = subprocess.run(["bash", "-c", command], capture_output=True, check=False, cwd=tmp_path)
    written = {p.name: p.read_bytes() for p in tmp_path.glob("s.*")}
    assert plain.returncode == 0
    for name in written:
        (tmp_path / name).unlink()
    done = subprocess.run(
        ["bash", "-c", f"{command} {redirection}"], capture_output=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (code, b"")
    found = {p.name: p.read_bytes() for p in tmp_path.glob("s.*")}
    assert found.keys() == written.keys()
    for name, content in found.items():
        assert content.splitlines()[0] == written[name].splitlines()[0]


@unix
@pytest.mark.parametrize("command", ["compare a.png a.png", "batch x y", "doctor", "list metrics"])
def test_a_folder_that_was_deleted(tmp_path, command):
    folder = tmp_path / "gone"
    folder.mkdir()
    line = f'rmdir "$PWD" && exec {sys.executable} -m ssimtool {command}'
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, cwd=folder)
    assert done.returncode == 2
    assert done.stderr == b"error: the current folder has been deleted; change to another one\n"


@unix
@pytest.mark.parametrize(("ignored", "code"), [(False, 129), (True, 0)])
def test_a_terminal_that_is_closed(tmp_path, ignored, code):
    """SIGHUP ends the run, and nothing is left behind; nohup keeps it going."""
    for i in range(4):
        for name in ("x", "y"):
            (tmp_path / name).mkdir(exist_ok=True)
            _image(tmp_path / name / f"{i}.png")
    start = (
        "import os, signal, sys\n"
        f"signal.signal(signal.SIGHUP, signal.{'SIG_IGN' if ignored else 'SIG_DFL'})\n"
        "import ssimtool.scoring.pair as scoring\n"
        "right = scoring.compare\n"
        "def compare(*a, **k):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    return right(*a, **k)\n"
        "scoring.compare = compare\n"
        "from ssimtool.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", start, "batch", "x", "y", "-m", "mse", "-q", "-o", "s.csv"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, b"")
    assert {p.name for p in tmp_path.iterdir()} == {"x", "y"} | ({"s.csv"} if ignored else set())


@unix
def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path):
    code = (
        "import os, sys\n"
        "import ssimtool.cli as cli\n"
        "import ssimtool.cli.app as app\n"
        "def run(arguments):\n"
        "    file = open('s.ndjson', 'w')\n"
        "    return 10 if file.fileno() < 3 else 20\n"
        "app.run = run\n"
        "cli.main()\n"
    )
    for redirection in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
        line = f'{sys.executable} -c "$CODE" {redirection}'
        environment = {**os.environ, "CODE": code}
        assert subprocess.run(["bash", "-c", line], env=environment, cwd=tmp_path).returncode == 20


@unix
def test_help_behind_a_closed_pipe():
    line = f"{sys.executable} -m ssimtool compare --help | head -0; exit $PIPESTATUS"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_dash_is_standard_output(process, tmp_path):
    good = _image(tmp_path / "a.png")
    done = process("compare", good, good, "-f", "value", "-m", "mse", "-o", "-", cwd=tmp_path)
    assert (done.code, done.out) == (0, "0.0\n")
    assert process("compare", good, good, "-o", "", cwd=tmp_path).code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_errors_can_be_pickled():
    from ssimtool import SsimtoolError

    error = pickle.loads(pickle.dumps(SsimtoolError("too_small", "a.png: is small")))
    assert (error.code, error.message, str(error)) == ("too_small",) + ("a.png: is small",) * 2


def test_the_class_of_a_typer_error_is_left_out():
    """As Typer 0.29 words a choice; earlier versions, which may be installed, leave it out too."""
    choice = typer.BadParameter(
        "Value error, 'x' is not one of 'a', 'b'.", param_hint="'--border'", ctx=None
    )
    assert _on_one_line(choice) == "Invalid value for '--border': 'x' is not one of a, b"
