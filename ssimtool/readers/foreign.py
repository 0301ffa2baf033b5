"""Name files that hold no image that is read, and say what to do with each kind."""

from __future__ import annotations

from pathlib import PurePosixPath

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content

_VIDEO = "extract its frames (ffmpeg -i VIDEO frame%06d.png) and compare the folders with batch"
_TENSOR = "save the tensor with numpy.save"
_ARRAY = "save the array with numpy.save"
_FLOAT = "save it as a float TIFF or a .npy array"
_SLICE = "save its pixels as a .npy array or a 16-bit PNG"
_RAW = "develop it to a 16-bit PNG or TIFF"
_PICTURE = "save it as PNG"
_RENDER = "render it to PNG"

# What a file begins with, what it is, and what to do. Sources: the formats' own specifications.
MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (128, b"DICM", "a DICOM file", _SLICE),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR image", _FLOAT),
    (0, b"#?RADIANCE", "a Radiance HDR image", _FLOAT),
    (0, b"#?RGBE", "a Radiance HDR image", _FLOAT),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video", _VIDEO),
    (0, b"YUV4MPEG2", "a YUV4MPEG2 video", _VIDEO),
    (0, b"OggS", "an Ogg video", _VIDEO),
    (0, b"FLV\x01", "a Flash video", _VIDEO),
    (0, b"DKIF", "an IVF video", _VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video", _VIDEO),
    (0, b"\0\0\x01\xba", "an MPEG video", _VIDEO),
    (0, b"\0\0\x01\xb3", "an MPEG video", _VIDEO),
    (0, b"\0\0\0\x01\x67", "an H.264 video", _VIDEO),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", _ARRAY),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", _ARRAY),
    (344, b"n+1\0", "a NIfTI file", _ARRAY),
    (0, b"PAR1", "a Parquet file", "write its images to files, or list their paths with --pairs"),
    (0, b"II\xbc", "a JPEG XR image", _PICTURE),
    (0, b"%PDF", "a PDF document", _RENDER),
    (0, b"<svg", "an SVG drawing", _RENDER),
    (0, b"\x1f\x8b", "a gzip archive", "decompress it"),
)
# Brands of ISO base media files (ISO/IEC 14496-12); the others are videos.
AVIF = {b"avif", b"avis"}
HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # first atoms of old files
# PyTorch: the first name in the zip, and the magic number of its older format as a pickle
TORCH_ZIP, TORCH_OLD = b"/data.pkl", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
HEIF_KIND = "a HEIF image", _PICTURE
# Kinds without a mark of their own: the suffix decides if the content is of no known format.
SUFFIXES: dict[str, tuple[str, str]] = {
    **dict.fromkeys((".dcm", ".dicom"), ("a DICOM file", _SLICE)),
    **dict.fromkeys((".pt", ".pth", ".ckpt"), ("a PyTorch file", _TENSOR)),
    **dict.fromkeys((".yuv", ".nv12", ".h264", ".264", ".h265", ".265"), ("a raw video", _VIDEO)),
    **dict.fromkeys((".mp4", ".mkv", ".webm", ".avi", ".mov", ".y4m"), ("a video", _VIDEO)),
    **dict.fromkeys((".mpg", ".mpeg", ".m4v", ".wmv", ".ts", ".mts"), ("a video", _VIDEO)),
    ".exr": ("an OpenEXR image", _FLOAT),
    ".safetensors": ("a safetensors file", _TENSOR),
    **dict.fromkeys((".heic", ".heif"), HEIF_KIND),
    **dict.fromkeys((".raw", ".cr3", ".raf", ".rw2"), ("raw camera data", _RAW)),
}


def foreign_kind(data: Content) -> tuple[str, str] | None:
    """Return what a file is by its content, and what to do; None if it may be an image."""
    head = data[:512]
    for at, mark, kind, advice in MAGIC:
        if head[at : at + len(mark)] == mark:
            return kind, advice
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return "an AVI video", _VIDEO
    if head[4:8] == b"ftyp":
        return _of_brand(head)
    if head[4:8] in QUICKTIME:
        return "a QuickTime video", _VIDEO
    if head[:1] == b"G" and [data[i : i + 1] for i in (188, 376)] == [b"G", b"G"]:
        return "an MPEG transport stream", _VIDEO  # ISO/IEC 13818-1: packets of 188 bytes
    if head[:4] == b"PK\x03\x04":
        return _of_zip(head)
    if head[:14] == TORCH_OLD[:14]:
        return "a PyTorch file", _TENSOR
    # safetensors: the length of a JSON header (100 MB at most), then the header
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") <= 10**8:
        return "a safetensors file", _TENSOR
    return None


def _of_brand(head: bytes) -> tuple[str, str] | None:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[i : i + 4] for i in (8, *range(16, size, 4))}
    if brands & AVIF:
        return None
    if brands & HEIF:
        return HEIF_KIND
    if head[8:11] == b"crx":
        return "raw camera data", _RAW
    return ("a QuickTime video" if head[8:10] == b"qt" else "an MP4 video"), _VIDEO


def _of_zip(head: bytes) -> tuple[str, str] | None:
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.endswith(TORCH_ZIP):
        return "a PyTorch file", _TENSOR
    if name.endswith(b".npy"):
        return "a .npz archive", "save one array with numpy.save"
    return None


def suffix_kind(name: str) -> tuple[str, str] | None:
    """Return what a file of no known format is by its suffix; None if that says nothing."""
    return SUFFIXES.get(PurePosixPath(name).suffix.lower())


def foreign_error(name: str, kind: tuple[str, str], expected: str) -> SsimtoolError:
    """Return the error for a file that holds something else.

    Args:
        name: the name of the file in the message.
        kind: what it is, and what to do.
        expected: what was expected.
    """
    title, advice = kind
    return SsimtoolError("unsupported", f"{name}: is {title}, expected {expected}; {advice}")
