"""Output: standard output, or files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ssimtool.errors import OutputError, printable
from ssimtool.same_file import check_distinct

# On Windows, a virus scanner or an indexer may open a file for a moment after it was written; the
# file cannot be replaced during that time.
REPLACE_ATTEMPTS, REPLACE_PAUSE = 10, 0.05  # seconds
LONGEST_START = 150  # bytes of a target's name in that of its new file


@dataclass(frozen=True)
class Reserved:
    """A file being written next to its target; `temporary` is None for a device or a stream."""

    target: Path
    file: IO[bytes]
    temporary: Path | None

    def commit(self) -> None:
        """Replace the target with the file that was written."""
        with writing(str(self.target)):
            self.file.flush()
            if self.temporary is None:
                return
            os.fsync(self.file.fileno())
            self.file.close()
            if self.target.exists():
                os.chmod(self.temporary, self.target.stat().st_mode & 0o7777)
            replace_file(self.temporary, self.target)

    def discard(self) -> None:
        """Remove the file unless it was committed."""
        with suppress(OSError):  # after a full disk, flushing the buffer fails again
            self.file.close()
        if self.temporary is not None:
            self.temporary.unlink(missing_ok=True)


def new_file(target: Path) -> tuple[IO[bytes], Path]:
    """Create a hidden file next to a target, for its new content, no more readable than the target.

    Nobody can know its name before, and a link in its place is not followed.

    Raises:
        OSError: the file cannot be created.
    """
    start = os.fsencode(target.name)[:LONGEST_START].decode(errors="ignore")
    path = target.with_name(f".{start}.{os.urandom(8).hex()}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL  # O_EXCL does not follow a link (POSIX)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    mode = target.stat().st_mode & 0o666 if target.exists() else 0o666
    return os.fdopen(os.open(path, flags, mode), "wb"), path


def replace_file(source: Path, target: Path) -> None:
    """Move a file to the target atomically; an existing target is replaced.

    Raises:
        OSError: the move failed; the target is unchanged.
    """
    if sys.platform == "win32":
        for _ in range(REPLACE_ATTEMPTS - 1):
            with suppress(PermissionError):
                os.replace(source, target)
                return
            time.sleep(REPLACE_PAUSE)
    os.replace(source, target)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Convert an operating-system error about an output to a one-line error.

    Raises:
        OutputError: the output cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {printable(path)}: {_reason(error, path)}") from None


def _reason(error: OSError, path: str) -> str:
    folder = os.path.dirname(path) or "."
    if isinstance(error, FileNotFoundError) and not os.path.isdir(folder):
        return f"folder {printable(folder)} does not exist"
    if isinstance(error, PermissionError) and not os.access(folder, os.W_OK):
        return f"folder {printable(folder)} is not writable"
    return (error.strerror or str(error)).lower()


@contextmanager
def reserved(paths: Sequence[str], *, inputs: Sequence[str]) -> Iterator[list[Reserved]]:
    """Open every output before the computation; remove those that are not committed.

    Missing folders are made, and removed again if they remain empty.

    Raises:
        OutputError: an output cannot be written, is named twice, or is an input.
    """
    check_distinct(paths, inputs)
    opened: list[Reserved] = []
    created: list[str] = []
    try:
        for path in paths:
            created += make_folder_of(path)
            opened.append(_reserve(path))
        yield opened
    finally:
        for one in opened:
            one.discard()
        for folder in reversed(created):
            with suppress(OSError):
                os.rmdir(folder)


def make_folder_of(path: str) -> list[str]:
    """Make the folder of an output and those above it; return the new ones, outermost first.

    Raises:
        OutputError: a folder cannot be made.
    """
    missing: list[str] = []
    folder = os.path.dirname(path)
    while folder and not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder.rstrip("/" + os.sep))
    for each in missing:
        with writing(path):
            os.mkdir(each)
    return missing


def _reserve(path: str) -> Reserved:
    target = Path(os.path.realpath(path))  # the link stays; the file that it points to is replaced
    with writing(path):
        if _is_stream(path):
            return Reserved(Path(path), open(path, "wb"), None)
        if not path:
            raise FileNotFoundError(2, "the file name is empty")
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if target.exists() and not target.is_file():
            return Reserved(target, open(target, "wb"), None)
        if target.exists():
            open(target, "ab").close()  # a read-only file is not replaced
        file, temporary = new_file(target)
        return Reserved(target, file, temporary)


def _is_stream(path: str) -> bool:
    """Return whether a path names a stream of this process (Unix)."""
    names = ("/dev/stdout", "/dev/stderr", "/dev/fd/")
    return sys.platform != "win32" and path.startswith(names)


def write(reservation: Reserved, text: str) -> None:
    """Append text to the file.

    Raises:
        OutputError: the disk is full, or a similar error.
    """
    with writing(str(reservation.target)):
        reservation.file.write(text.encode("utf-8", "backslashreplace"))


def put(reservation: Reserved, data: bytes) -> None:
    """Write the whole file and commit it.

    Raises:
        OutputError: the disk is full, or a similar error.
    """
    with writing(str(reservation.target)):
        reservation.file.write(data)
    reservation.commit()


def put_stdout(text: str) -> bool:
    """Write to standard output; a pipe that its reader closed is not an error.

    Returns:
        whether the reader is still there.
    """
    if sys.stdout is None:
        raise OutputError("cannot write standard output: it is closed; pass -o FILE")
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        if _is_closed_pipe(error):
            # flushing the buffer must not fail again when the interpreter closes the stream
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return False
        raise OutputError(f"cannot write standard output: {_reason(error, '')}") from None
    return True


def _is_closed_pipe(error: OSError) -> bool:
    """Return whether the reader closed the pipe; Windows may report an invalid argument."""
    if sys.platform == "win32" and error.errno == errno.EINVAL:
        return True
    return isinstance(error, BrokenPipeError)


def warn(line: str) -> None:
    """Write one line to standard error."""
    if sys.stderr is None:  # closed by the program that started this one
        return
    try:
        sys.stderr.buffer.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        sys.stderr.flush()
    except OSError:  # the reader has gone; the exit code still reports the failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
