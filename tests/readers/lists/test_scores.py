"""What a batch wrote is read back as it was, and anything else is told of by its line."""

from __future__ import annotations

import io
import json
import math
import os
from contextlib import suppress
from dataclasses import MISSING, fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports.scores import HARD_NAMES, broken, made_up, overview_of, summary_of, write_scores

from ssimtool.batch.summary import summarise
from ssimtool.errors import SsimtoolError
from ssimtool.readers.lists.scores import read_scores
from ssimtool.records.batch import Summary, Unmatched
from ssimtool.records.frames import Frames, WorstFrame
from ssimtool.reports.formats import formats_for, renderer
from ssimtool.reports.text import ndjson_text
from ssimtool.reports.view import View

RECORDS = [made_up(i) for i in (0, 1, 996)] + [broken("golden/x.png", "rendered/x.png")]
RENDERERS = [renderer(name, "report") for name in formats_for("report")]
SUMMARY = summary_of(RECORDS, Unmatched(("a.png",), ("b.png", "c\n.png")))


def test_records_come_back_as_they_were(tmp_path):
    rich = replace(
        RECORDS[0],
        id="7",
        columns={"camera": "left"},
        steps=("reference: grey to colour",),
        warnings=("b.png: two frames",),
        per_channel={"ssim": (0.5, 0.25), "psnr": (math.inf, 30.5)},
        map="maps/x.png",
        identical=False,
        frames=Frames(count=3, identical=1, worst={"psnr": WorstFrame(math.inf, 2)}),
        scales=3,
        colour="luma",
        reading={"channels": "luma"},
        mask="m.png",
        regions=((0, 1, 20, 30),),
        counted=12.5,
        device="cuda:0",
        backend="torch",
        precision="float32",
    )
    # a field that is read back as its default would not show: each of them has another value here
    defaults = {f.name: f.default for f in fields(rich) if f.default is not MISSING}
    same = {name for name, value in defaults.items() if getattr(rich, name) == value}
    assert same == {"schema", "error"}
    path = write_scores(tmp_path / "s.ndjson", [rich, *RECORDS], SUMMARY)
    found = read_scores(str(path))
    assert found.comparisons == (rich, *RECORDS)
    assert found.summary is None  # it counts fewer pairs: it is of another run
    found = read_scores(str(write_scores(path, RECORDS, SUMMARY)))
    assert (found.comparisons, found.cut) == (tuple(RECORDS), False)
    assert found.comparisons[2].metrics["psnr"] == math.inf
    assert found.summary is not None
    assert found.summary.unmatched == SUMMARY.unmatched
    assert found.summary.thresholds == SUMMARY.thresholds
    assert found.summary.worst == SUMMARY.worst
    assert found.summary.metrics["ssim"] == SUMMARY.metrics["ssim"]
    assert found.summary.metrics["psnr"].max is None  # JSON has no infinity


@pytest.mark.parametrize("name", [*HARD_NAMES, os.fsdecode(b"not-utf8-\xff.png")])
def test_names_come_back_as_they_were(tmp_path, name):
    record = replace(RECORDS[0], reference=name, distorted=name, id=name, columns={name: name})
    assert read_scores(str(write_scores(tmp_path / "s", [record]))).comparisons == (record,)


def test_standard_input(monkeypatch):
    text = ndjson_text(RECORDS[0], ()).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert read_scores("-").comparisons == (RECORDS[0],)


def test_later_fields_are_passed_over_and_blank_lines_too(tmp_path):
    row = {**json.loads(ndjson_text(RECORDS[0], ())), "sharpness": 3, "reading": {"later": 1}}
    path = tmp_path / "s.ndjson"
    path.write_text(f"\n{json.dumps(row)}\r\n\n")
    (found,) = read_scores(str(path)).comparisons
    assert found == replace(RECORDS[0], reading={"later": 1})


@pytest.mark.parametrize("kept", [1, 5, 20, 200, -2])
def test_a_line_that_is_cut_off_is_left_out(tmp_path, kept):
    lines = [ndjson_text(record, ()) for record in RECORDS[:2]]
    path = tmp_path / "s.ndjson"
    path.write_text(lines[0] + lines[1][:kept])
    found = read_scores(str(path))
    assert (found.comparisons, found.cut, found.summary) == ((RECORDS[0],), True, None)


