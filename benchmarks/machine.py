"""What a figure was measured on."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.avx2 import HELD_TO
from classifier.device import processor, usable_cores

_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
_PACKAGES = ("onnxruntime", "torch", "transformers", "tokenizers", "kafka-python", "numpy", "msgspec")


def machine() -> dict[str, Any]:
    """CPU, what it can do, how many cores this process may use, and versions."""
    found = processor()
    flags = found.flags
    return {
        "cpu": found.model or platform.machine(),
        "vnni": "VNNI" in found.bytes,
        "amx": "AMX" in found.bytes,
        "avx2": "avx2" in flags,
        "avx512": "avx512f" in flags,
        "bf16": bool(flags & _BF16),
        "held_to": os.environ.get(HELD_TO),
        "cores": os.cpu_count(),
        "threads_used": usable_cores(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in _PACKAGES},
    }


class Neighbours:
    """How much of the machine's time went to others than this process and those it started."""

    def __init__(self) -> None:
        self._busy, self._ours = _busy_s(), _ours_s()
        self._load = os.getloadavg()[0]
        self._began = time.monotonic()

    def told(self) -> dict[str, float]:
        """Load averages of one minute at the beginning and now, and core-seconds that others took meanwhile.

        Processes of ours count once they have ended: ask when all of them have.
        """
        return {
            "load_before": self._load,
            "load_after": os.getloadavg()[0],
            "others_core_s": round(self._others_s(), 1),
        }

    def cores(self) -> float:
        """How many cores others kept busy on average. A broker of ours that still runs is counted with them."""
        return round(self._others_s() / (time.monotonic() - self._began), 2)

    def _others_s(self) -> float:
        return max(0.0, _busy_s() - self._busy - (_ours_s() - self._ours))


def _busy_s() -> float:
    user, nice, system, _idle, _wait, irq, soft, *_ = map(
        int, Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    return sum(os.times()[:4])
