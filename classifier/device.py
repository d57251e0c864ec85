"""What of the machine the model may use, and what the machine can do. Loads no runtime."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

MOST_THREADS = 8  # a network this small gains nothing beyond; a larger machine runs several processes

_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
# What multiplies bytes fast: a tile at a time, or four of them in each lane.
_BYTES = {"AMX": {"amx_int8"}, "VNNI": {"avx512_vnni", "avx_vnni", "asimddp"}}


class DeviceError(Exception):
    """The device asked for cannot be had; the message is one sentence that says what to do."""


class Processor(Struct, frozen=True):
    """What the machine computes with."""

    model: str
    flags: frozenset[str]

    @property
    def bytes(self) -> tuple[str, ...]:
        """What it has to multiply 8-bit numbers with, fastest first; empty: nothing of its own."""
        return tuple(name for name, flags in _BYTES.items() if flags & self.flags)


def processor(file: Path = Path("/proc/cpuinfo")) -> Processor:
    """The processor as the kernel describes it; without a name where it does not."""
    model, flags = "", frozenset[str]()
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model = value.strip()
        elif name.strip() in {"flags", "Features"}:
            flags = frozenset(value.split())
    return Processor(model, flags)


def nvidia_gpus(folder: Path = Path("/proc/driver/nvidia/gpus")) -> tuple[str, ...]:
    """The names of the NVIDIA GPUs that the driver serves; none without a driver."""
    told = [line for file in sorted(folder.glob("*/information")) for line in file.read_text("utf-8").splitlines()]
    return tuple(line.partition(":")[2].strip() for line in told if line.startswith("Model:"))


def usable_cores(root: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> int:
    """Cores that this process may use by affinity and by its `quota`, at most `MOST_THREADS`."""
    return max(1, min(allowed_cores(), math.ceil(quota(root, membership) or MOST_THREADS), MOST_THREADS))


def allowed_cores() -> int:
    """Cores that this process may use by its affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota(root: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> float | None:
    """Cores that this process's cgroup and those around it grant, which need not be whole; None if none sets a limit.

    Args:
        root: where the tree of cgroups is mounted, and in `cpu` the one of version 1.
        membership: where the kernel says in which this process is.
    """
    granted = [_granted(folder) for folder in _cgroups(root, membership)]
    return min((cores for cores in granted if cores is not None), default=None)


def _cgroups(root: Path, membership: Path) -> Iterator[Path]:
    """This process's cgroup and those around it, of version 2 and of version 1.

    Some of them may be out of sight: a container often sees its own alone, as the root.
    """
    yield root
    yield root / "cpu"
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if names == [""] or "cpu" in names:
            own = Path(path.lstrip("/"))
            yield from ((root / "cpu" if "cpu" in names else root) / part for part in (own, *own.parents))


def _granted(cgroup: Path) -> float | None:
    """Cores that one cgroup grants; None if it sets no limit, or cannot be read."""
    try:
        if (cgroup / "cpu.max").exists():
            granted, period = (cgroup / "cpu.max").read_text().split()
        else:
            granted = (cgroup / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu.cfs_period_us").read_text().strip()
        return None if granted in {"max", "-1"} else int(granted) / int(period)
    except (OSError, ValueError):
        return None
