"""How many cores this process may use: its affinity, and the limit of its container."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path


def usable_cores() -> int:
    """The cores this process may use: its affinity, and the limit of its container."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, container_limit() or cores)


@cache  # a container's limit stays
def container_limit(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The cores that the control group allows, rounded up; None without a limit.

    Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.max: quota and period in microseconds;
    version 1 has a file for each.
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
