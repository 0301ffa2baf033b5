"""docs/benchmarks.md is filled from the JSON of the benchmarks."""

from __future__ import annotations

import json
import re

import make_benchmark_tables as made
import pytest
from pages import PAGES, table

MACHINE = {
    "date": "2030-01-02", "processor": "a processor", "threads": "2", "python": "3.13.0",
    "torch": "3.0", "numba": "1.0", "numpy": "3.1",
}  # fmt: skip


def _measured(case, contender, rate, times_ours):
    return {
        "section": "in-process", "case": case, "contender": contender, "seconds": 0.5, "rate": rate,
        "unit": "Msamples/s", "times_ours": times_ours, "busy": 2.0, "note": "",
    }  # fmt: skip


BENCH = {
    "machine": MACHINE,
    "in-process": {
        "measured": [
            _measured("512×512 uint8", "ssimtool", 1234.5, 1.0),
            _measured("512×512 uint8", "peer", 12.345, 100.04),
            _measured("512×512 float32", "ssimtool", 700.0, 1.0),
            {**_measured("512×512 float32", "gone", None, None), "note": "absent: no gone"},
        ],
        "tables": [],
    },
    "memory": {
        "measured": [],
        "tables": [{"columns": ["", "peak, MB"], "rows": [["ssimtool", 476.2], ["peer", None]]}],
    },
}
STARTUP = {
    "machine": {**MACHINE, "date": "2030-01-03"},
    "commands": {"--help | bare": {"seconds": 0.12, "yardstick_seconds": 0.1, "ratio": 1.234}},
}
MEMORY = {
    "machine": MACHINE,
    "import torch": 200.0,
    "arrays": [{"command": "loss", "shape": [10, 20], "peak": 350.4, "seconds": 2.345}],
}
PAGE = """before
<!-- table: runs -->
| table | date | machine and versions |
|---|---|---|
| `files` | 2020-01-01 | an old machine |
| `memory` | 2020-01-01 | an old machine |
<!-- end -->
<!-- table: arrays-uint8 -->
| old |
<!-- end -->
<!-- table: arrays-float32 -->
<!-- end -->
between
<!-- table: memory -->
<!-- end -->
<!-- table: files -->
| kept |
<!-- end -->
<!-- table: startup -->
<!-- end -->
<!-- table: large-arrays -->
<!-- end -->
after
"""
FILLED = """before
<!-- table: runs -->
| table | date | machine and versions |
|---|---:|---|
| `arrays-uint8` | 2030-01-02 | {machine} |
| `arrays-float32` | 2030-01-02 | {machine} |
| `files` | 2020-01-01 | an old machine |
| `memory` | 2030-01-02 | {machine} |
| `startup` | 2030-01-03 | {machine} |
| `large-arrays` | 2030-01-02 | {machine} |
<!-- end -->
<!-- table: arrays-uint8 -->
|  | 512×512 uint8 |
|---|---:|
| ssimtool | 1234 (1×) |
| peer | 12.3 (100×) |
<!-- end -->
<!-- table: arrays-float32 -->
|  | 512×512 float32 |
|---|---:|
| ssimtool | 700 (1×) |
| gone | absent: no gone |
<!-- end -->
between
<!-- table: memory -->
|  | peak, MB |
|---|---:|
| ssimtool | 476 |
| peer |  |
<!-- end -->
<!-- table: files -->
| kept |
<!-- end -->
<!-- table: startup -->
| command | yardstick | command | yardstick | ratio |
|---|---|---:|---:|---:|
| --help | bare | 0.120 s | 0.100 s | 1.23 |
<!-- end -->
<!-- table: large-arrays -->
| command | two arrays | peak, MB | above `import torch`, MB | wall time, s |
|---|---:|---:|---:|---:|
| `ssimtool loss` | 10 × 20 | 350 | 150 | 2.35 |
<!-- end -->
after
""".format(machine="a processor, 2 threads, python 3.13.0, torch 3.0, numba 1.0, numpy 3.1")


def test_tables_are_filled_and_others_stay(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")
    files = []
    for name, results in (("bench", BENCH), ("startup", STARTUP), ("memory", MEMORY)):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(results), "utf-8")
    made.main([*map(str, files), "--page", str(page)])
    assert page.read_text("utf-8") == FILLED
    made.main([*map(str, files), "--page", str(page)])  # once more: nothing changes
    assert page.read_text("utf-8") == FILLED


def test_a_table_without_a_marker_is_an_error():
    with pytest.raises(KeyError, match="no marker for arrays-float32, arrays-uint8"):
        made.filled(PAGE.replace("arrays-", "other-"), [BENCH])


def test_the_page_has_the_markers_of_every_table_and_says_when_it_was_measured():
    names = re.findall(r"<!-- table: ([\w-]+) -->", PAGES["benchmarks.md"])
    assert sorted(names) == sorted(["runs", *made.MAKERS])
    runs = table("benchmarks.md", "runs")
    assert [row[0].strip("`") for row in runs] == list(made.MAKERS)
    assert all(re.match(r"20\d\d-\d\d-\d\d", row[1]) for row in runs)
