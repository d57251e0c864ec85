"""What of the machine the model may use. Loads no runtime."""

import math
import os
from pathlib import Path

MOST_THREADS = 8  # a network this small gains nothing beyond; a larger machine runs several processes


class DeviceError(Exception):
    """The device asked for cannot be had; the message is one sentence that says what to do."""


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores that this process may use by affinity and by the quota of its `cgroup`, at most `MOST_THREADS`."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _quota(cgroup), MOST_THREADS))


def _quota(cgroup: Path) -> int:
    """Whole cores that the cgroup grants (version 2, then 1), rounded up; very many if it sets no limit."""
    try:
        if (cgroup / "cpu.max").exists():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        if quota in {"max", "-1"}:
            return MOST_THREADS
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return MOST_THREADS
