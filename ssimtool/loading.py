"""Loading of large packages while several threads work."""

from __future__ import annotations

import sys
from threading import RLock
from typing import Any

# Held by a thread while it loads torch, or Numba and what is compiled. Python locks each module by
# itself and, to avoid a deadlock, hands out a half-loaded one if two threads wait for each other.
LOADING = RLock()


def part_of_loaded(package: str, name: str) -> Any:
    """Return a part of a package without loading the package.

    Args:
        package: name of the package.
        name: name of the part.

    Returns:
        the part; None if the package is not loaded, or if another thread loads it at this moment
        and has not come to the part yet.
    """
    return getattr(sys.modules.get(package), name, None)
