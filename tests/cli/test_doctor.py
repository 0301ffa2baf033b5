"""What `ssimtool doctor` prints for a bug report, also of a machine where much is broken."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import numpy as np
import torch

import ssimtool as package
from ssimtool.devices import usable_cores
from ssimtool.scoring import environment


def test_the_facts_as_json(ssimtool, tmp_path):
    done = ssimtool("doctor", "-f", "json")
    assert (done.code, done.err) == (0, "")
    facts = done.record
    assert facts["ssimtool"] == package.__version__
    assert facts["python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["packages"]["torch"] == version("torch")
    assert set(facts["packages"]) == set(environment.PACKAGES)
    assert facts["cores"]["usable"] == usable_cores()
    assert facts["backends"]["fused"] == "loads"
    assert facts["backends"]["torch"].startswith(f"loads {torch.__version__}, ")
    assert facts["backends"]["devices"][0] == "cpu"
    assert facts["kernel cache"]["folder"]
    assert facts["kernel cache"]["writable"] in (True, False)
    assert isinstance(facts["plug-ins"], list)
    assert facts["terminal"]["stdout"] is False
    assert ssimtool("doctor", "-f", "json", "-o", tmp_path / "d.json").out == ""
    assert json.loads((tmp_path / "d.json").read_text())["packages"] == facts["packages"]


def test_the_text_has_every_fact(ssimtool):
    text = ssimtool("doctor").out
    for name, value in ssimtool("doctor", "-f", "json").record.items():
        assert f"\n{name}" in f"\n{text}"
        for part in value if isinstance(value, dict) else ():
            assert f"\n  {part}: " in text


def test_what_is_missing_or_broken_is_a_fact(ssimtool, monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package"))
    monkeypatch.setitem(sys.modules, "ssimtool.kernels.arrays", None)
    monkeypatch.setitem(sys.modules, "llvmlite", None)

    def fail():
        raise RuntimeError("the driver is too old")

    monkeypatch.setattr(torch.cuda, "device_count", fail)
    done = ssimtool("doctor", "-f", "json")
    assert done.code == 0
    facts = done.record
    assert facts["packages"] == {"numpy": np.__version__, "no-such-package": None}
    assert facts["backends"]["fused"].startswith("failed: ModuleNotFoundError: ")
    assert facts["processor"]["features"].startswith("failed: ModuleNotFoundError: ")
    assert facts["backends"]["devices"] == "failed: RuntimeError: the driver is too old"
    assert "no-such-package: none" in ssimtool("doctor").out


def test_plug_ins_are_listed(monkeypatch, ssimtool):
    class Entry:
        name, value = "gmsd", "somewhere.metrics:gmsd"

    monkeypatch.setattr(environment.metadata, "entry_points", lambda group: [Entry])
    facts = ssimtool("doctor", "-f", "json").record
    assert facts["plug-ins"] == ["gmsd (somewhere.metrics:gmsd)"]


def test_the_processor_by_its_name(tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: A Fast One @ 3 GHz\n")
    monkeypatch.setattr(environment, "Path", lambda path: cpuinfo)
    assert environment._processor_name() == "A Fast One @ 3 GHz"
    cpuinfo.unlink()
    monkeypatch.setattr(environment.platform, "processor", lambda: "arm")
    assert environment._processor_name() == "arm"
