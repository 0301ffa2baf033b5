"""Choice of the device, the backend and the threads, in one place and once for each process.

A use case calls `settle` with the requested names and passes the `Execution` on. Functions on
tensors, whose device is fixed, call `takes_fused`. Torch is loaded only to look up a device.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ssimtool.errors import UnavailableError
from ssimtool.settings import BackendName, Computing

# Each thread of the fused kernels holds as many rows as the window has, and three times as many in
# a backward pass: about 14 MB at this size. Torch computes larger windows.
FUSED_WINDOW = 127
# The fused kernels are faster at every size. A process with only smaller images, such as examples
# and tests, does not have to load the compiler.
FUSED_FROM = 1 << 12  # samples
# Numba and the kernels load in 0.6 s, and the very first time compile in 4 to 8 s. Torch computes
# 50 million samples a second on two cores. A process with one comparison gains only above this.
FUSED_ONCE_FROM = 1 << 26  # samples
# Device files that exist on Linux if torch could find an accelerator: NVIDIA, AMD, WSL.
ACCELERATORS = ("nvidiactl", "nvidia0", "kfd", "dxg", "nvmap", "nvhost-gpu")
# NumPy computes a pair of this size in 60 ms, and Numba and the kernels load in 0.35 s.
NUMPY_UP_TO = 3 << 19  # samples: half a megapixel of three channels


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Device, backend and threads of a process, the same for all of its pairs.

    Args:
        device: `cpu`, `cuda:0`, `mps` …, which is present.
        backend: `fused`, `torch` or `numpy` for every pair; `auto` takes the fused kernels if they
            can read the samples and an image has at least `fused_from` of them.
        fused_from: number of samples.
        loads_torch: whether torch is loaded; without torch the fused kernels compute on arrays.
        threads: number for the fused kernels on arrays; None: as many as the process may use.
    """

    device: str
    backend: Computing
    fused_from: int = FUSED_FROM
    loads_torch: bool = True
    threads: int | None = None

    @property
    def on_tensors(self) -> BackendName:
        """The backend of what is computed on tensors nevertheless."""
        return "auto" if self.backend == "numpy" else self.backend


def settle(
    device: str,
    backend: BackendName,
    *,
    window_size: int,
    once: bool = False,
    alone: int | None = None,
    threads: int | None = None,
) -> Execution:
    """Decide where a process computes.

    Args:
        device: `auto` (the best one present), `cpu`, `cuda`, `cuda:N` or `mps`.
        backend: `auto`, `fused` or `torch`.
        window_size: side of the window of the definition of SSIM, in pixels.
        once: whether the process computes only one comparison, on tensors.
        alone: samples of one image, if the process compares only these two; None: of many pairs.
        threads: number for the fused kernels on arrays; None: as many as the process may use.

    Raises:
        UnavailableError: the device or the backend is not available.
    """
    is_small = alone is not None and alone <= NUMPY_UP_TO and window_size <= FUSED_WINDOW
    if is_small and backend == "auto" and device in ("auto", "cpu"):  # no GPU is as soon ready
        return Execution(device="cpu", backend="numpy", loads_torch=False, threads=threads)
    fits = window_size <= FUSED_WINDOW or backend == "fused"
    on_arrays = not once and backend != "torch" and fits and find_spec("numba") is not None
    if on_arrays and (device == "cpu" or (device == "auto" and is_cpu_only())):
        return Execution(device="cpu", backend=backend, loads_torch=False, threads=threads)
    chosen = choose_device(device, backend=backend)
    check_backend(backend, chosen)
    fused_from = FUSED_ONCE_FROM if once else FUSED_FROM
    return Execution(device=chosen, backend=backend, fused_from=fused_from, threads=threads)


def choose_device(name: str, *, backend: BackendName = "auto") -> str:
    """Return the device of a name; `auto` is the best one present that has the backend.

    Raises:
        UnavailableError: the device is not present.
    """
    import torch

    present = ["cpu"]
    if torch.cuda.is_available():
        present = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count())), *present]
    if torch.backends.mps.is_available():
        present = ["mps", *present]
    if name == "auto":
        return "cpu" if backend == "fused" else present[0]
    if name not in present:
        message = f"the device {name} is not present: expected {', '.join(present)} or auto"
        raise UnavailableError(message, option="device")
    return name


def check_backend(backend: str, device: str, *, loads: Callable[[], bool] | None = None) -> None:
    """Check that a backend exists and runs on a device (`cpu`, `cuda:0` …).

    Args:
        backend: name of the backend.
        device: name of the device.
        loads: whether the fused kernels load; None imports Numba to see.

    Raises:
        UnavailableError: it does not exist, or does not run on the device.
    """
    if backend not in ("auto", "fused", "torch"):
        message = f"backend is {backend!r}: expected auto, fused or torch"
        raise UnavailableError(message, option="backend")
    if backend == "fused" and device != "cpu":
        raise UnavailableError(
            f"backend is 'fused' on {device}: expected the CPU, or the backend 'auto'",
            option="backend",
        )
    if backend == "fused" and not (loads or numba_loads)():
        raise UnavailableError(
            "backend is 'fused' and Numba cannot be imported: expected Numba, or the backend "
            "'auto'",
            option="backend",
        )


def takes_fused(samples: int, device: str, *, window_size: int, fused_from: int) -> bool:
    """Whether `auto` takes the fused kernels for this number of samples.

    The caller has checked that the kernels can read the dtype and that Numba loads.
    """
    return device == "cpu" and samples >= fused_from and window_size <= FUSED_WINDOW


# Name of the log of compilations, for who wants to report them.
COMPILATION_LOG = "ssimtool.compilation"


@cache
def numba_loads() -> bool:
    """Whether Numba is installed and accepts the installed NumPy; the first call imports it."""
    try:
        import_module("numba")
    except ImportError:
        return False
    return True


@cache  # it reads the file system
def is_cpu_only(devices: Path = Path("/dev")) -> bool:
    """Whether this machine certainly has no torch device except the CPU."""
    return sys.platform == "linux" and not any((devices / n).exists() for n in ACCELERATORS)


def usable_cores() -> int:
    """Return the number of cores that this process may use.

    Its affinity and the limit of its container both apply.
    """
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, container_limit() or cores)


def usable_memory(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes of memory that this process may use; None if the system does not tell.

    They are those of the machine, or of the control group (memory.max; version 1:
    memory.limit_in_bytes) if that allows less.
    """
    sizes = []
    if sys.platform != "win32":  # which has no sysconf
        with suppress(OSError, ValueError):
            sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max"
            sizes.append(int((root / name).read_text()))
    return min((size for size in sizes if size > 0), default=None)


@cache  # the limit of a container does not change
def container_limit(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the number of cores that the control group allows, rounded up; None without a limit.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.max: quota and period in
    microseconds. Version 1 has a file for each.
    """
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not (quota.isdigit() and period.isdigit() and int(period)):  # "max", or −1
        return None
    return max(1, -(-int(quota) // int(period)))
