"""Registry of output formats. It uses only the standard library, because `--help` reads it.

A new format is a row of `FORMATS` and the functions that the row names. Option values, suffixes,
help, completion and usage errors are derived from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from ssimtool.reports.view import BatchFormat, Renderer

Command = Literal["compare", "explain", "loss", "latents", "list", "batch", "report", "doctor"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One output format.

    Args:
        name: value of `--format`.
        aliases: other values of `--format` that mean the same.
        renderers: for each command, the location `module:name` of its `Renderer` in
            `ssimtool.reports`; for `batch`, that of a `BatchFormat`. A command without a renderer
            does not offer the format.
        suffixes: file suffixes, in lower case, that select the format if none is requested.
        machine: programs read the format, so an error is written in it too. Otherwise an error is
            only a line on standard error.
        streamed: a batch writes each record when it is complete. Otherwise the records are kept
            until the end, because their count precedes them, or only the summary is written.
        overview: `batch` offers the format too, and renders it at the end as `report` does.
        job_summary: format of the text that is appended to the summary of a CI job; None: no text.
    """

    name: str
    renderers: Mapping[Command, str]
    aliases: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    machine: bool = False
    streamed: bool = False
    overview: bool = False
    job_summary: str | None = None


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            name="table",
            aliases=("text",),
            suffixes=(".txt",),
            renderers={
                "compare": "table:table_text",
                "explain": "explanation:explanation_table",
                "loss": "table:table_text",
                "latents": "latents_table:latents_text",
                "list": "table:catalogue_text",
                "doctor": "environment:environment_text",
                "batch": "summary:TABLE",
                "report": "summary:table_of",
            },
        ),
        Format(
            name="json",
            suffixes=(".json",),
            machine=True,
            streamed=True,
            renderers={
                "compare": "text:json_text",
                "explain": "text:json_text",
                "loss": "text:json_text",
                "latents": "text:json_text",
                "list": "catalogue:catalogue_json",
                "doctor": "environment:environment_json",
                "batch": "stream:JSON",
                "report": "overview:json_of",
            },
        ),
        Format(
            name="ndjson",
            aliases=("jsonl",),
            suffixes=(".ndjson", ".jsonl"),
            machine=True,
            streamed=True,
            renderers={
                "compare": "text:ndjson_text",
                "explain": "text:ndjson_text",
                "loss": "text:ndjson_text",
                "latents": "text:ndjson_text",
                "list": "catalogue:catalogue_ndjson",
                "batch": "stream:NDJSON",
            },
        ),
        Format(
            name="csv",
            suffixes=(".csv",),
            machine=True,
            streamed=True,
            renderers={
                "compare": "pairs_csv:csv_of_one",
                "explain": "explanation:explanation_csv",
                "loss": "text:csv_text",
                "latents": "text:csv_text",
                "list": "catalogue:catalogue_csv",
                "batch": "stream:CSV",
                "report": "overview:csv_of",
            },
        ),
        Format(
            name="tsv",
            suffixes=(".tsv",),
            machine=True,
            streamed=True,
            renderers={
                "compare": "pairs_csv:tsv_row",
                "batch": "stream:TSV",
                "report": "overview:tsv_of",
            },
        ),
        Format(
            name="markdown",
            suffixes=(".md",),
            renderers={
                "compare": "text:markdown_text",
                "explain": "explanation:explanation_markdown",
                "loss": "text:markdown_text",
                "latents": "text:markdown_text",
                "list": "catalogue:catalogue_markdown",
                "batch": "overview:MARKDOWN",
                "report": "overview:markdown_of",
            },
        ),
        Format(
            name="value",
            streamed=True,
            renderers={
                "compare": "text:value_text",
                "explain": "explanation:explanation_values",
                "loss": "text:value_text",
                "latents": "text:value_text",
                "list": "catalogue:catalogue_names",
                "batch": "stream:VALUE",
            },
        ),
        Format(
            name="html",
            suffixes=(".html", ".htm"),
            overview=True,
            renderers={"report": "page:page_of"},
        ),
        Format(
            name="junit",
            suffixes=(".xml",),
            machine=True,
            renderers={
                "compare": "junit:junit_text",
                "batch": "junit:JUNIT",
                "report": "junit:junit_of",
            },
        ),
        Format(
            name="github",
            machine=True,
            streamed=True,
            job_summary="markdown",
            renderers={
                "compare": "github:github_text",
                "batch": "github:GITHUB",
                "report": "github:github_of",
            },
        ),
    )
}


def formats_for(command: Command) -> tuple[str, ...]:
    """Return the names of the formats that a command offers, in the order of the registry.

    >>> formats_for("explain")
    ('table', 'json', 'ndjson', 'csv', 'markdown', 'value')
    """
    return tuple(
        name
        for name, row in FORMATS.items()
        if command in row.renderers or (command == "batch" and row.overview)
    )


def format_key(text: str) -> str:
    """Return the name of a format from its name or an alias; other texts are unchanged.

    >>> format_key("jsonl")
    'ndjson'
    """
    return next((name for name, row in FORMATS.items() if text in row.aliases), text)


def suffixes_for(command: Command) -> dict[str, str]:
    """Return the formats that a command offers, by file suffix in lower case.

    >>> suffixes_for("report")[".md"]
    'markdown'
    """
    return {suffix: name for name in formats_for(command) for suffix in FORMATS[name].suffixes}


def renderer(name: str, command: Command) -> Renderer:
    """Import and return the function that renders a format for a command.

    Raises:
        ValueError: the command does not offer the format.
    """
    return cast("Renderer", _loaded(name, command))


def batch_format(name: str) -> BatchFormat:
    """Import and return a format of `batch`.

    Raises:
        ValueError: `batch` does not offer the format.
    """
    return cast("BatchFormat", _loaded(name, "batch"))


def _loaded(name: str, command: Command) -> object:
    if command not in FORMATS[name].renderers:
        raise ValueError(f"{name!r} is not one of {', '.join(formats_for(command))}")
    module, _, attribute = FORMATS[name].renderers[command].partition(":")
    return getattr(import_module(f"ssimtool.reports.{module}"), attribute)
