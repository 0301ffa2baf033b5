"""Write a JSON Schema for each record to docs/schema/, from the types of its fields.

    python tests/tools/make_schemas.py

A test compares the files with what this makes, so run it after a change of ssimtool/records/.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ssimtool.definitions import Definition
from ssimtool.readers.align import Reading, recorded
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.explanation import Explanation
from ssimtool.records.latents import LatentReport
from ssimtool.records.loss import LossReport, SampleScores
from ssimtool.records.verdicts import Failure

FOLDER = Path(__file__).parents[2] / "docs" / "schema"
RECORDS = (Comparison, Summary, LossReport, LatentReport, Explanation)
SAMPLE = "sample"  # a line of `ssimtool loss --per-sample`, which names no schema
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NULL = "null"
SCALARS = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", NULL]},  # JSON has no infinity and no NaN
}
# Fields that the records hold as mappings, and what these are made from.
DEFINITION = parts_of(Definition(name="wang2004"))
REGION = get_type_hints(Definition.region.fget)["return"]
PARTS: dict[str, tuple[type, Iterable[str]]] = {
    "definition": (Definition, DEFINITION),
    "reading": (Reading, recorded(Reading())),
}
ERROR_RULE = {
    "if": {"properties": {"status": {"const": "error"}}},
    "then": {"properties": {"error": {"type": "object"}}},
    "else": {"properties": {"error": {"type": NULL}}},
}


def schemas() -> dict[str, dict[str, Any]]:
    """Schema of each record and of the rows of samples, by the names of their files."""
    kinds = {kind.schema.partition("/")[0].rpartition(".")[2]: kind for kind in RECORDS}
    kinds[SAMPLE] = SampleScores
    return {f"{name}.schema.json": _schema(kind) for name, kind in kinds.items()}


def as_text(schema: Mapping[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(kind: Any) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    found = _object(kind, shared)
    title = getattr(kind, "schema", "a row of ssimtool loss --per-sample")
    if hasattr(kind, "schema"):
        found["properties"]["schema"] = {"const": title}
    if get_type_hints(kind).get("error") == Failure | None:
        found |= ERROR_RULE
    return {"$schema": DIALECT, "title": title, **found, "$defs": dict(sorted(shared.items()))}


def _object(kind: Any, shared: dict[str, Any]) -> dict[str, Any]:
    types = get_type_hints(kind)
    properties = {name: _field(name, of, shared) for name, of in types.items()}
    return {
        "description": _description(kind),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": True,  # fields are added within a version
    }


def _field(name: str, kind: Any, shared: dict[str, Any]) -> dict[str, Any]:
    if name not in PARTS:
        return _of(kind, shared)
    source, parts = PARTS[name]
    types = {"region": REGION, **get_type_hints(source)}
    shared[source.__name__] = {
        "description": _description(source),
        "type": "object",
        "properties": {part: _of(types[part], shared) for part in parts},
        "required": list(parts) if name == "definition" else [],  # errors may come before a reading
        "additionalProperties": True,
    }
    return _or_null({"$ref": f"#/$defs/{source.__name__}"}, kind)


def _of(kind: Any, shared: dict[str, Any]) -> dict[str, Any]:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return {}
    if kind in SCALARS:
        return dict(SCALARS[kind])
    if is_dataclass(kind):
        shared[kind.__name__] = _object(kind, shared)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin is tuple:
        fixed = {} if parts[-1] is ... else {"minItems": len(parts), "maxItems": len(parts)}
        return {"type": "array", "items": _of(parts[0], shared), **fixed}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(parts[1], shared)}
    inner = [_of(part, shared) for part in parts if part is not type(None)]
    return _or_null(inner[0] if len(inner) == 1 else {"anyOf": inner}, kind)


def _or_null(schema: dict[str, Any], kind: Any) -> dict[str, Any]:
    if type(None) not in get_args(kind):
        return schema
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], NULL]}
    return schema if "type" in schema else {"anyOf": [schema, {"type": NULL}]}


def _description(kind: Any) -> str:
    """A docstring up to its arguments, each paragraph on a line."""
    told = (inspect.getdoc(kind) or "").partition("\n\nArgs:")[0]
    return "\n\n".join(" ".join(part.split()) for part in told.split("\n\n"))


def main() -> None:
    """Write the files, and remove those of records that are no more."""
    made = schemas()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.schema.json"):
        if path.name not in made:
            path.unlink()
    for name, schema in made.items():
        (FOLDER / name).write_text(as_text(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
