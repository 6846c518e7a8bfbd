"""The locked packages of the cpu image: the same on x86-64 and Arm, each as a wheel with a hash of the lock."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "docker" / "locks" / "cpu.txt"
SOURCES = {"inotify-simple", "sagemaker-inference", "sagemaker-training"}
"""Published as source only; the image's builder has a compiler for the last one's extension."""


def locked(machine: str) -> dict[str, str]:
    """Return the versions that pip would install from the lock on Linux with the processor *machine*."""
    environment = {
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "python_version": "3.11",
    }
    lines = re.findall(r"^([^\s#].*?) \\$", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return {
        each.name: str(each.specifier) for each in found if each.marker is None or each.marker.evaluate(environment)
    }


def published(machine: str, folder: Path) -> list[dict[str, Any]]:
    """Return the locked packages with the files that the package index has for bookworm on *machine*."""
    output = folder / "pylock.toml"
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--format", "pylock.toml", "--no-deps",
        "--python-version", "3.11", "--python-platform", f"{machine}-manylinux_2_36", "--output-file", str(output),
        str(LOCK),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if re.search(r"error sending request|dns error|[Cc]onnect", done.stderr):
        pytest.skip(f"the package index is not reachable: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    packages: list[dict[str, Any]] = tomllib.loads(output.read_text(encoding="utf-8"))["packages"]
    return packages


def test_both_processors_get_the_same_versions_and_tensorflow_under_its_two_names() -> None:
    x86, arm = locked("x86_64"), locked("aarch64")
    assert x86.pop("tensorflow-cpu") == arm.pop("tensorflow")
    assert x86 == arm
    assert len(arm) > 60


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_package_is_a_wheel_for_the_processor_with_a_locked_hash(machine: str, tmp_path: Path) -> None:
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", LOCK.read_text(encoding="utf-8")))
    packages = published(machine, tmp_path)
    assert {each["name"] for each in packages} == set(locked(machine))
    from_source = {each["name"] for each in packages if not each.get("wheels")}
    assert from_source == SOURCES
    for each in packages:
        files = each.get("wheels") or [each["sdist"]]
        assert hashes & {file["hashes"]["sha256"] for file in files}, each["name"]
