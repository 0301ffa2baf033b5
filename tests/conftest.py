"""Pictures and helpers that the tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As the command line does, before torch is loaded: threads that spin while they wait make the
# tests many times slower on cores that other processes use as well.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor
from validation import validate_output

from ssimtool.cli.app import run

SAMPLES = Path(__file__).parents[1] / "sample_images"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the sample pictures."""
    return SAMPLES


@pytest.fixture(scope="session")
def camera() -> NDArray[np.uint8]:
    """scikit-image's camera, (512, 512), the picture of the reference values."""
    return skimage.data.camera()


@pytest.fixture(scope="session")
def noisy_camera(camera: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The noise of scikit-image's own test suite: seed 5, standard deviation 20."""
    noise = 20.0 * np.random.RandomState(5).randn(*camera.shape)
    return np.clip(camera + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def batch() -> Callable[..., Tensor]:
    """(H, W) or (H, W, C) to (1, C, H, W)."""

    def to_batch(image: NDArray, dtype: torch.dtype | None = None) -> Tensor:
        image = image[:, :, None] if image.ndim == 2 else image
        return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].to(dtype)

    return to_batch


@dataclass(frozen=True)
class Done:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> dict[str, Any]:
        """Standard output as JSON."""
        return json.loads(self.out)


def without_compilation(err: str) -> str:
    """Standard error without the note of a compilation, which depends on the cache alone."""
    lines = err.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("compiling the kernels"))


@pytest.fixture
def ssimtool(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Runs a command line in this process; its records are checked against their schemas."""
    monkeypatch.delenv("COLUMNS", raising=False)  # tools/make_cli_docs.py sets it on import

    def call(*arguments: object) -> Done:
        capfd.readouterr()
        code = run([str(a) for a in arguments])
        out, err = capfd.readouterr()
        validate_output(out)
        return Done(code, out, without_compilation(err))

    return call


@pytest.fixture
def command_line(ssimtool: Callable[..., Done]) -> Callable[..., Done]:
    """The fixture `ssimtool`, where a test imports the package of that name."""
    return ssimtool


@pytest.fixture(scope="session")
def process() -> Callable[..., Done]:
    """Runs a command line in a process of its own, as a shell does; checks records as above."""

    def call(*arguments: object, stdin: bytes = b"", **options: Any) -> Done:
        command = [sys.executable, "-m", "ssimtool", *(os.fsencode(str(a)) for a in arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, **options)
        out = done.stdout.decode()
        validate_output(out)
        return Done(done.returncode, out, without_compilation(done.stderr.decode()))

    return call
