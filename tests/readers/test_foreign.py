"""Files that are no images are named for what they are, by content and by suffix."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pytest
import torch

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.sources import open_array
from ssimtool.readers.foreign import SUFFIXES
from ssimtool.readers.images.opening import read_image

FTYP = b"\0\0\0\x18ftyp"
CONTENTS = {
    "a DICOM file": bytes(128) + b"DICM\x02\0\0\0UL",
    "an OpenEXR image": b"\x76\x2f\x31\x01\x02\0\0\0",
    "a Radiance HDR image": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n",
    "a Matroska or WebM video": b"\x1aE\xdf\xa3\x01\0\0\0",
    "a YUV4MPEG2 video": b"YUV4MPEG2 W8 H8 F25:1\nFRAME\n",
    "an AVI video": b"RIFF\x24\0\0\0AVI LIST",
    "an MP4 video": FTYP + b"isom\0\0\x02\0isomiso2",
    "a QuickTime video": FTYP + b"qt  \0\0\x02\0qt  \0\0\0\0",
    "a HEIF image": FTYP + b"heic\0\0\0\0mif1heic",
    "an Ogg video": b"OggS\0\x02",
    "a Flash video": b"FLV\x01\x05\0\0\0\x09",
    "an IVF video": b"DKIF\0\0\x20\0VP80",
    "a Windows Media video": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
    "an MPEG video": b"\0\0\x01\xba\x44",
    "an MPEG transport stream": (b"G" + bytes(187)) * 3,
    "an HDF5 file": b"\x89HDF\r\n\x1a\n",
    "a NIfTI file": bytes(344) + b"n+1\0",
    "a PDF document": b"%PDF-1.7\n",
    "a gzip archive": b"\x1f\x8b\x08\0",
    "an SVG drawing": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
}


def _error(path, read=read_image) -> SsimtoolError:
    with pytest.raises(SsimtoolError) as caught:
        read(str(path))
    assert len(caught.value.message.splitlines()) == 1
    return caught.value


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("suffix", ["bin", "png"])
def test_by_content(tmp_path, kind, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(CONTENTS[kind] + bytes(600))
    error = _error(path)
    assert error.code == "unsupported"
    assert f": is {kind}, expected an image or a .npy array; " in error.message


def _torch_files(tmp_path):
    state = {"weight": torch.zeros(3, 4)}
    torch.save(state, tmp_path / "new.pt")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    header = json.dumps({"weight": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}})
    content = len(header).to_bytes(8, "little") + header.encode() + bytes(48)
    (tmp_path / "a.safetensors").write_bytes(content)
    return {"new.pt": "a PyTorch", "old.pth": "a PyTorch", "a.safetensors": "a safetensors"}


def test_tensors(tmp_path):
    for name, kind in _torch_files(tmp_path).items():
        for read, expected in (
            (read_image, "an image or a .npy array"),
            (open_array, "a .npy array"),
        ):
            error = _error(tmp_path / name, read)
            assert error.code == "unsupported"
            words = f"is {kind} file, expected {expected}; save the tensor with numpy.save"
            assert words in error.message
    with open(tmp_path / "a.pkl", "wb") as file:
        pickle.dump({"a": 1}, file)
    assert _error(tmp_path / "a.pkl").code == "pickled"


def test_archives(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"x")
    assert "is a .npz archive" in _error(tmp_path / "a.npz").message
    assert "is a zip archive" in _error(tmp_path / "a.zip").message


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_by_suffix_where_the_content_says_nothing(tmp_path, suffix):
    path = tmp_path / f"a{suffix.upper()}"
    path.write_bytes(b"\x55" * 400)
    error = _error(path)
    assert error.code == "unsupported"
    assert SUFFIXES[suffix][0] in error.message
    path.with_suffix(".xyz").write_bytes(b"\x55" * 400)
    assert _error(path.with_suffix(".xyz")).code == "not_an_image"


def test_an_image_keeps_its_kind_whatever_its_suffix(tmp_path):
    from PIL import Image

    path = tmp_path / "a.mp4"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path, "png")
    assert read_image(str(path)).samples.shape == (4, 4, 1)


def test_in_compare_and_in_batch(tmp_path, ssimtool):
    from PIL import Image

    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.mp4").write_bytes(CONTENTS["an MP4 video"])
    pair = [str(tmp_path / name) for name in ("a.png", "b.mp4")]
    result = ssimtool("compare", *pair, "-f", "json")
    assert result.code == 3
    assert len(result.err.splitlines()) == 1
    assert result.record["error"]["code"] == "unsupported"
    (tmp_path / "pairs.csv").write_text(",".join(pair) + "\n")
    lines = ssimtool("batch", "--pairs", str(tmp_path / "pairs.csv"), "-f", "ndjson")
    assert lines.code == 3
    record = json.loads(lines.out.splitlines()[0])
    assert (record["status"], record["error"]["code"]) == ("error", "unsupported")
    assert "is an MP4 video" in record["error"]["message"]
