"""How the program ends where it is wrong itself."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys

import pytest

import ssimtool.cli as cli
from ssimtool import errors
from ssimtool.scoring.failures import failure_of

LAST = "error: this is a bug in ssimtool; please report it with the output of 'ssimtool doctor'\n"


@pytest.fixture
def ended(monkeypatch, capfd):
    """The exit code and standard error of a command that raises."""

    def end(error: BaseException) -> tuple[int, str]:
        def run(arguments):
            raise error

        codes = []
        monkeypatch.setattr("ssimtool.cli.app.run", run)
        monkeypatch.setattr(cli, "_leave", codes.append)
        cli.main()
        (code,) = codes
        return code, capfd.readouterr().err

    return end


@pytest.mark.parametrize(
    "error",
    [RuntimeError("broken"), KeyError("broken"), OSError("broken"), AssertionError("broken")],
)
def test_what_nothing_expects_is_a_bug(ended, error):
    code, text = ended(error)
    assert code == errors.EXIT_SOFTWARE == 70
    assert text.startswith("Traceback")
    assert "broken" in text.splitlines()[-2]
    assert text.endswith(f"\n{LAST}")


def test_what_debug_raises_is_no_bug(ended, monkeypatch):
    code, text = ended(errors.SsimtoolError("not_found", "a.png: no such file"))
    assert code == errors.EXIT_INPUT
    assert text.startswith("Traceback")
    assert text.splitlines()[-1].endswith("SsimtoolError: a.png: no such file")
    monkeypatch.setattr(sys, "argv", ["ssimtool", "compare", "--debug"])
    code, text = ended(MemoryError("too much"))
    assert code == errors.EXIT_INPUT
    assert text.splitlines()[-1] == "MemoryError: too much"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("can't start new thread"),
        ImportError("libtorch.so: failed to map segment from shared object"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lack_of_memory_is_one_line(ended, error):
    assert ended(error) == (errors.EXIT_INPUT, f"error: {errors.NO_ROOM}\n")
    assert failure_of(error).code == "too_large"


def test_an_exit_of_a_library_is_a_bug(ended):
    for code in ("broken", 1, 0, None, 2):
        found, text = ended(SystemExit(code))
        assert found == 70
        assert text.endswith(f"\n{LAST}")
    assert ended(GeneratorExit("broken"))[0] == 70


@pytest.mark.parametrize("code", ["'broken'", "0", "1"])
def test_an_exit_within_a_command_is_a_bug(code):
    done = _process(f"raise SystemExit({code})")
    assert done.returncode == 70
    assert done.stderr.endswith(f"\n{LAST}")


def test_an_interrupt_is_no_bug(ended):
    assert ended(KeyboardInterrupt()) == (130, "")
    assert ended(SystemExit(143)) == (143, "")


def _process(body: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import os, signal, sys\n"
        # what was started in the background ignores it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import ssimtool.cli.commands.listing as listing\n"
        f"def show(*_):\n    {body}\n"
        "listing._show = show\n"
        "sys.argv = ['ssimtool', 'list', 'metrics']\n"
        "from ssimtool.cli import main\nmain()\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_bug_in_a_process():
    done = _process("raise ZeroDivisionError('in a command')")
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("Traceback")
    assert "ZeroDivisionError: in a command" in done.stderr
    assert done.stderr.endswith(f"\n{LAST}")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_signals_in_a_process(name, code):
    assert hasattr(signal, name)
    done = _process(f"os.kill(os.getpid(), signal.{name})")
    assert done.returncode == code
    assert "bug" not in done.stderr
