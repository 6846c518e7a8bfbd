"""The hardware as Linux describes it, and what the server makes of it."""

import os
from pathlib import Path

import pytest

from traffic_signs.serving.engine import capacity, hardware
from traffic_signs.serving.engine.capacity import Plan
from traffic_signs.settings.serving import ServingSettings

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "cores", "memory_mb"),
    [
        ({}, CORES, None),
        ({"cpu.max": "max 100000\n", "memory.max": "max\n"}, CORES, None),
        ({"cpu.max": "50000 100000\n", "memory.max": "1073741824\n"}, 1, 1024),
        ({"cpu.max": "1000000000 100000\n"}, CORES, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, CORES, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1, None),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, CORES, None),
        ({"memory/memory.limit_in_bytes": "536870912\n"}, CORES, 512),
    ],
)
def test_limits_of_both_versions_of_cgroups_are_read(
    tmp_path: Path, files: dict[str, str], cores: int, memory_mb: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert hardware.cores(tmp_path) == cores
    if memory_mb:
        assert hardware.memory_mb(tmp_path) == memory_mb
    else:
        assert hardware.memory_mb(tmp_path) == hardware.memory_mb(tmp_path / "none") > 512


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 3_000_000),
        (
            {"memory.max": "max\n", "memory.current": "5000\n", "memory.stat": "inactive_file 1\nactive_file 1\n"},
            3_000_000,
        ),
        (
            {
                "memory.max": "2000000\n",
                "memory.current": "1500000\n",
                "memory.stat": "anon 900000\ninactive_file 500000\nactive_file 100000\n",
            },
            1_100_000,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "2000000\n",
                "memory/memory.usage_in_bytes": "1500000\n",
                "memory/memory.stat": "active_file 7\ntotal_inactive_file 300000\ntotal_active_file 0\n",
            },
            800_000,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
                "memory/memory.usage_in_bytes": "1500000\n",
                "memory/memory.stat": "total_inactive_file 300000\ntotal_active_file 0\n",
            },
            3_000_000,
        ),
    ],
)
def test_free_memory_is_what_neither_container_nor_machine_uses(
    tmp_path: Path, files: dict[str, str], free: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    3000 kB\nHugePages_Total:       0\n")
    assert hardware.free_bytes(tmp_path, tmp_path / "meminfo") == pytest.approx(free, rel=0.03)
    assert hardware.free_bytes() > 0


def test_gpus_are_counted_not_their_control_devices(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert hardware.gpus({}, tmp_path) == ["0", "1"]


@pytest.mark.parametrize(
    ("chosen", "gpus"),
    [
        ("2,3", ["2", "3"]),
        (" 3 , 0", ["3", "0"]),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6,1", ["GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "1"]),
        ("MIG-GPU-8932f937/1/0", ["MIG-GPU-8932f937/1/0"]),
        ("1,4,0", ["1"]),  # there is no fifth: CUDA sees none after it
        ("0,-1,1", ["0"]),
        ("-1", []),
        ("", []),
        ("NoDevFiles", []),
    ],
)
def test_gpus_that_the_user_has_chosen_are_the_only_ones(tmp_path: Path, chosen: str, gpus: list[str]) -> None:
    for number in range(4):
        (tmp_path / f"nvidia{number}").touch()
    assert hardware.gpus({"CUDA_VISIBLE_DEVICES": chosen}, tmp_path) == gpus


def test_no_gpu_is_made_of_a_choice(tmp_path: Path) -> None:
    assert hardware.gpus({"CUDA_VISIBLE_DEVICES": "0,1"}, tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "cores", "memory_mb", "gpus", "expected"),
    [
        (ServingSettings(), 8, 16_000, 0, Plan("litert", 8, 8)),
        (ServingSettings(), 8, 1_024, 0, Plan("litert", 5, 8)),
        (ServingSettings(), 1, 100, 0, Plan("litert", 1, 8)),
        (ServingSettings(workers=3), 8, 16_000, 0, Plan("litert", 3, 8)),
        (ServingSettings(engine="tensorflow"), 8, 64_000, 4, Plan("tensorflow", 4, 16)),
        (ServingSettings(engine="tensorflow"), 8, 64_000, 0, Plan("tensorflow", 1, 16)),
        (ServingSettings(engine="litert"), 4, 64_000, 1, Plan("litert", 4, 8)),
        (ServingSettings(multi_model=True), 4, 64_000, 1, Plan("litert", 4, 8)),
        # no CUDA libraries beside TensorFlow: the cpu image
        (ServingSettings(), 4, 64_000, 1, Plan("litert", 4, 8)),
    ],
)
def test_the_plan_follows_the_hardware(
    settings: ServingSettings, cores: int, memory_mb: int, gpus: int, expected: Plan
) -> None:
    assert capacity.plan(settings, cores=cores, memory_mb=memory_mb, gpus=gpus) == expected
