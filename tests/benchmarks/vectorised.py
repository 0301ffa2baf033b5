"""A hand-vectorised loop in C (vectorised.c), compiled where there is a compiler."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("vectorised.c")
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"]


@cache
def compiled() -> ctypes.CDLL:
    """The loop.

    Raises:
        ImportError: no compiler, or it fails: the loop is absent then, as a library would be.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise ImportError("no C compiler")
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "vectorised.so")
        command = [compiler, *FLAGS, "-pthread", "-o", library, str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ImportError(f"{compiler} fails: {done.stderr.strip().splitlines()[-1]}")
        loop = ctypes.CDLL(library)
    loop.mean_loss.restype = ctypes.c_double
    pointer, number = ctypes.c_void_p, ctypes.c_long
    loop.mean_loss.argtypes = [pointer, pointer, *[number] * 4, pointer, ctypes.c_int]
    return loop


def mean_loss(x: np.ndarray, y: np.ndarray, threads: int) -> float:
    """The mean of 1 − SSIM of arrays (N, H, W, C) of uint8, contiguous, of 1 to 4 channels."""
    if x.dtype != np.uint8 or not x.flags.c_contiguous or not y.flags.c_contiguous:
        raise ValueError(f"expected contiguous uint8, found {x.dtype}")
    loss: float = compiled().mean_loss(
        x.ctypes.data, y.ctypes.data, *x.shape, _window().ctypes.data, threads
    )
    return loss


@cache
def _window() -> np.ndarray:
    """The Gaussian of 11, σ 1.5, that sums to 1."""
    weights = [math.exp(-(i**2) / (2 * 1.5**2)) for i in range(-5, 6)]
    return np.array([w / math.fsum(weights) for w in weights], np.float32)
