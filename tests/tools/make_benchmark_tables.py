"""Write the tables of docs/benchmarks.md from what the benchmarks measured.

    python tests/benchmarks/bench.py --large --json bench.json
    python tests/benchmarks/bench_startup.py --json startup.json
    python tests/benchmarks/bench_memory.py --json memory.json
    python tests/benchmarks/bench_kernels.py --json kernels.json
    python tests/tools/make_benchmark_tables.py bench.json startup.json memory.json kernels.json

A file need not hold every section: tables of which no file knows anything stay as they are, with
the date of their own run. Where two files have a table, the later one counts.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import Measured, across, short

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
TABLE = re.compile(r"<!-- table: ([\w-]+) -->\n(.*?)<!-- end -->", re.S)
RUNS = "runs"  # the table that says when and where each other one was measured
RUNS_HEAD = ("table", "date", "machine and versions")
VERSIONS = ("python", "torch", "numba", "numpy")

Results = Mapping[str, Any]  # the content of one JSON file
Rows = list[tuple[str, ...]]  # the head and the body of a table
Maker = Callable[[Results], Rows]


def _measured(section: str, *endings: str) -> Maker:
    """A row for each contender, a column for each case of a section whose name ends so."""

    def rows(results: Results) -> Rows:
        every = [Measured(**fields) for fields in results[section]["measured"]]
        found = [m for m in every if m.case.endswith(endings)] if endings else every
        made = across("", found, list(dict.fromkeys(m.contender for m in found)))
        return [made.columns, *(tuple(map(_cell, row)) for row in made.rows)]

    return rows


def _table(section: str, number: int = 0) -> Maker:
    """A table as the section printed it."""

    def rows(results: Results) -> Rows:
        made = results[section]["tables"][number]
        return [tuple(made["columns"]), *(tuple(map(_cell, row)) for row in made["rows"])]

    return rows


def _definitions(results: Results) -> Rows:
    head, *body = _table("definitions")(results)
    return [head, *((f"`{name}`", *cells) for name, *cells in body)]


def _startup(results: Results) -> Rows:
    names = (tuple(name.split(" | ")) for name in results["commands"])
    body = [
        (command, yardstick, f"{row['seconds']:.3f} s", f"{row['yardstick_seconds']:.3f} s",
         f"{row['ratio']:.2f}")
        for (command, yardstick), row in zip(names, results["commands"].values(), strict=True)
    ]  # fmt: skip
    return [("command", "yardstick", "command", "yardstick", "ratio"), *body]


def _large_arrays(results: Results) -> Rows:
    head = ("command", "two arrays", "peak, MB", "above `import torch`, MB", "wall time, s")
    body = [
        (f"`ssimtool {row['command']}`", " × ".join(map(str, row["shape"])), f"{row['peak']:.0f}",
         f"{row['peak'] - results['import torch']:.0f}", f"{row['seconds']:.3g}")
        for row in results["arrays"]
    ]  # fmt: skip
    return [head, *body]


def _cell(cell: str | float | None) -> str:
    return "" if cell is None else cell if isinstance(cell, str) else short(cell)


# By the name of the marker; the first part of a JSON file that a table needs, and what makes it.
MAKERS: Mapping[str, tuple[str, Maker]] = {
    "arrays-uint8": ("in-process", _measured("in-process", "uint8")),
    "arrays-float32": ("in-process", _measured("in-process", "float32")),
    "training": ("training", _measured("training")),
    "definitions": ("definitions", _definitions),
    "ms-ssim": ("ms-ssim", _measured("ms-ssim")),
    "files": ("files", _measured("files")),
    "commands": ("batch", _measured("batch")),
    "small-pairs": ("batch", _table("batch", 1)),
    "precision": ("precision", _table("precision")),
    "memory": ("memory", _table("memory")),
    "large-pair": ("memory", _table("memory", 1)),
    "kernels": ("kernels", _table("kernels")),
    "steps": ("kernels", _table("kernels", 1)),
    "startup": ("commands", _startup),
    "large-arrays": ("arrays", _large_arrays),
}


def tables(results: Results) -> dict[str, Rows]:
    """The tables of which a file knows something, by the names of their markers."""
    return {
        name: make(results)
        for name, (section, make) in MAKERS.items()
        if section in results
        and (name != "large-pair" or len(results[section]["tables"]) > 1)  # only with --large
    }


def machine_words(facts: Mapping[str, str]) -> str:
    """The machine and the versions in a few words."""
    versions = ", ".join(f"{name} {facts[name]}" for name in VERSIONS)
    return f"{facts['processor']}, {facts['threads']} threads, {versions}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as Markdown; columns of numbers are aligned to the right."""
    head, *body = rows
    right = [i > 0 and any(re.match(r"[\d−-]", row[i]) for row in body) for i in range(len(head))]
    rule = "|" + "|".join("---:" if numbers else "---" for numbers in right) + "|"
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def filled(page: str, results: Sequence[Results]) -> str:
    """A page with the tables that some files know.

    Raises:
        KeyError: the page has no marker for a table.
    """
    made: dict[str, Rows] = {}
    runs: dict[str, tuple[str, str]] = {}
    for result in results:
        of_file = tables(result)
        made |= of_file
        machine = result["machine"]
        runs |= dict.fromkeys(of_file, (machine["date"], machine_words(machine)))
    there = {name for name, _ in TABLE.findall(page)}
    if missing := set(made) - there:
        raise KeyError(f"no marker for {', '.join(sorted(missing))}: write <!-- table: … -->")

    def replaced(match: re.Match[str]) -> str:
        name, text = match.groups()
        if name == RUNS:
            text = _runs(text, runs)
        elif name in made:
            text = markdown(made[name])
        return f"<!-- table: {name} -->\n{text}<!-- end -->"

    return TABLE.sub(replaced, page)


def _runs(text: str, runs: Mapping[str, tuple[str, str]]) -> str:
    """The table of runs with those that are new."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]
    kept = {name.strip("`"): (date, machine) for name, date, machine in lines} | dict(runs)
    body = [(f"`{name}`", *kept[name]) for name in MAKERS if name in kept]
    return markdown([RUNS_HEAD, *body])


def main(arguments: list[str] | None = None) -> None:
    """Fill the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    results = [json.loads(path.read_text("utf-8")) for path in options.files]
    options.page.write_text(filled(options.page.read_text("utf-8"), results), "utf-8")


if __name__ == "__main__":
    main()
