"""Packages with entry points that a test installs for itself, as pip would."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ssimtool.plugins import GROUP, installed_plugins, plugin_metrics


@contextmanager
def installed(
    folder: Path, name: str, entry_points: Mapping[str, str], modules: Mapping[str, str] = {}
) -> Iterator[None]:
    """Make a distribution importable: its metadata, and its modules by name.

    It comes first on the path, so that it stands in for an installed one of the same name.
    """
    site = folder / name
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
    for module, code in modules.items():
        (site / f"{module}.py").write_text(code)
    sys.path.insert(0, str(site))
    forget()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        for module in modules:
            sys.modules.pop(module, None)
        forget()


def forget() -> None:
    """Look for plug-ins again, next time."""
    installed_plugins.cache_clear()
    plugin_metrics.cache_clear()
