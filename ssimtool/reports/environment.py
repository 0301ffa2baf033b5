"""Facts about the machine for a bug report, as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ssimtool.reports.view import View


def environment_json(facts: Mapping[str, Any], view: View) -> str:
    """Return the facts as one JSON object."""
    return json.dumps(facts, indent=2) + "\n"


def environment_text(facts: Mapping[str, Any], view: View) -> str:
    """Return a line for each fact, below the name of its group."""
    lines = []
    for group, value in facts.items():
        if isinstance(value, dict):
            lines += ["", group, *(f"  {name}: {_words(fact)}" for name, fact in value.items())]
        else:
            lines.append(f"{group}: {_words(value)}")
    return "\n".join(lines) + "\n"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
