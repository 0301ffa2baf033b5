"""The environment of a comparison on this machine, as plain values for bug reports."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from ssimtool import __version__
from ssimtool.devices import container_limit, usable_cores

PACKAGES = (
    "torch", "numpy", "numba", "llvmlite", "pillow", "imagecodecs", "simplejpeg", "isal", "typer",
    "rich", "jaxtyping", "cmap", "jinja2", "matplotlib", "triton",
)  # fmt: skip
PLUGINS = "ssimtool.metrics"  # the group of entry points
# Processor features that determine the machine code of the kernels, by their names in LLVM.
FEATURES = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "neon", "sve")


def environment() -> dict[str, Any]:
    """Return versions, processor, cores, backends, cache and plug-ins.

    A fact that cannot be determined is a string with the error.
    """
    return {
        "ssimtool": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "executable": sys.executable,
        "processor": {"name": _tried(_processor_name), "features": _tried(_features)},
        "cores": {
            "present": os.cpu_count(),
            "usable": _tried(usable_cores),
            "container limit": _tried(container_limit),
        },
        "packages": {name: _version(name) for name in PACKAGES},
        "backends": {
            "fused": _tried(_fused),
            "torch": _tried(_torch),
            "devices": _tried(_devices),
        },
        "kernel cache": _tried(kernel_cache),
        "plug-ins": _tried(_plugins),
    }


def _tried(fact: Callable[[], Any]) -> Any:
    """Return a fact or the error that it raised: one broken part must not hide the others."""
    try:
        return fact()
    except Exception as error:  # noqa: BLE001
        return f"failed: {type(error).__name__}: {error}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Processor"):
                return value.strip()
    return platform.processor() or platform.machine()


def _features() -> list[str]:
    from llvmlite import binding

    present = binding.get_host_cpu_features()
    return [f"LLVM's {binding.get_host_cpu_name()}", *(f for f in FEATURES if present.get(f))]


def _fused() -> str:
    import_module("ssimtool.kernels.arrays")
    return "loads"


def _torch() -> str:
    import torch

    # the build, as +cpu or +cu124, stands in no metadata
    return f"loads {torch.__version__}, {torch.get_num_threads()} threads"


def _devices() -> list[str]:
    import torch

    cuda = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def kernel_cache() -> dict[str, Any]:
    """Return the folder in which Numba keeps the machine code of the kernels, and its contents."""
    from ssimtool.kernels.compiled.means import means

    path = means.stats.cache_path
    if path is None:
        return {"folder": None}
    compiled = list(Path(path).glob("*.nbc"))
    return {
        "folder": path,
        "writable": os.access(path, os.W_OK),
        "compiled kernels": len(compiled),
        "bytes": sum(file.stat().st_size for file in compiled),
    }


def _plugins() -> list[str]:
    return [f"{entry.name} ({entry.value})" for entry in metadata.entry_points(group=PLUGINS)]
