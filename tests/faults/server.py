"""Runs commands, each in a fork of a process that has loaded everything, and lets one call fail.

Each line of standard input is a JSON array: the folder, the arguments, the number of the call that
fails (0: none) and its error number. The answer is a JSON object: `code`, `calls`, `call` (its
name) and `err`, what was printed to standard error.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import traceback
from typing import Any


def answer(folder: str, arguments: list[str], number: int, error: int) -> dict[str, Any]:
    """Run a command in a fork."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            os.dup2(err.fileno(), 2)
            os._exit(_run(folder, arguments, number, error, out))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"code": code, "err": err.read(), **json.loads(out.read() or "{}")}


def _run(folder: str, arguments: list[str], number: int, error: int, out: Any) -> int:
    shim = ctypes.CDLL(None)
    shim.fault_last.restype = ctypes.c_char_p
    os.chdir(folder)
    code = 99
    try:
        from ssimtool.cli.app import run

        shim.fault_arm(ctypes.c_long(number), error, os.fsencode(folder))
        code = run(arguments)
    except BaseException:  # noqa: BLE001, a fork must not go on with the work of its parent
        traceback.print_exc()
    counted = {"calls": shim.fault_calls(), "call": shim.fault_last().decode()}
    shim.fault_arm(ctypes.c_long(0), 0, b"")
    json.dump(counted, out)
    out.flush()
    sys.stderr.flush()
    return code


def main() -> None:
    from PIL import Image

    from ssimtool.cli.app import run

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory() as folder:  # loads what every fork would load
        for side in ("a", "b"):
            os.mkdir(os.path.join(folder, side))
            Image.new("RGB", (40, 30)).save(os.path.join(folder, side, "1.png"))
        sides, maps = (os.path.join(folder, n) for n in ("a", "b")), os.path.join(folder, "maps")
        run(["batch", *sides, "--maps", maps, "-q", "-o", os.path.join(folder, "s.ndjson")])
    for line in sys.stdin:
        print(json.dumps(answer(*json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
