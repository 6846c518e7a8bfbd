"""The flags of CPUs, as /proc/cpuinfo has them."""

from pathlib import Path

import pytest

from traffic_signs.model import instructions


@pytest.mark.parametrize(
    ("cpuinfo", "vnni", "bfloat16"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\nbugs\t: none\n", True, False),
        ("flags\t\t: fpu avx2 avx_vnni avx_vnni_int8\n", True, False),
        ("flags\t\t: fpu avx2 avx512f avx512_vbmi2\nvmx flags\t: avx512_vnni avx512_bf16\n", False, False),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16\n", True, True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni amx_bf16 amx_tile\n", True, True),
        ("Features\t: fp asimd asimddp i8mm bf16\n", False, False),
        ("", False, False),
    ],
)
def test_vnni_and_bfloat16_are_among_the_cpus_flags(tmp_path: Path, cpuinfo: str, vnni: bool, bfloat16: bool) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert instructions.has_vnni(tmp_path / "cpuinfo") is vnni
    assert instructions.has_bfloat16(tmp_path / "cpuinfo") is bfloat16


def test_a_machine_without_the_file_has_neither(tmp_path: Path) -> None:
    assert not instructions.has_vnni(tmp_path / "none")
    assert not instructions.has_bfloat16(tmp_path / "none")
