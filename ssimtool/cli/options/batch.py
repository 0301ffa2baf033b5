"""Options of `ssimtool batch` only."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from ssimtool.cli.options.shared import choices, drawing, output, score
from ssimtool.cli.parsing import at_least, folder, positive, where_processes_share
from ssimtool.records.batch import UnmatchedPolicy
from ssimtool.records.thresholds import STATISTIC_VALUE, STATISTICS, WORST
from ssimtool.settings import DEFAULT_MAPS_FOR, MapsFor, OnError

MOST_JOBS = 1024

listing = partial(typer.Option, rich_help_panel="Pairs")
running = partial(typer.Option, rich_help_panel="Run")

ReferenceArgument = Annotated[
    str | None,
    typer.Argument(metavar="REFERENCE", help="Folder, or one file for all of DISTORTED."),
]
DistortedArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DISTORTED", help="Folder, paired by path, with or without the file suffix."
    ),
]
PairsOption = Annotated[
    str | None,
    listing(
        metavar="FILE", help="Read pairs from FILE: CSV, TSV, JSON, NDJSON; - is standard input."
    ),
]
NullOption = Annotated[
    bool,
    listing(
        "--null",
        "-0",
        hidden=True,
        help="Read --pairs as NUL-separated paths, as from `find -print0`.",
    ),
]
BaseOption = Annotated[
    str | None,
    listing(
        metavar="DIR",
        callback=folder,
        help="Resolve relative paths of --pairs against DIR. Default: current folder.",
    ),
]
IncludeOption = Annotated[
    list[str],
    listing(
        metavar="GLOB", help="Compare only files that match: a name, or with / a path. Repeatable."
    ),
]
ExcludeOption = Annotated[
    list[str], listing(metavar="GLOB", help="Skip files that match. Repeatable.")
]
UnmatchedOption = Annotated[
    UnmatchedPolicy | None,
    listing(
        metavar="NAME",
        show_default="fail with a threshold, else warn",
        help="Set what missing images mean: fail, warn, ignore; strict: new ones fail too.",
    ),
]
AllowEmptyOption = Annotated[
    bool, listing("--allow-empty", help="Allow that there is nothing to compare (exit 0).")
]
JobsOption = Annotated[
    int | None,
    running(
        "--jobs",
        "-j",
        metavar="N",
        callback=at_least(1, MOST_JOBS),
        help="Process N pairs in parallel. Default: the cores of this process.",
    ),
]
MemoryOption = Annotated[
    str,
    running(metavar="SIZE", hidden=True, help="Limit the memory of pairs processed at once."),
]
IsolateOption = Annotated[
    bool,
    running(
        "--isolate",
        callback=where_processes_share,
        help="Decode in other processes: a crash or an endless file costs one pair.",
    ),
]
TimeoutOption = Annotated[
    float | None,
    running(
        metavar="SECONDS",
        callback=positive,
        show_default="60",
        help="Fail a pair whose files take longer to decode, with --isolate.",
    ),
]
OnErrorOption = Annotated[
    OnError,
    running(
        metavar="NAME", help="Choose what to do if a pair cannot be compared: continue or stop."
    ),
]
MapsOption = Annotated[
    str | None,
    drawing(metavar="DIR", help="Write the SSIM map of each pair to DIR, in the input's tree."),
]
MapsForOption = Annotated[
    MapsFor | None,
    drawing(
        metavar="NAME",
        help=f"Write maps for {choices(MapsFor, DEFAULT_MAPS_FOR)} pairs (see --worst).",
    ),
]
WorstOption = Annotated[
    int,
    output(
        metavar="K",
        callback=at_least(0),
        help="List the K lowest-scoring pairs in the summary.",
    ),
]
ResumeOption = Annotated[
    bool, output("--resume", help="Resume: skip finished pairs, retry failed ones.")
]
OverwriteOption = Annotated[
    bool, output("--overwrite", help="Overwrite FILE even if its run did not finish.")
]
FailUnderOption = Annotated[
    list[str],
    score(
        metavar=STATISTIC_VALUE,
        help="Fail (exit 1) if a pair, or STAT of all pairs, is below VALUE. Repeatable.",
    ),
]
FailOverOption = Annotated[
    list[str],
    score(
        metavar=STATISTIC_VALUE,
        help=f"Fail if above VALUE. STAT: {', '.join((*STATISTICS, WORST))}.",
    ),
]
OutputOption = Annotated[
    list[str],
    output(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to FILE: .ndjson (resumable), .csv, .html, … Repeatable.",
    ),
]
