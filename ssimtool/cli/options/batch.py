"""The options of `ssimtool batch` alone."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.cli.options.shared import MAPS, OUTPUT, SCORES
from ssimtool.cli.parsing import STATISTICS, one_of, to_stdout
from ssimtool.reports.formats import suffixes_for

MAPS_FOR = ("all", "failed", "worst")
ON_ERROR = ("continue", "stop")
# of files that are written whole or not at all
WHOLE = ", ".join(s for s, name in suffixes_for("batch").items() if name != "ndjson")
PAIRS = "Pairs"
RUN = "Run"
MOST_JOBS = 1024

ReferenceArgument = Annotated[
    str | None,
    typer.Argument(metavar="REFERENCE", help="A folder, or one file for all of DISTORTED."),
]
DistortedArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DISTORTED",
        help="A folder: paired by path, then by path without the suffix, never by position.",
    ),
]
PairsOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A list of pairs instead: CSV or TSV (reference,distorted[,id,mask,region]) or "
        "NDJSON; - is standard input, each line of which is answered as it comes.",
        rich_help_panel=PAIRS,
    ),
]
NullOption = Annotated[
    bool,
    typer.Option(
        "--null",
        "-0",
        help="The list is paths, reference and distorted in turn, each with a NUL behind it.",
        rich_help_panel=PAIRS,
    ),
]
IncludeOption = Annotated[
    list[str],
    typer.Option(
        metavar="GLOB",
        help="Only these files of folders: by name, or with a / by path; repeatable.",
        rich_help_panel=PAIRS,
        show_default=False,
    ),
]
ExcludeOption = Annotated[
    list[str],
    typer.Option(
        metavar="GLOB",
        help="Not these files of folders; repeatable.",
        rich_help_panel=PAIRS,
        show_default=False,
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict", help="Exit with 1 where files have no partner.", rich_help_panel=PAIRS
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        max=MOST_JOBS,
        help="Pairs at the same time. Default: the cores that this process may use.",
        rich_help_panel=RUN,
    ),
]
MemoryOption = Annotated[
    str,
    typer.Option(
        metavar="SIZE",
        help="For the pairs in flight; one that needs more waits and runs alone.",
        rich_help_panel=RUN,
    ),
]
OnErrorOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="continue: a pair that fails is a record; stop: it ends the run as well.",
        callback=one_of(ON_ERROR),
        autocompletion=lambda: list(ON_ERROR),
        rich_help_panel=RUN,
    ),
]
MapsOption = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Write the SSIM map of each pair there, in the tree of the input.",
        rich_help_panel=MAPS,
    ),
]
MapsForOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="all, failed (a threshold does not hold) or worst (see --worst).",
        callback=one_of(MAPS_FOR),
        autocompletion=lambda: list(MAPS_FOR),
        rich_help_panel=MAPS,
    ),
]
WorstOption = Annotated[
    int,
    typer.Option(
        metavar="K",
        min=0,
        help="How many of the pairs that score worst the summary names, by the first -m.",
        rich_help_panel=OUTPUT,
    ),
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the NDJSON of --output: what is there is not computed again, errors are.",
        rich_help_panel=OUTPUT,
    ),
]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Begin again where the NDJSON of --output is of a run that did not end.",
        rich_help_panel=OUTPUT,
    ),
]
FailUnderOption = Annotated[
    list[str],
    typer.Option(
        "--fail-under",
        metavar="[STAT:][METRIC=]VALUE",
        help="Exit with 1 where a number of a pair (ssim if left out) is under the value, or with "
        f"STAT ({', '.join(STATISTICS)}) that of all pairs; repeatable.",
        rich_help_panel=SCORES,
        show_default=False,
    ),
]
FailOverOption = Annotated[
    list[str],
    typer.Option(
        "--fail-over",
        metavar="[STAT:][METRIC=]VALUE",
        help="Exit with 1 where a number is over the value; repeatable.",
        rich_help_panel=SCORES,
        show_default=False,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write there: .ndjson line by line, to go on with (--resume), "
        f"{WHOLE} whole or not at all, and the table to standard output; with another -f, that "
        "instead of standard output.",
        callback=to_stdout,
        rich_help_panel=OUTPUT,
    ),
]
