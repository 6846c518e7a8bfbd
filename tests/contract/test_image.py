"""The image itself: what SageMaker's documents ask of one, read off the cpu target.

`IMAGE_TAG=gpu pytest tests/contract/test_image.py` holds the gpu image against the same, and
IMAGE_TAG=cpu-arm64 the one for Arm.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from platform import machine
from typing import Any

import numpy as np
import pytest

from local_test.platform import container
from local_test.platform.engine import DOCKER
from tests import conftest
from tests.support.helpers import Job, instances, serving

ROOT = Path(__file__).resolve().parents[2]
TAG = os.environ.get("IMAGE_TAG", "cpu")
IMAGE = conftest.IMAGE.replace(":cpu", f":{TAG}")
TARGET, _, ARM = TAG.partition("-")
PLATFORM = f"linux/{ARM or 'amd64'}"
LIMIT = {"cpu": 1.5e9, "gpu": 6.0e9}[TARGET]

GRAVITON2 = """processor\t: 0
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module", autouse=True)
def runs_here() -> None:
    if reason := container.cannot_run(IMAGE):
        pytest.skip(reason)


def docker(*words: str) -> str:
    return subprocess.run([DOCKER, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", IMAGE))[0]
    return found


def test_it_runs_as_root_on_its_processor_with_train_as_its_command(config: dict[str, Any]) -> None:
    assert f"{config['Os']}/{config['Architecture']}" == PLATFORM
    assert docker("run", "--rm", IMAGE, "uname", "-m") == ("aarch64\n" if ARM else "x86_64\n")
    assert config["Config"]["User"] in ("", "root")
    assert not config["Config"]["Entrypoint"]
    assert config["Config"]["Cmd"] == ["train"]
    assert "Healthcheck" not in config["Config"]


def test_the_image_has_no_files_under_opt_ml() -> None:
    assert docker("run", "--rm", IMAGE, "sh", "-c", "ls -A /opt/ml 2>/dev/null; echo end") == "end\n"


def test_the_commands_are_on_the_path_and_have_unix_line_ends() -> None:
    script = (
        "for name in train serve; do test -x $(command -v $name) && tr -cd '\\r' < $(command -v $name) | wc -c; done"
    )
    assert docker("run", "--rm", IMAGE, "sh", "-c", script).split() == ["0", "0"]


def test_everybody_may_read_it_though_the_checkout_is_for_its_owner_only(tmp_path: Path) -> None:
    """As after `umask 077`. A serverless endpoint is nobody in particular."""
    for name in ("container", "docker"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", tmp_path)
    for path in (tmp_path / "docker" / "serve", *(tmp_path / "container").rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    name = f"traffic-signs-umask-test:{TAG}"
    words = ["build", f"DOCKER={DOCKER}", "IMAGE=traffic-signs-umask-test", f"TARGET={TARGET}", f"PLATFORM={PLATFORM}"]
    make = [str(shutil.which("make")), "-C", str(tmp_path), *words]
    told = subprocess.run(make, capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"built {name}" in told
    assert len(told) <= 5
    try:
        closed = docker("run", "--rm", name, "find", "/opt/program", "/usr/local/bin/serve", "!", "-perm", "-005")
        assert closed == ""
    finally:
        docker("rmi", name)


def test_no_compiler_and_no_cache_are_shipped() -> None:
    script = "command -v gcc; ls -A /root/.cache /tmp /var/lib/apt/lists 2>/dev/null | grep -v ':$' | grep .; true"
    assert docker("run", "--rm", IMAGE, "sh", "-c", script) == ""


def test_packages_agree_and_are_the_locked_ones() -> None:
    assert "No broken requirements" in docker("run", "--rm", IMAGE, "pip", "check")
    packages = ["tensorflow", "sagemaker_training", "sagemaker_inference", "boto3", "numpy", "PIL", "flask", "gunicorn"]
    code = f"import {', '.join(packages)}; print('all there')"
    assert "all there" in docker("run", "--rm", IMAGE, "python", "-c", code)


def test_the_labels_claim_what_the_contract_tests_show(config: dict[str, Any]) -> None:
    labels = config["Config"]["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.bidirectional-streaming"] == "true"


def test_it_is_no_larger_than_promised(config: dict[str, Any]) -> None:
    assert config["Size"] <= LIMIT


def test_the_labels_say_what_was_built(config: dict[str, Any]) -> None:
    labels = config["Config"]["Labels"]
    names = {name.removeprefix("org.opencontainers.image.") for name in labels if "opencontainers" in name}
    assert names == {"title", "licenses", "version", "revision"}
    assert labels["org.opencontainers.image.version"] != "unknown"
    cuda = labels.get("com.amazonaws.sagemaker.inference.cuda.verified_versions")
    assert cuda == ("12.9" if TAG == "gpu" else None)


def test_the_image_lacks_what_no_run_needs() -> None:
    places = [
        "tensorflow/include",
        "nvidia/*/include",
        "scipy/stats/tests",
        "nvidia/*/lib/libcusolverMg*",
        "nvidia/*/lib/*.alt.*",
    ]
    script = f"cd /opt/venv/lib/python3.11/site-packages && ls -d {' '.join(places)} 2>/dev/null; find . -name '*.a'"
    assert docker("run", "--rm", IMAGE, "sh", "-c", script) == ""


def test_pip_can_still_uninstall_a_package_that_was_slimmed() -> None:
    script = "pip uninstall --yes scipy libclang && ! python -c 'import scipy' 2>/dev/null"
    assert "Successfully uninstalled scipy" in docker("run", "--rm", IMAGE, "sh", "-c", script)


@pytest.mark.skipif(not ARM, reason="other tests serve the image for x86-64; IMAGE_TAG=cpu-arm64 tests that for Arm")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("int8", 5e-3)])
def test_what_this_machine_trained_is_served_on_arm_with_the_same_answer(
    precision: str, tolerance: float, small_job: Job, tmp_path: Path
) -> None:
    """On an x86 machine by emulation, which is slow. Arm's int8 kernels round otherwise: 0.0026 apart, measured."""
    emulated = machine() != "aarch64"
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(GRAVITON2)
    # QEMU 7.2 shows the x86 machine's file, by which LiteRT's library for Arm crashes
    options = ["--volume", f"{cpuinfo}:/proc/cpuinfo:ro"] if emulated else []
    images = np.random.default_rng(5).integers(0, 256, (3, 32, 32, 1), dtype=np.uint8)
    chosen = {"TRAFFIC_SIGNS_PRECISION": precision}
    answers = []
    for image in (None, IMAGE):
        with serving(small_job.base, tmp_path / "log", image, chosen, options, patience=600) as server:
            answer = server.post(instances(images), "application/json")
            assert answer.status_code == 200, answer.text
            answers.append([each["probabilities"] for each in answer.json()["predictions"]])
            assert server.stop() == 0
    assert np.array(answers).shape == (2, 3, 3)
    np.testing.assert_allclose(answers[0], answers[1], atol=tolerance)


@pytest.mark.skipif(TAG != "gpu", reason="the cpu image holds no CUDA library; IMAGE_TAG=gpu tests them")
def test_every_cuda_library_loads() -> None:
    code = """
import ctypes, pathlib
for path in sorted(pathlib.Path("/opt/venv/lib/python3.11/site-packages/nvidia").glob("*/lib/lib*.so*")):
    try:
        ctypes.CDLL(path.name)  # by its name: the loader must find it
        print(path.parent.parent.name)
    except OSError as error:
        if "libcuda.so.1:" not in str(error):  # the driver's, which the host brings
            raise
"""
    packages = set(docker("run", "--rm", IMAGE, "python", "-c", code).split())
    assert packages >= {"cublas", "cuda_runtime", "cudnn", "cufft", "curand", "cusolver", "cusparse", "nccl"}
