"""A fixed number of mutated inputs of each format, from fixed seeds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest
from fuzz import guided
from fuzz.corpus import corpus
from fuzz.mutation import mutated, with_checksums
from fuzz.structure import restructured
from fuzz.targets import read

from ssimtool.errors import ERROR_CODES

INPUTS = corpus()
COUNT = 1500  # of each format: some 10 s in all


@pytest.mark.parametrize("kind", INPUTS)
def test_sound_inputs_are_read(tmp_path, kind):
    assert INPUTS[kind]
    for number, content in enumerate(INPUTS[kind]):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        code = read(kind, str(path))
        if kind == "list":  # with NUL it is another list, which is no finding either
            assert code in (None, "unsupported")
        else:
            assert code is None, (number, code)


@pytest.mark.parametrize("kind", INPUTS)
def test_a_hostile_input_ends_with_a_number_or_a_code(tmp_path, kind):
    rng = random.Random(kind)
    path = tmp_path / "input"
    codes = set()
    for _ in range(COUNT):
        path.write_bytes(mutated(rng.choice(INPUTS[kind]), INPUTS[kind], rng))
        codes.add(read(kind, str(path)))
    assert codes - {None} <= set(ERROR_CODES) - {"internal"}
    assert len(codes) > 1  # else the mutations would reach nothing


def test_guided_by_coverage(tmp_path):
    pytest.importorskip("atheris", reason="has no wheel for this system")
    script = Path(guided.__file__)
    command = [sys.executable, script, "--minutes", "0.02", "--only", "list", "npy"]
    done = subprocess.run(
        [*command, "--findings", tmp_path / "findings"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    *counts, total = done.stdout.splitlines()
    assert [line.split()[0] for line in counts] == ["list", "npy"]
    assert all(int(line.split()[1].replace(",", "")) > 10 for line in counts)
    assert total.endswith(" 0 findings")


def test_a_finding_is_kept(tmp_path):
    pytest.importorskip("atheris", reason="has no wheel for this system")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import ssimtool.readers.lists.manifest as m\n"
        "def read_manifest(*a, **k): raise KeyError('XYZ')\n"
        "m.read_manifest = read_manifest\n"
    )
    command = [sys.executable, guided.__file__, "--minutes", "0.01", "--only", "list"]
    findings = tmp_path / "findings"
    done = subprocess.run(
        [*command, "--findings", findings],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(broken)},
    )
    assert done.returncode == 1
    assert "finding: list KeyError sitecustomize.py:2" in done.stdout
    assert [p.name for p in findings.iterdir()] == ["list-1"]


@pytest.mark.parametrize(("kind", "codes"), [("png", 5), ("tiff", 5), ("npy", 4)])
def test_mutations_of_the_structure(tmp_path, kind, codes):
    """They change something, and reach numbers as well as many kinds of errors."""
    rng, found = random.Random(1), Counter()
    for number in range(400):
        content = INPUTS[kind][number % len(INPUTS[kind])]
        (tmp_path / "input").write_bytes(restructured(content, rng))
        found[read(kind, str(tmp_path / "input"))] += 1
    assert found[None] > 20
    assert len(found) >= codes, found
    assert restructured(b"GIF89a", rng) == b"GIF89a"


def test_checksums_fit_again():
    content = INPUTS["png"][0]
    assert with_checksums(content) == content
    broken = bytearray(content)
    broken[30] ^= 1
    assert with_checksums(bytes(broken)) != bytes(broken)
    kind = content.index(b"IDAT")
    size = int.from_bytes(content[kind - 4 : kind], "big")
    changed = content[: kind + 10] + b"\0" + content[kind + 11 :]
    checksum = zlib.crc32(changed[kind : kind + 4 + size]).to_bytes(4, "big")
    assert with_checksums(changed)[kind + 4 + size :][:4] == checksum
    assert with_checksums(b"GIF89a") == b"GIF89a"