def test_a_last_line_without_its_end_is_whole(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(ndjson_text(RECORDS[0], ()).rstrip())
    assert not read_scores(str(path)).cut


def test_a_batch_without_pairs(tmp_path):
    nothing = Summary(status="ok", pairs=0, ok=0, fail=0, error=0, version="0.1.0")
    found = read_scores(str(write_scores(tmp_path / "s", [], nothing)))
    assert (found.comparisons, found.summary) == ((), nothing)


def _changed(**fields: object) -> str:
    return json.dumps({**json.loads(ndjson_text(RECORDS[0], ())), **fields})


GOOD = ndjson_text(RECORDS[0], ()).rstrip()
DEFINITION = json.loads(GOOD)["definition"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no record"),
        ("\n \n", "has no record"),
        ("hello", "line 1 holds 'hello', which is not a JSON object"),
        ("reference,distorted\na,b\n", "line 1 holds 'reference,distorted'"),
        (f"{GOOD}\nhello", "line 2 holds 'hello'"),
        (f"{GOOD}\n{GOOD[:50]}\n{GOOD}\n", "line 2 holds"),
        (f"{GOOD}\n[1]\n", "line 2 holds a list"),
        ("\x89PNG\r\n\x1a\n", "line 1 holds"),
        ('{"a": 1}', "an object without a schema"),
        ('{"schema": "ssimtool.loss/1"}', "a record of the schema 'ssimtool.loss/1'"),
        (_changed(schema="ssimtool.comparison/2"), "schema 'ssimtool.comparison/2'"),
        (_changed(status="good"), "'good' as 'status', which must be one of ok, fail, error"),
        (_changed(status="error"), "contradict each other"),
        (_changed(error={"code": "x", "message": "y"}), "contradict each other"),
        (_changed(status="error", error={}), "an object without 'error.code'"),
        (_changed(reference=None), "an object without 'reference'"),
        (_changed(reference=7), "7 as 'reference', which must be a text"),
        (_changed(width=True), "True as 'width', which must be a whole number"),
        (_changed(metrics={"ssim": "high"}), "'high' as 'metrics.ssim', which must be a number"),
        (
            _changed(metrics={"ssim": 10**400}),
            "000 as 'metrics.ssim', which must be a number below 1e+300",
        ),
        (GOOD.replace('"width": 192', '"width": 1e999'), "inf as 'width'"),
        (_changed(metrics=[1]), "[1] as 'metrics', which must be an object"),
        (_changed(data_range=None), "an object without 'data_range'"),
        (_changed(definition={"name": "x"}), "an object without 'definition.window'"),
        (
            _changed(definition={**DEFINITION, "k1": "x"}),
            "'x' as 'definition.k1', which must be a number",
        ),
        (
            _changed(definition={k: v for k, v in DEFINITION.items() if k != "sigma"}),
            "an object without 'definition.sigma'",
        ),
        (_changed(warnings=[1]), "1 as 'warnings[0]', which must be a text"),
        (_changed(thresholds=[1]), "1 as 'thresholds[0]', which must be an object"),
        (
            _changed(thresholds=[{"metric": "ssim", "op": "at", "value": 1, "holds": True}]),
            "'at' as 'thresholds[0].op', which must be one of under, over",
        ),
        (
            _changed(thresholds=[{"metric": "ssim", "op": "over", "holds": True}]),
            "an object without 'thresholds[0].value'",
        ),
        (_changed(regions=[[0, 0, 8]]), "[0, 0, 8] as 'regions[0]', which must be a list of 4"),
        (_changed(regions=[[0, 0, 8, 0]]), "'regions' with an error: '0,0,8,0' is not a region"),
        (_changed(per_channel={"ssim": ["x"]}), "'x' as 'per_channel.ssim[0]'"),
        (_changed(columns={"camera": 7}), "7 as 'columns.camera', which must be a text"),
        (_changed(identical=1), "1 as 'identical', which must be true or false"),
        (_changed(width=192.0), "192.0 as 'width', which must be a whole number"),
        (GOOD.replace('"width": 192', '"width": NaN'), "which is not a JSON object"),
        ("[" * 100_000, "which is not a JSON object"),
    ],
)
def test_anything_else_is_told_of_by_its_line(tmp_path, text, words):
    path = tmp_path / "s.ndjson"
    path.write_text(text, encoding="latin-1" if "\x89" in text else "utf-8")
    with pytest.raises(SsimtoolError) as caught:
        read_scores(str(path))
    message = caught.value.message
    assert words in message
    assert message.startswith(f"{path}: ")
    assert "expected" in message
    assert message.isprintable()  # on one line


@settings(deadline=None)  # of seconds: a busy machine is slower
@given(
    field=st.sampled_from(sorted(json.loads(GOOD))),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=4,
    ),
)
def test_a_field_of_another_kind_is_an_error_or_passed_over(tmp_path_factory, field, value):
    """What is read can be shown: the page does not stumble over it either."""
    path = tmp_path_factory.getbasetemp() / "fuzz.ndjson"
    path.write_text(json.dumps({**json.loads(GOOD), field: value}), encoding="utf-8")
    with suppress(SsimtoolError):
        records = read_scores(str(path)).comparisons
        summary = summarise(records)
        view = View(names=tuple(summary.metrics))
        assert all(render(overview_of(records, summary), view) for render in RENDERERS)
