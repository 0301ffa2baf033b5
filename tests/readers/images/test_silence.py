"""Nothing but our own lines reaches standard error: neither C libraries nor warnings print."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from pngs import chunk

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images import fast
from ssimtool.readers.images.opening import read_image

RGB = np.random.RandomState(8).randint(0, 256, (32, 40, 3)).astype(np.uint8)
TIFFS = (None, "lzw", "zlib", "packbits", "zstd", "lzma", "webp", "jpeg", "jpegxl", "lerc")
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x05" + b"\xff" * 40  # five tags, of which none is whole


def _saved(kind: str, mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(file, kind, **options)
    return file.getvalue()


def _tiff(compression: str | None) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, RGB, photometric="rgb", compression=compression, rowsperstrip=8)
    return file.getvalue()


def _with_bad_chunks(png: bytes) -> bytes:
    """A profile, a gamma and a white point that libpng warns of."""
    bad = chunk(b"iCCP", b"x\0\0abc") + chunk(b"gAMA", bytes(4)) + chunk(b"cHRM", bytes(32))
    return png[:33] + bad + png[33:]


FILES = {
    **{kind: _saved(kind) for kind in ("png", "jpeg", "webp", "avif", "gif", "bmp", "jpeg2000")},
    "cmyk jpeg": _saved("jpeg", "CMYK"),
    "bad exif": _saved("jpeg", exif=EXIF),
    "bad chunks": _with_bad_chunks(_saved("png")),
    "deep png": _with_bad_chunks(imagecodecs.png_encode(RGB.astype(np.uint16) * 257)),
    "jpeg xl": imagecodecs.jpegxl_encode(RGB),
    **{f"tiff {compression}": _tiff(compression) for compression in TIFFS},
    "fax": _saved("tiff", "1", compression="group4"),
    "tiff ycbcr": _saved("tiff", "YCbCr", compression="tiff_lzw"),
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_no_library_prints(tmp_path, capfd, monkeypatch, name, large):
    """Files with damage anywhere, on the way of small images and of large ones."""
    if large:
        monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
    rng, whole, path = np.random.RandomState(9), FILES[name], tmp_path / "a.bin"
    capfd.readouterr()
    for number in range(16):
        content = bytearray(whole)
        if number % 2:
            content = content[: rng.randint(1, len(content))]
        elif number:
            for at in rng.randint(0, len(content), 4):
                content[at] = rng.randint(256)
        path.write_bytes(content)
        with suppress(SsimtoolError):
            read_image(str(path), max_pixels=10**6)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


SPEAKING = """
import logging, warnings
from ssimtool.readers.images.opening import set_up_pillow
set_up_pillow()
for name in ("PIL.TiffImagePlugin", "imagecodecs"):
    logging.getLogger(name).error("heard")
warnings.warn_explicit("heard", UserWarning, "TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")
"""


def test_what_libraries_log_and_warn_of_is_not_printed():
    done = subprocess.run([sys.executable, "-c", SPEAKING], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_handler_of_the_caller_still_hears_them(caplog):
    from ssimtool.readers.images.opening import set_up_pillow

    set_up_pillow()
    with caplog.at_level(logging.WARNING):
        logging.getLogger("imagecodecs").warning("heard")
    assert "heard" in caplog.text


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_a_damaged_strip_is_one_line(tmp_path, process, quiet):
    whole = bytearray(_tiff("lzw"))
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        page = file.pages[0]
        start = page.dataoffsets[1]
        whole[start : start + 40] = bytes(40)
    (tmp_path / "a.tif").write_bytes(_tiff(None))
    (tmp_path / "b.tif").write_bytes(whole)
    done = process("compare", tmp_path / "a.tif", tmp_path / "b.tif", *quiet)
    assert done.code == 3
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert "b.tif: " in line
