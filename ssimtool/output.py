"""Where results go: standard output, or files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from ssimtool.errors import OutputError, printable

# GitHub shows no summary of a step that is larger:
# https://docs.github.com/actions/reference/workflow-commands
JOB_SUMMARY_BYTES = 1 << 20
REST = b"\nThe rest has no room in a job summary.\n"
# On Windows a file cannot be replaced while a virus scanner or an indexer has it open, which they
# have for moments after it was written.
REPLACE_ATTEMPTS, REPLACE_PAUSE = 10, 0.05  # seconds


@dataclass(frozen=True)
class Reserved:
    """A file that is being written beside its target; `temporary` None: a device, written as is."""

    target: Path
    file: IO[bytes]
    temporary: Path | None

    def commit(self) -> None:
        """Puts what was written in the place of the target."""
        with writing(str(self.target)):
            self.file.flush()
            if self.temporary is None:
                return
            os.fsync(self.file.fileno())
            self.file.close()
            os.chmod(self.temporary, _mode(self.target))
            replace_file(self.temporary, self.target)

    def discard(self) -> None:
        """Takes away what was not committed."""
        with suppress(OSError):  # what a full disk left in the buffer fails again
            self.file.close()
        if self.temporary is not None:
            self.temporary.unlink(missing_ok=True)


def _mode(target: Path) -> int:
    """The permissions of the target that is there, or those of a new file."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def replace_file(source: Path, target: Path) -> None:
    """Puts a file in the place of another one, or of none, at once.

    Raises:
        OSError: it cannot; the target is what it was.
    """
    if sys.platform == "win32":
        for _ in range(REPLACE_ATTEMPTS - 1):
            with suppress(PermissionError):
                os.replace(source, target)
                return
            time.sleep(REPLACE_PAUSE)
    os.replace(source, target)


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it, links followed."""
    real, root = (os.path.normcase(os.path.realpath(p)) for p in (path, folder))
    try:
        return os.path.commonpath([root, real]) == root
    except ValueError:  # on two drives of Windows
        return False


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turns what the operating system says about an output into one line.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"{printable(path)}: cannot be written ({reason}), expected a place for a file; "
            "nothing was written there, choose another"
        ) from None


@contextmanager
def reserved(paths: Sequence[str], *, inputs: Sequence[str]) -> Iterator[list[Reserved]]:
    """Opens every output before anything is computed; what is not committed is taken away.

    Raises:
        OutputError: one cannot be written, is named twice, or is an input.
    """
    check_distinct(paths, inputs)
    opened: list[Reserved] = []
    try:
        opened.extend(map(_reserve, paths))
        yield opened
    finally:
        for one in opened:
            one.discard()


def check_distinct(paths: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuses an output that is an input, or is named twice.

    Raises:
        OutputError: one is.
    """
    taken = {os.path.realpath(path): "an input" for path in inputs if path != "-"}
    for path in paths:
        real = os.path.realpath(path)
        if real in taken and (not os.path.exists(real) or os.path.isfile(real)):
            raise OutputError(
                f"{printable(path)}: is {taken[real]} as well, expected a file of its own"
            )
        taken[real] = "an output"


def _reserve(path: str) -> Reserved:
    target = Path(os.path.realpath(path))  # a link keeps pointing at what is replaced
    with writing(path):
        if _is_stream(path):
            return Reserved(Path(path), open(path, "wb"), None)
        if not path:
            raise FileNotFoundError(2, "no name")
        if target.is_dir():
            raise IsADirectoryError(21, "is a directory")
        if target.exists() and not target.is_file():
            return Reserved(target, open(target, "wb"), None)
        if target.exists():
            open(target, "ab").close()  # a file that may not be written is not replaced either
        import tempfile  # loads a dozen modules that --help has no use for

        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:50]}.", dir=target.parent)
        return Reserved(target, os.fdopen(handle, "wb"), Path(temporary))


def _is_stream(path: str) -> bool:
    """Whether a path names a stream of this process, as Unix has them."""
    names = ("/dev/stdout", "/dev/stderr", "/dev/fd/")
    return sys.platform != "win32" and path.startswith(names)


def write(reservation: Reserved, text: str) -> None:
    """Writes some text of a file.

    Raises:
        OutputError: the disk is full, or the like.
    """
    with writing(str(reservation.target)):
        reservation.file.write(text.encode("utf-8", "backslashreplace"))


def put(reservation: Reserved, data: bytes) -> None:
    """Writes all of a file and puts it in its place.

    Raises:
        OutputError: the disk is full, or the like.
    """
    with writing(str(reservation.target)):
        reservation.file.write(data)
    reservation.commit()


def append_job_summary(path: str, text: str) -> None:
    """Adds text to the summary of a CI job, which other programs write to as well; lines for which
    it has no room are left out.

    Raises:
        OutputError: it cannot be written.
    """
    with writing(path), open(path, "ab") as file:
        data, room = text.encode("utf-8", "backslashreplace"), JOB_SUMMARY_BYTES - file.tell()
        if len(data) > room:
            cut = data[: max(0, room - len(REST))]
            data = cut[: cut.rfind(b"\n") + 1] + REST
        file.write(data if len(data) <= room else b"")


def put_stdout(text: str) -> bool:
    """Writes to standard output; a pipe that was closed at the other end is not an error.

    Returns:
        whether somebody may still read.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed, expected a place to write to; use -o")
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        if _is_closed_pipe(error):
            # what is left in the buffer must not fail again when the interpreter closes it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return False
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"standard output cannot be written ({reason})") from None
    return True


def _is_closed_pipe(error: OSError) -> bool:
    """Whether nobody reads a pipe any more: Windows may say that the argument is invalid."""
    if sys.platform == "win32" and error.errno == errno.EINVAL:
        return True
    return isinstance(error, BrokenPipeError)


def use_utf8() -> None:
    """Lets the help and the errors of other libraries be printed in UTF-8 on Windows, whose code
    pages lack some of their characters; where they are printed in UTF-8 it changes nothing."""
    if sys.platform == "win32":
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def warn(line: str) -> None:
    """One line on standard error."""
    if sys.stderr is None:  # closed by who started this
        return
    try:
        sys.stderr.buffer.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        sys.stderr.flush()
    except OSError:  # nobody reads it; the exit code says it all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def wants_colour() -> bool:
    """Whether standard output is a terminal that wants colour (https://no-color.org)."""
    if sys.stdout is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()
