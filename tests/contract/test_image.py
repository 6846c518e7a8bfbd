"""The image itself: what SageMaker's documents ask of one, read off the cpu target."""

import json
import subprocess
from typing import Any

import pytest

from local_test.program import DOCKER
from tests.conftest import IMAGE

pytestmark = pytest.mark.engine


def docker(*words: str) -> str:
    return subprocess.run([DOCKER, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", IMAGE))[0]
    return found


def test_it_runs_as_root_on_amd64_with_train_as_its_command(config: dict[str, Any]) -> None:
    assert (config["Os"], config["Architecture"]) == ("linux", "amd64")
    assert config["Config"]["User"] in ("", "root")
    assert not config["Config"]["Entrypoint"]
    assert config["Config"]["Cmd"] == ["train"]
    assert "Healthcheck" not in config["Config"]


def test_nothing_lies_under_opt_ml() -> None:
    assert docker("run", "--rm", IMAGE, "sh", "-c", "ls -A /opt/ml 2>/dev/null; echo end") == "end\n"


def test_the_commands_are_on_the_path_and_have_unix_line_ends() -> None:
    script = (
        "for name in train serve; do test -x $(command -v $name) && tr -cd '\\r' < $(command -v $name) | wc -c; done"
    )
    assert docker("run", "--rm", IMAGE, "sh", "-c", script).split() == ["0", "0"]


def test_no_compiler_and_no_cache_are_shipped() -> None:
    script = "command -v gcc; ls -A /root/.cache /tmp /var/lib/apt/lists 2>/dev/null | grep -v ':$' | grep .; true"
    assert docker("run", "--rm", IMAGE, "sh", "-c", script) == ""


def test_packages_agree_and_are_the_locked_ones() -> None:
    assert "No broken requirements" in docker("run", "--rm", IMAGE, "pip", "check")
    packages = ["tensorflow", "sagemaker_training", "sagemaker_inference", "boto3", "numpy", "PIL", "flask", "gunicorn"]
    code = f"import {', '.join(packages)}; print('all there')"
    assert "all there" in docker("run", "--rm", IMAGE, "python", "-c", code)


def test_the_port_label_is_claimed(config: dict[str, Any]) -> None:
    labels = config["Config"]["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert "com.amazonaws.sagemaker.capabilities.multi-models" not in labels
