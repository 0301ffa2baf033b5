"""What a figure depends on: the machine, the versions, the date."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.timing import Options

PACKAGES = (
    "ssimtool",
    "torch",
    "numba",
    "numpy",
    "imagecodecs",
    "pillow",
    "pytorch-msssim",
    "torchmetrics",
    "kornia",
    "piqa",
    "scikit-image",
    "opencv-python-headless",
    "pyiqa",
    "image-similarity-measures",
)


def facts(options: Options) -> dict[str, str]:
    """Names and values."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "threads": str(options.threads),
        "runs": f"{options.runs}" + (", small sizes: no figures to quote" if options.small else ""),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        **{name: installed(name) for name in PACKAGES},
        "ffmpeg": first_line("ffmpeg", "-version"),
        "gcc": first_line("gcc", "--version"),
    }


def processor() -> str:
    """Its name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def installed(package: str) -> str:
    """Its version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def first_line(program: str, option: str) -> str:
    """What a program says of its version."""
    if shutil.which(program) is None:
        return "absent"
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0].split(" Copyright")[0]
