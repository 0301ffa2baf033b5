"""Terminals of a chosen width, for tests on Unix."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

DEFAULT = 0  # columns of a terminal that does not know its width


def opened(columns: int = DEFAULT) -> tuple[int, int]:
    """Both ends of a terminal."""
    import fcntl  # which Windows has not
    import pty
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return leader, follower


def read(leader: int) -> str:
    """All output of the other end, up to its end."""
    seen = b""
    while True:
        try:
            seen += os.read(leader, 1 << 16)
        except OSError:  # how Linux says that the other end is closed
            os.close(leader)
            return seen.decode().replace("\r\n", "\n")


def errors_of(*arguments: object, cwd: Path, columns: int = DEFAULT) -> tuple[int, str, str]:
    """Runs a command line whose standard error is a terminal: its exit code, both streams."""
    leader, follower = opened(columns)
    running = subprocess.Popen(
        [sys.executable, "-m", "ssimtool", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=follower,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )
    os.close(follower)
    err = read(leader)
    out, _ = running.communicate()
    return running.returncode, out.decode(), err
