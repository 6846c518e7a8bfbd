"""The examples of docs/your-own-model.md, as they stand there: own data, own code around the model, own network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.docs.fences import ROOT, commands, files
from tests.support.helpers import Server, free_port, npy, run_job, serving

PAGE = ROOT / "docs" / "your-own-model.md"
BASH = shutil.which("bash") or "bash"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as in a clone, with results of its own."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Makefile", "container", "docker", "local_test", "scripts", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    return folder


@pytest.fixture(scope="module")
def demo(checkout: Path) -> str:
    """What the demo with the drawn shapes prints; its results are below the checkout."""
    (checkout / "mine").mkdir()
    (checkout / "mine" / "draw.py").write_text(files(PAGE)["mine/draw.py"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    draw, make_demo = list(commands(PAGE))[:2]
    for command in (draw, f"{make_demo} PORT={free_port()} DOCKER=no-such-program"):
        done = subprocess.run(
            [BASH, "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_folder_of_the_users_images_is_learned(demo: str) -> None:
    accuracy = re.search(r"accuracy ([\d.]+) on 120 test images", demo)
    assert accuracy
    assert float(accuracy[1]) > 0.95


@pytest.mark.usefixtures("demo")
def test_code_of_ones_own_answers_with_names_and_with_unsure(checkout: Path, tmp_path: Path) -> None:
    results = checkout / "results" / "shapes"
    shutil.copytree(results / "opt-ml" / "model", tmp_path / "model")
    (tmp_path / "model" / "code").mkdir()
    (tmp_path / "model" / "code" / "inference.py").write_text(files(PAGE)["mine/code/inference.py"])
    middle_of_two = np.load(results / "data" / "test" / "test.npz")["images"].astype(int)
    middle_of_two = ((middle_of_two[:-1] + middle_of_two[1:]) // 2).astype(np.uint8)
    with serving(results / "opt-ml", tmp_path / "log-without") as server:
        expected = server.post(npy(middle_of_two), "application/x-npy").json()["predictions"]
    with serving(tmp_path, tmp_path / "log") as server:
        names = server.post(npy(middle_of_two), "application/x-npy").json()
    assert names == [one["name"] if one["probability"] >= 0.8 else "unsure" for one in expected]
    assert {"unsure", "circle"} <= set(names)


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.parametrize("page", ["getting-started", "your-own-model"])
def test_a_request_that_a_page_shows_is_answered(page: str, server: Server, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "results" / "synthetic").mkdir(parents=True)
    (tmp_path / "results" / "synthetic" / "data").symlink_to(prepared)
    [request] = [line for line in commands(ROOT / "docs" / f"{page}.md") if line.startswith("curl ")]
    request = request.replace("http://127.0.0.1:8080", server.url)
    done = subprocess.run([BASH, "-c", f"{request} --fail"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"class_id":' in done.stdout


def test_a_users_network_is_trained_and_served(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "train.py").write_text(files(PAGE)["mine/train.py"])
    settings = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(tmp_path / "source"), "epochs": 3}
    job = run_job(tmp_path / "opt-ml", {"training": prepared / "training"}, settings)
    assert job.code == 0, job.log
    with serving(job.base, tmp_path / "log") as server:
        [sample] = (prepared / "samples").glob("14-*")
        answer = server.post(sample.read_bytes(), "image/x-portable-pixmap")
    assert answer.headers["X-Model-Info"].startswith("name=mine;")
    assert len(answer.json()["predictions"][0]["probabilities"]) == 43
