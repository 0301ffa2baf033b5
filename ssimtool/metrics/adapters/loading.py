"""Modules of piq without its `__init__`, which needs torchvision."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType

# Batches score in several threads, and a half-loaded package must be seen by none of them.
_LOCK = Lock()


def piq_module(name: str) -> ModuleType:
    """A module of piq, such as `gmsd`, without what `import piq` loads.

    piq declares torchvision as a dependency and imports it in its `__init__`, for metrics on deep
    features. The others need torch alone, and not every torch has a torchvision: the package is
    represented by an empty module while one of its modules is loaded. A later `import piq` is not
    affected.

    Raises:
        ImportError: piq is not installed.
    """
    full_name = f"piq.{name}"
    with _LOCK:
        if full_name in sys.modules or "piq" in sys.modules:
            return import_module(full_name)
        spec = find_spec("piq")
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError("piq is not installed: pip install --no-deps piq")
        package = ModuleType("piq")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["piq"] = package
        try:
            return import_module(full_name)
        finally:
            del sys.modules["piq"]
