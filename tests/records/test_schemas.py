"""The JSON Schemas of docs/schema/ are those of the records, and hold them to something."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from make_schemas import FOLDER, RECORDS, as_text, schemas
from reports.scores import broken, made_up, summary_of
from validation import validate, validate_output, validator

from ssimtool.reports.text import json_text, ndjson_text


def test_the_files_are_those_of_the_records():
    """Where this fails after a change of the records: python tests/tools/make_schemas.py."""
    files = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert files == {name: as_text(schema) for name, schema in schemas().items()}


@pytest.mark.parametrize("name", schemas())
def test_each_is_a_schema(name):
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    objects = [schema, *schema["$defs"].values()]
    assert all(part["additionalProperties"] and part["description"] for part in objects)


def test_each_record_has_one():
    named = {schema["properties"].get("schema", {}).get("const") for schema in schemas().values()}
    assert named - {None} == {kind.schema for kind in RECORDS}


RECORD = json.loads(ndjson_text(made_up(0), ()))
IDENTICAL = json.loads(ndjson_text(made_up(996), ()))  # whose PSNR is null
ERROR = json.loads(ndjson_text(broken("a.png", "b.png"), ()))
SUMMARY = json.loads(ndjson_text(summary_of([made_up(0), made_up(1)]), ()))


@pytest.mark.parametrize("record", [RECORD, IDENTICAL, ERROR, SUMMARY, {**RECORD, "later": 1}])
def test_records_are_valid(record):
    validate(record)


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record.pop(name)


def _with(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record.update({name: value})


@pytest.mark.parametrize(
    ("record", "change", "words"),
    [
        (RECORD, _without("width"), "'width' is a required property"),
        (RECORD, _with("width", "192"), "'192' is not of type 'integer', 'null'"),
        (RECORD, _with("width", 192.5), "192.5 is not of type 'integer'"),
        (RECORD, _with("reference", None), "None is not of type 'string'"),
        (RECORD, _with("status", "good"), "'good' is not one of ['ok', 'fail', 'error']"),
        (RECORD, _with("status", "error"), "None is not of type 'object'"),
        (ERROR, _with("status", "ok"), "is not of type 'null'"),
        (ERROR, _with("error", {"code": "x"}), "is not valid under any"),
        (RECORD, _with("metrics", {"ssim": "high"}), "'high' is not of type 'number'"),
        (RECORD, _with("regions", [[0, 0, 8]]), "[0, 0, 8] is too short"),
        (RECORD, _with("definition", {"name": "wang2004"}), "is not valid under any"),
        (RECORD, _with("thresholds", [{"metric": "ssim"}]), "'op' is a required property"),
        (RECORD, _with("schema", "ssimtool.comparison/2"), "'ssimtool.comparison/1' was expected"),
        (SUMMARY, _without("pairs"), "'pairs' is a required property"),
    ],
)
def test_what_is_wrong_is_an_error(record, change, words):
    record = copy.deepcopy(record)
    change(record)
    with pytest.raises(ValidationError) as caught:
        validate(record)
    assert words in caught.value.message


def test_records_are_looked_for_in_all_that_a_command_writes():
    line, wrong = ndjson_text(made_up(0), ()), json.dumps({**RECORD, "width": "192"})
    assert validate_output("ssim 0.9\n") == 0
    assert validate_output(line) == validate_output(json_text(made_up(0), ())) == 1
    assert validate_output(line + json.dumps(SUMMARY)) == 2
    assert validate_output(f'{{"pairs": [\n{line},\n{line}],\n"summary": {line}}}\n') == 3
    for text in (wrong, f"{line}{wrong}\n", f'{{"pairs": [\n{line},\n{wrong}]}}\n'):
        with pytest.raises(ValidationError):
            validate_output(text)


def test_rows_of_samples(ssimtool, samples, tmp_path):
    folder, path = samples / "vae", tmp_path / "rows.ndjson"
    arrays = [folder / f"{name}.npy" for name in ("recon", "raw", "mu", "logvar")]
    assert ssimtool("loss", *arrays, "--per-sample", path).code == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 96
    for row in rows:
        validator("sample").validate(row)
    with pytest.raises(ValidationError):
        validator("sample").validate({**rows[0], "index": 0.5})


def test_the_fixtures_validate(ssimtool, process, samples, monkeypatch):
    pair = samples / "reference.png", samples / "reference.png"
    records = []
    monkeypatch.setattr("validation.validate", records.append)
    written = [
        run("compare", *pair, "-m", "mse", "-f", "json").record for run in (ssimtool, process)
    ]
    assert records == written
