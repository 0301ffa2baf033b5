"""Facts about a machine as text."""

from __future__ import annotations

import json

from ssimtool.reports.environment import environment_json, environment_text
from ssimtool.reports.view import View

FACTS = {
    "version": "1",
    "packages": {"torch": None, "numpy": "2.0"},
    "cache": {"writable": True, "kernels": 0},
    "plug-ins": [],
    "devices": ["cpu", "cuda:0"],
}


def test_text():
    assert environment_text(FACTS, View()).splitlines() == [
        "version: 1",
        "",
        "packages",
        "  torch: none",
        "  numpy: 2.0",
        "",
        "cache",
        "  writable: yes",
        "  kernels: 0",
        "plug-ins: none",
        "devices: cpu, cuda:0",
    ]


def test_json():
    assert json.loads(environment_json(FACTS, View())) == FACTS
