"""How the program ends where it is wrong itself."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

import ssimtool.cli as cli
from ssimtool import errors

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


def test_what_debug_raises_is_no_bug(ended):
    code, text = ended(errors.SsimtoolError("not_found", "a.png: no such file"))
    assert code == errors.EXIT_INPUT
    assert text.startswith("Traceback")
    assert text.splitlines()[-1].endswith("SsimtoolError: a.png: no such file")
    code, text = ended(MemoryError("too much"))
    assert code == errors.EXIT_INPUT
    assert text.splitlines()[-1] == "MemoryError: too much"


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
