"""Loading of modules of piq without its `__init__`, which needs torchvision."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType

# Batches compute in several threads, and none of them may see a half-loaded package.
_LOCK = Lock()


def piq_module(name: str) -> ModuleType:
    """Return a module of piq, such as `gmsd`, without running `import piq`.

    piq declares torchvision as a dependency and imports it in its `__init__`, for metrics on deep
    features. The other metrics need only torch, and some versions of torch have no torchvision.
    Therefore an empty module replaces the package while one of its modules is loaded. A later
    `import piq` is not affected.

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
