"""A lack of memory while a file is read: one line that names the file, `too_large`, exit code 3."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import numpy as np
import pytest

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import reading
from ssimtool.readers.images.damage import decoding

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from ssimtool.cli import main
main()
"""


@pytest.mark.parametrize(
    "context", [reading("a.npy"), decoding(b"", "a.npy")], ids=["reading", "decoding"]
)
def test_each_door_names_the_file(context):
    with (
        pytest.raises(SsimtoolError, match=r"^a\.npy: does not fit into memory") as caught,
        context,
    ):
        raise (
            MemoryError if context.gen.__name__ == "decoding" else OSError(errno.ENOMEM, "no room")
        )
    assert caught.value.code == "too_large"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs an address space limit")
@pytest.mark.parametrize("command", ["compare", "batch", "explain", "loss"])
def test_a_file_larger_than_the_address_space(tmp_path, command):
    path = tmp_path / "x" / "a.npy"
    path.parent.mkdir()
    shape = (4, 1, 16000, 16000) if command == "loss" else (32000, 32000)  # 4 GB, sparse
    array = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    del array
    paths = [str(path.parent if command == "batch" else path)] * 2
    options = ["--beta", "0"] if command == "loss" else []
    options += ["-f", "json", "--max-pixels", "0"] if command != "loss" else ["-f", "json"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, command, *paths, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    record = json.loads(done.stdout)
    record = record["pairs"][0] if command == "batch" else record
    assert (done.returncode, record["error"]["code"]) == (3, "too_large")
    assert record["error"]["message"].startswith(f"{path}: does not fit into memory")
    assert done.stderr.count("does not fit into memory") == 1
    assert "Traceback" not in done.stderr
