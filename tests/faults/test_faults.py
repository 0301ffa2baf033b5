"""Every open, write, fsync, rename, link and mmap of a run fails once; nothing is lost.

A library that is loaded before the C library counts the calls about files of one folder, and lets
one of them fail. Each run is a fork of one process, so that a case takes a tenth of a second.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="loads a library by LD_PRELOAD")

SCORES = "scores.ndjson"
COMMANDS = {
    "batch": ["batch", "a", "b", "-o", SCORES, "--maps", "maps", "-q"],
    "batch csv": ["batch", "a", "b", "-o", "scores.csv", "-q"],
    "compare": ["compare", "a/1.png", "b/1.png", "--map", "map.png", "-o", "one.json"],
    "report": ["report", "kept/scores.ndjson", "-o", "page.html", "-q"],
    "loss": [
        *("loss", "a/recon.npy", "a/raw.npy", "--beta", "0", "-q"),
        *("--per-sample", "each.csv", "-o", "loss.json"),
    ],
}
ERRORS = ("ENOSPC", "EIO", "EMFILE", "EINTR")
# EVERY_FAULT=1 makes all commands fail in all ways: 20 cases in a minute and a half.
CASES = [
    (command, error)
    for command in COMMANDS
    for error in (ERRORS if command == "batch" or "EVERY_FAULT" in os.environ else ERRORS[::3])
]
INPUTS = ("a", "b", "kept")
UNREAD = b"cannot be read"  # in place of a picture
TIME = re.compile(rb'("elapsed_seconds": )[0-9.e-]+')


class Server:
    """Process that runs commands in a folder, and lets one of their calls fail."""

    def __init__(self, folder, shim):
        self.folder = folder
        command = [sys.executable, str(HERE / "server.py")]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
        environment["LD_PRELOAD"] = str(shim)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, arguments, number=0, error=0):
        """Returns the `code`, `err` and number of `calls` of a command, and which `call` failed."""
        line = json.dumps([str(self.folder), arguments, number, error])
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def files(self):
        """The content of all files; a run takes no time."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): TIME.sub(rb"\g<1>0", path.read_bytes())
            for path in paths
        }

    def clean(self):
        """Removes what a run wrote."""
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in INPUTS:
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, built = tmp_path_factory.mktemp("faults"), tmp_path_factory.mktemp("shim")
    shim = built / "shim.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", shim, HERE / "shim.c", "-ldl"]
    subprocess.run(command, check=True)
    rng = np.random.default_rng(1)
    for side in INPUTS:
        (folder / side).mkdir()
    for name in ("1", "2", "3"):
        for side in ("a", "b"):
            samples = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
            Image.fromarray(samples).save(folder / side / f"{name}.png")
    for name in ("recon", "raw"):
        np.save(folder / "a" / f"{name}.npy", rng.random((2, 1, 20, 20)))
    server = Server(folder, shim)
    server.run([*COMMANDS["batch"][:3], "-o", "kept/scores.ndjson", "-q"])
    yield server
    server.process.stdin.close()
    assert server.process.wait(30) == 0
    server.process.stdout.close()


def check_files(found, complete):
    """After a fault: inputs as they were, outputs that are whole or not there, nothing else."""
    assert set(found) <= set(complete)
    for name, content in complete.items():
        if name.split("/")[0] in INPUTS:
            assert found[name] == content, name
    for name, content in found.items():
        check_whole(name, content)


def check_whole(name, content):
    """Check that a file is not cut off: it may tell of an error."""
    suffix = Path(name).suffix
    if suffix == ".ndjson":
        assert content.endswith(b"\n") or not content
        for line in content.splitlines():
            json.loads(line)
    elif suffix == ".json":
        json.loads(content)
    elif suffix == ".png":
        Image.open(io.BytesIO(content)).load()
    elif suffix == ".html":
        assert content.rstrip().endswith(b"</html>")
    elif suffix == ".csv":
        assert content.endswith(b"\n")
    else:
        assert suffix == ".npy"


@pytest.mark.parametrize(("command", "error"), CASES)
def test_each_call_fails_once(server, command, error):
    arguments = COMMANDS[command]
    server.clean()
    counted = server.run(arguments)
    assert counted["code"] == 0, counted
    complete = server.files()
    again = ["--resume"] if SCORES in arguments else []
    failed = set()
    for number in range(1, counted["calls"] + 1):
        server.clean()
        done = server.run(arguments, number, getattr(errno, error))
        # 0 where the call is made again (EINTR), or where nothing depends on it
        assert done["code"] in (0, 2, 3), done
        assert "Traceback" not in done["err"], done
        assert (done["code"] == 0) == (done["err"] == ""), done
        failed.add(done["call"])
        found = server.files()
        check_files(found, complete)
        if done["code"] == 0:
            differs = [name for name in complete if found[name] != complete[name]]
            assert differs == [] or (command == "report" and UNREAD in found["page.html"]), done
        resumed = server.run([*arguments, *again])
        assert resumed["code"] == 0, (done, resumed)
        assert server.files() == complete, done
    assert "open" in failed
    assert "write" in failed
