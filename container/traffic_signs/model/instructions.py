"""Instructions of the CPU that decide what networks are fastest computed in.

/proc/cpuinfo -> flags -> VNNI, for int8; bfloat16

Arm CPUs list their features under another name, and count as CPUs without.
"""

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def has_vnni(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether the CPU has x86's int8 dot product instructions; with AVX2 alone float32 is faster."""
    return not {"avx512_vnni", "avx_vnni"}.isdisjoint(_flags(cpuinfo))


def has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether the CPU has x86's instructions for products of bfloat16 numbers."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(_flags(cpuinfo))


def _flags(cpuinfo: Path) -> list[str]:
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    return next((line.split() for line in lines if line.startswith("flags")), [])
