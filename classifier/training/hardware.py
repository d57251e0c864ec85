"""What this machine computes fast: looked up, never assumed."""

from pathlib import Path

import torch


def has_fast_bf16() -> bool:
    """Whether bfloat16 is faster than float32 here.

    On a CPU only AVX512-BF16 or AMX make it so; without them autocast is several times slower than float32.
    """
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    info = Path("/proc/cpuinfo")
    flags = info.read_text("utf-8") if info.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def fastest_attention() -> str | None:
    """The attention implementation that trains fastest: on a CPU the fused one is slow backwards. None: transformers' choice."""
    return None if torch.cuda.is_available() else "eager"
