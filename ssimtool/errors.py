"""Errors that the user can fix, and the exit codes of the command line."""

from __future__ import annotations

import errno

EXIT_OK = 0
EXIT_THRESHOLD = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_SOFTWARE = 70  # EX_SOFTWARE of sysexits.h: a bug in ssimtool
EXIT_INTERRUPTED = 130

ERROR_CODES: dict[str, str] = {
    "not_found": "the file does not exist",
    "unreadable": "the file exists but cannot be read; or it is a device, a socket or a pipe",
    "empty": "nothing to compare: no image in a folder, or no pair in a list or of two folders",
    "not_an_image": "the content is neither an image nor a .npy array",
    "truncated": "the file ends before its content does",
    "damaged": "the content is damaged: a checksum is wrong, or a decoder warns",
    "too_large": "more than --max-pixels or --max-bytes allow, or than fits into memory",
    "too_small": "smaller than the window of the definition (of MS-SSIM: at the last scale)",
    "size_mismatch": "two images differ in width or height, or a mask or region does not fit them",
    "channel_mismatch": "the two images differ in channels and neither is grey",
    "shape_mismatch": "an array has the wrong shape",
    "frame_mismatch": "two inputs differ in the number of frames, or one frame must be chosen",
    "empty_mask": "no pixel is inside the mask, or no window fits around one that is",
    "non_finite": "NaN or infinity among the samples, or in a result",
    "data_range": "the dynamic range of the samples is unknown",
    "crashed": "with --isolate: a decoder ended its process",
    "timeout": "with --isolate: decoding took longer than --timeout",
    "pickled": "a pickled or object array, which is never loaded",
    "plugin": "a metric of another package failed, or returned no number",
    "unsupported": "the content would be read wrongly, so it is refused",
    "internal": "a bug in ssimtool: an error that nothing expected, while a pair was compared",
}

NO_ROOM = "the inputs do not fit into memory; use smaller ones"


class SsimtoolError(Exception):
    """An error that the user can fix. It says what is wrong, what was expected and what to do.

    Args:
        code: one of `ERROR_CODES`.
        message: one sentence that names the file, what was found, what was expected and what
            to do next.

    Raises:
        ValueError: the code is unknown.

    >>> SsimtoolError("not_found", "a.png: no such file").code
    'not_found'
    """

    def __init__(self, code: str, message: str) -> None:
        if code not in ERROR_CODES:
            raise ValueError(
                f"unknown error code {code!r}: expected one of {', '.join(ERROR_CODES)}"
            )
        super().__init__(code, message)  # pickle needs both to pass the error between processes
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class OutputError(Exception):
    """An output that cannot be written, or must not be overwritten: exit code 2.

    Args:
        message: one line that names the file, what is wrong and what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ArgumentError(ValueError):
    """An argument outside its range, or two that exclude each other: exit code 2.

    Args:
        message: what is wrong and what to do, in words for both Python and the command line.
        argument: its name in Python; the command line names the option of the same name.
    """

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class UnavailableError(ValueError):
    """A requested device, backend, folder or package is missing: exit code 2.

    Args:
        message: one line that says what is missing and what to do.
        option: the option that requests it, if the message does not name the option.
    """

    def __init__(self, message: str, *, option: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.option = option


# Words of libraries about a lack of memory, in errors of other types: torch, codecs, the loader of
# shared objects, threads.
_NO_MEMORY = ("allocate memory", "out of memory", "start new thread", "failed to map segment")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error is a lack of memory.

    >>> is_out_of_memory(OSError(12, "Cannot allocate memory")), is_out_of_memory(KeyError("a"))
    (True, False)
    """
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    words = str(error).lower()
    by_words = isinstance(error, (RuntimeError, OSError, ImportError))
    return isinstance(error, MemoryError) or (by_words and any(w in words for w in _NO_MEMORY))


def too_large(name: str) -> SsimtoolError:
    """Error for an input that does not fit into memory."""
    return SsimtoolError(
        "too_large",
        f"{name}: does not fit into memory, expected a smaller image or array; reduce its size",
    )


def printable(path: str) -> str:
    r"""Return a path on one line, with control characters and undecodable bytes escaped.

    >>> print(printable("two\nlines.png"))
    two\nlines.png
    """
    if path.isprintable():
        return path
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in path
    )
