"""A fixed number of mutated inputs of each format, from fixed seeds."""

from __future__ import annotations

import random
import zlib

import pytest
from fuzz.corpus import corpus
from fuzz.mutation import mutated, with_checksums
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
