"""What the help says, of every command: options, examples, choices; and the help of all options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest

from ssimtool import definitions, settings
from ssimtool.catalog import DEFINITIONS, METRICS
from ssimtool.cli.app import COMMANDS, LIST, program_of
from ssimtool.cli.commands.latents import REQUESTED
from ssimtool.plugins import METRIC_NAMES
from ssimtool.records import latents
from ssimtool.reports.formats import formats_for

LONGEST = 80  # characters of a help line, without the default that Typer adds
# What an option does; what an argument is.
VERBS = {
    "Add", "Allow", "Choose", "Clamp", "Compare", "Compute", "Count", "Decode", "Divide", "Draw",
    "Fail", "Limit", "List", "Override", "Overwrite", "Plot", "Print", "Put", "Process", "Read",
    "Reduce",
    "Refuse", "Resize", "Resolve", "Resume", "Set", "Show", "Skip", "Weight", "Write",
}  # fmt: skip
NOUNS = {
    "Command", "Folder", "Image", "Log-variance", "Mean", "Original", "Reconstructions",
    "Reference", "Scores", "Shell",
}  # fmt: skip
NARROW = 40  # columns: a terminal beside an editor


def _commands() -> dict[tuple[str, ...], object]:
    """Every command by the words that call it, the program itself among them."""
    program = program_of([])
    of_list = program.commands[LIST].commands
    return {
        (): program,
        **{(name,): command for name, command in program.commands.items()},
        **{(LIST, name): command for name, command in of_list.items()},
    }


ALL = _commands()


def _examples(command) -> list[str]:
    text = command.help.partition("Examples:\n")[2].partition("\n\n")[0]
    return [" ".join(e.split()) for e in re.sub(r"\\\n", "", text).splitlines()]


def test_every_command_is_looked_at():
    names = {words[0] for words in ALL if words}
    assert names == {*COMMANDS, LIST}
    assert sum(len(command.params) for command in ALL.values()) > 120


# Lists that derive from a registry grow with it; the words around them are what is kept short.
REGISTRIES = (METRICS, DEFINITIONS, *map(formats_for, ("compare", "explain", "batch", "report")))


def _without_lists(text: str) -> str:
    for names in REGISTRIES:
        text = text.replace(", ".join(names), "NAME")
    return text


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_help_line_is_short_and_says_what_it_does(words):
    for parameter in ALL[words].params:
        text, is_option = parameter.help, parameter.param_type_name == "option"
        assert text, parameter.name
        assert len(_without_lists(text)) <= LONGEST, text
        assert text.split()[0].rstrip(":,") in (VERBS if is_option else NOUNS), text
        assert text.endswith("."), text


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_says_what_it_does_on_one_line(words):
    first = ALL[words].help.splitlines()[0]
    assert len(first) <= LONGEST
    assert re.fullmatch(r"[A-Z][a-z]+ .*\.", first)
    assert first.split()[0].lower() in {
        "compare", "compile", "explain", "compute", "examine", "show", "print", "list"
    }  # fmt: skip


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_has_three_examples_that_parse(words):
    examples = _examples(ALL[words])
    assert len(examples) == 3
    for example in examples:
        (call,) = re.findall(r"ssimtool [^|)]+", example)
        arguments = shlex.split(call)[1:]
        if words not in ((), (LIST,)):
            assert arguments[: len(words)] == [*words]
        first = len(words) or 1
        command = ALL[tuple(arguments[: 2 if arguments[0] == LIST else 1])]
        with command.make_context(None, arguments[2 if arguments[0] == LIST else first :]):
            pass  # raises where an option or a value is wrong


@pytest.mark.parametrize("columns", [NARROW, 80])
@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_the_examples_are_shown_whole_above_the_options(ssimtool, monkeypatch, words, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = ssimtool(*words, "--help")
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out  # piped
    assert max(map(len, done.out.splitlines())) <= columns
    lines = [line.strip() for line in done.out.splitlines()]
    text = ALL[words].help.partition("Examples:\n")[2].partition("\n\n")[0]
    start = lines.index("Examples:")
    wanted = [line.strip() for line in text.splitlines()]
    assert lines[start + 1 : start + 1 + len(wanted)] == wanted
    assert start < next(i for i, line in enumerate(lines) if line.startswith("╭─"))


def test_options_that_few_need_stand_in_the_help_of_all(ssimtool):
    short, long = (ssimtool("compare", flag).out for flag in ("--help", "--help-all"))
    for option in ("--k1", "--k2", "--sigma", "--window-size", "--border", "--max-pixels",
                   "--layout", "--frame", "--backend", "--precision", "--debug"):  # fmt: skip
        assert not re.search(rf"{option}\b", short), option
        assert re.search(rf"{option}\b", long), option
    for option in ("--metric", "--map", "--mask", "--fail-under", "--help-all"):
        assert option in short
        assert option in long
    assert "--ddof" in ssimtool("latents", "--help-all").out
    assert "--ddof" not in ssimtool("latents", "--help").out  # what was shown once is hidden again


def test_the_program_has_the_help_of_all_too(ssimtool):
    short, long = ssimtool("--help"), ssimtool("--help-all")
    assert (long.code, long.err) == (0, "")
    assert long.out.rstrip() == short.out.rstrip()  # the program has no hidden option
    assert "--help-all" in short.out


def test_hidden_options_work(ssimtool, samples):
    pair = samples / "reference.png", samples / "jpeg.jpg"
    done = ssimtool("compare", *pair, "--window-size", 7, "--border", "zero", "-f", "json")
    assert done.code == 0
    assert done.record["definition"]["window_size"] == 7
    assert done.record["definition"]["border"] == "zero"


CHOICES = {
    ("compare", "border"): get_args(definitions.Border),
    ("compare", "definition"): tuple(DEFINITIONS),
    ("compare", "backend"): get_args(settings.BackendName),
    ("compare", "precision"): get_args(settings.Precision),
    ("compare", "channels"): get_args(settings.Channels),
    ("compare", "layout"): get_args(settings.ImageLayout),
    ("compare", "map_style"): get_args(settings.MapStyle),
    ("batch", "maps_for"): get_args(settings.MapsFor),
    ("batch", "on_error"): get_args(settings.OnError),
    ("loss", "layout"): get_args(settings.BatchLayout),
    ("loss", "kl_reduction"): get_args(settings.KlReduction),
    ("latents", "unit"): get_args(latents.Unit),
    ("compare", "format"): formats_for("compare"),
    ("report", "format"): formats_for("report"),
    ("compare", "metric"): tuple(METRIC_NAMES),
    ("completion", "shell"): ("bash", "zsh", "fish"),
}


@pytest.mark.parametrize(("command", "name"), CHOICES)
def test_a_wrong_choice_is_one_line_with_the_option_and_the_choices(ssimtool, command, name):
    choices = CHOICES[command, name]
    (parameter,) = (p for p in ALL[(command,)].params if p.name == name)
    arguments = ["a", "b"] if command != "completion" else []
    is_option = parameter.param_type_name == "option"
    done = ssimtool(command, *arguments, *([parameter.opts[-1]] if is_option else []), "wrong")
    assert (done.code, done.out) == (2, "")
    hint = " / ".join(f"'{o}'" for o in parameter.opts) if is_option else "'SHELL'"
    assert done.err == (
        f"error: Invalid value for {hint}: 'wrong' is not one of {', '.join(choices)} "
        f"(see 'ssimtool {command} --help')\n"
    )
    if is_option and name != "metric":
        for choice in choices:  # each is named in the help
            assert re.search(rf"(?<![\w-]){choice}(?![\w-])", parameter.help), choice


def test_the_help_of_latents_names_its_figures():
    text = " ".join(ALL[("latents",)].help.split())
    assert f"FIGURE is one of {', '.join(latents.FIGURES)}." in text
    assert f"the lines are {', '.join(REQUESTED)}." in text


def test_version(ssimtool):
    assert ssimtool("-V").out == ssimtool("--version").out
    assert re.fullmatch(r"ssimtool \d+\.\d+\.\d+\S*\n", ssimtool("-V").out)


def test_help_is_a_command(ssimtool):
    for words in ((), ("compare",), ("list", "metrics")):
        done = ssimtool("help", *words)
        assert done.code == 0
        assert done.out == ssimtool(*words, "--help").out
    done = ssimtool("help", "nonsense")
    assert (done.code, done.out) == (2, "")
    assert "No such command 'nonsense'" in done.err
    assert done.err.count("\n") == 1


def test_what_is_missing_is_named_without_a_pointer_to_the_help(ssimtool, tmp_path, monkeypatch):
    done = ssimtool("report", "s.ndjson", "--base", tmp_path / "none")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: --base {tmp_path}/none: is not a folder; check the path\n"
    monkeypatch.setattr("ssimtool.vae.requests.find_spec", lambda name: None)
    done = ssimtool("latents", "a.npz", "--plot", "p.png")
    assert (done.code, done.out) == (2, "")
    assert done.err == 'error: --plot needs matplotlib: pip install "ssimtool[plot]"\n'
    assert not Path("p.png").exists()
