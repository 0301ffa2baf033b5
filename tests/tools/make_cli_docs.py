"""Write docs/cli.md: the `--help-all` of every command, at a width of 80 and without colour.

python tests/tools/make_cli_docs.py [FILE]
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

# Typer reads the first when it is loaded; continuous integration would get colours else.
os.environ.update(_TYPER_FORCE_DISABLE_TERMINAL="1", COLUMNS="80", NO_COLOR="1")
for name in ("TERMINAL_WIDTH", "FORCE_COLOR", "PY_COLORS"):
    os.environ.pop(name, None)

from ssimtool import plugins  # noqa: E402
from ssimtool.cli.app import COMMANDS, HELP_ALL, LIST, program_of, run  # noqa: E402

TARGET = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = """\
# Command line

This page is made from `--help-all` by `python tests/tools/make_cli_docs.py`. `--help` leaves out
the options that few people need. `ssimtool completion bash` (or `zsh`, `fish`) prints a script
that completes commands, options and choices.
"""


def section(words: tuple[str, ...]) -> str:
    """The help of one command, with every option, under its heading."""
    command = program_of([*words])
    for word in words:
        command = command.commands[word]
    has_more = any(HELP_ALL in parameter.opts for parameter in command.params)
    shown = StringIO()
    with redirect_stdout(shown):
        run([*words, HELP_ALL if has_more else "--help"])
    lines = [line.rstrip() for line in shown.getvalue().strip("\n").splitlines()]
    title = " ".join(("ssimtool", *words))
    return f"\n## {title}\n\n```text\n" + "\n".join(lines).strip("\n") + "\n```\n"


def page() -> str:
    """The whole page."""
    of_list = [(LIST, name) for name in program_of([LIST]).commands[LIST].commands]
    return HEAD + "".join(map(section, [(), *((name,) for name in COMMANDS), (LIST,), *of_list]))


if __name__ == "__main__":
    plugins.installed_plugins = lambda: ()  # the page is that of ssimtool alone
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.parent.mkdir(exist_ok=True)
    target.write_text(page(), encoding="utf-8")
