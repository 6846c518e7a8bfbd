"""The examples of docs/your-own-model.md, as they stand there: own data, own code around the model, own network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.docs.fences import ROOT, blocks, commands, files
from tests.helpers import Job, free_port, npy, run_job, serving

PAGE = ROOT / "docs" / "your-own-model.md"
ANSWER = next(block.text for block in blocks(PAGE) if block.text.startswith('["'))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository as in a clone, whose results go elsewhere."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "container", "docker", "local_test", "scripts", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return folder


def test_own_images_train_and_are_told_apart(checkout: Path) -> None:
    (checkout / "draw.py").write_text(files(PAGE)["draw.py"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    draw, demo = list(commands(PAGE))[:2]
    for command in (draw, f"{demo} PORT={free_port()} DOCKER=no-such-program"):
        done = subprocess.run(
            ["bash", "-ec", command], cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    accuracy = re.search(r"accuracy ([\d.]+) on 120 test images", done.stdout)
    assert accuracy
    assert float(accuracy[1]) > 0.95


@pytest.mark.parametrize("image", ["bare"], indirect=True)
def test_own_code_answers_with_names_and_with_unsure(job: Job, prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(job.base / "model", tmp_path / "model")
    (tmp_path / "model" / "code").mkdir()
    (tmp_path / "model" / "code" / "inference.py").write_text(files(PAGE)["code/inference.py"])
    noise = np.random.default_rng(1).integers(0, 256, (8, 32, 32), np.uint8)
    signs = np.load(prepared / "training" / "training.npz")["images"]
    with serving(job.base, tmp_path / "log-plain") as server:
        expected = server.post(npy(signs), "application/x-npy").json()["predictions"]
    with serving(tmp_path, tmp_path / "log") as server:
        answer = server.post(npy(signs), "application/x-npy").json()
        assert "unsure" in server.post(npy(noise), "application/x-npy").json()
    assert answer == [one["name"] if one["probability"] >= 0.8 else "unsure" for one in expected]
    assert {"Stop"} & set(answer) == {"Stop"}
    assert ANSWER == '["Stop"]\n'


def test_a_network_of_ones_own_is_trained_and_served(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "train.py").write_text(files(PAGE)["train.py"])
    settings = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(tmp_path / "source"), "epochs": 3}
    job = run_job(tmp_path / "opt-ml", {"training": prepared / "training"}, settings)
    assert job.code == 0, job.log
    with serving(job.base, tmp_path / "log") as server:
        [sample] = (prepared / "samples").glob("14-*")
        answer = server.post(sample.read_bytes(), "image/x-portable-pixmap")
    assert answer.headers["X-Model-Info"].startswith("name=mine;")
    assert len(answer.json()["predictions"][0]["probabilities"]) == 43
