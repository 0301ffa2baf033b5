"""Find a codec of imagecodecs, which can be built without some of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ssimtool.errors import SsimtoolError

NAMES = {"jpeg8": "JPEG", "jpegxl": "JPEG XL", "webp": "WebP"}


def codec(name: str, file: str) -> Callable[..., Any]:
    """Return the decoder of a codec.

    Args:
        name: the codec in lower case, as in `lzma_decode`.
        file: the name of the file in messages.

    Raises:
        SsimtoolError: `unsupported`, this imagecodecs has no such codec.
    """
    import imagecodecs

    available = getattr(getattr(imagecodecs, name.upper(), None), "available", True)
    decode: Callable[..., Any] | None = getattr(imagecodecs, f"{name}_decode", None)
    if decode is None or available is not True:
        known = NAMES.get(name, name.upper())
        raise SsimtoolError(
            "unsupported",
            f"{file}: is compressed with {known}, which the installed imagecodecs "
            f"{imagecodecs.__version__} cannot decode; install a build of imagecodecs with "
            f"{known}, or save the image as PNG",
        )
    return decode
