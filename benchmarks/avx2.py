"""Runs a Python module as on a processor that ends at AVX2: without AVX-512, VNNI and AMX.

    python -m benchmarks.avx2 MODULE [ARGUMENT...]

ONNX Runtime chooses its kernels by what the CPUID instruction answers, and has no switch. So a copy of it, under `.cache/`, gets
a trap in each such instruction's place, and a small library answers instead (`avx2.c`); torch has switches. Kernels and
compiled loops are then those of an older processor; clock, caches and memory are still this one's. Takes gcc and objdump.
"""

import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnxruntime

HELD_TO = "BENCHMARKS_HELD_TO"  # tells the children, and `benchmarks.machine`, what of the processor is in use

_SOURCE = Path(__file__).with_suffix(".c")
_CACHE = Path(__file__).parents[1] / ".cache" / "avx2"
_TORCH = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
_CPUID, _TRAP = b"\x0f\xa2", b"\xcc\x90"
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s.*\bcpuid\b", re.MULTILINE)
_SECTION = re.compile(r"^\s*\d+\s+\.text\s+\S+\s+([0-9a-f]+)\s+\S+\s+([0-9a-f]+)", re.MULTILINE)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """What a process needs in order to be held to AVX2, `given` what it has anyway.

    Raises:
        FileNotFoundError: gcc or objdump is missing.
        subprocess.CalledProcessError: one of them failed.
    """
    packages = _CACHE / f"{onnxruntime.__version__}-{zlib.crc32(_SOURCE.read_bytes()):08x}"
    answers = packages / "answers.so"
    if not answers.exists():
        shutil.rmtree(packages, ignore_errors=True)
        _prepare(packages)
        _call("gcc", "-O2", "-shared", "-fPIC", "-o", str(answers), str(_SOURCE))
    path = os.pathsep.join(filter(None, [str(packages), given.get("PYTHONPATH")]))
    return {**given, **_TORCH, "LD_PRELOAD": str(answers), "PYTHONPATH": path, HELD_TO: "avx2"}


def _prepare(packages: Path) -> None:
    """A copy of ONNX Runtime that asks us instead of the processor."""
    package = Path(onnxruntime.__file__).parent
    shutil.copytree(
        package, packages / package.name, ignore=shutil.ignore_patterns("__pycache__", "libonnxruntime.so*")
    )
    (library,) = (packages / package.name / "capi").glob("onnxruntime_pybind11_state*.so")
    code = bytearray(library.read_bytes())
    for place in _asking(library):
        if code[place : place + len(_CPUID)] != _CPUID:
            raise ValueError(f"There is no CPUID instruction at byte {place} of {library}")
        code[place : place + len(_CPUID)] = _TRAP
    library.write_bytes(code)


def _asking(library: Path) -> Iterator[int]:
    """Where in the file the CPUID instructions are."""
    section = _SECTION.search(_call("objdump", "-h", str(library)))
    if section is None:
        raise ValueError(f"{library} has no code")
    address, place = (int(number, 16) for number in section.groups())
    for found in _INSTRUCTION.finditer(_call("objdump", "-d", "--no-show-raw-insn", "-j", ".text", str(library))):
        yield int(found[1], 16) - address + place


def _call(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours


def main() -> None:
    """Become the module's process."""
    if len(sys.argv) < 2:
        sys.exit(f"{__doc__}")
    os.execve(sys.executable, [sys.executable, "-m", *sys.argv[1:]], environment(os.environ))  # noqa: S606 - ours


if __name__ == "__main__":
    main()
