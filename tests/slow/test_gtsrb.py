"""The real GTSRB, once through everything: archives -> arrays -> training -> endpoint -> test set."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import in_one_place
from tests.support.helpers import Job, run_job, serving
from traffic_signs.data import reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.prepare import Plan, prepare

pytestmark = pytest.mark.gtsrb


def folder() -> Path:
    return Path(os.environ["GTSRB"])


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The arrays, split at random as in the article."""
    output = tmp_path_factory.mktemp("gtsrb")
    prepare(Plan(str(folder()), split="random"), output)
    return output


@pytest.fixture(scope="module")
def real_job(real: Path, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The article's ten epochs."""
    channels = {"training": real / "training", "validation": real / "validation"}
    job = run_job(tmp_path_factory.mktemp("real") / "opt-ml", channels, {"preset": "lenet"}, image=image)
    assert job.code == 0, job.log
    return job


def test_the_published_numbers_of_images_and_tracks(real: Path) -> None:
    parts = [Dataset.load(real / name / f"{name}.npz") for name in ("training", "validation", "test")]
    assert [len(part) for part in parts] == [31_367, 7_842, 12_630]
    assert (parts[0].counts + parts[1].counts).sum() == 39_209
    assert len(np.unique(np.concatenate([parts[0].tracks, parts[1].tracks]))) == 1_307
    assert parts[2].counts[[0, 14, 42]].tolist() == [60, 270, 90]


def test_images_of_original_sizes_are_read() -> None:
    archive = folder() / "GTSRB-raw-size-sample.zip"
    if not archive.exists():
        pytest.skip("GTSRB-raw-size-sample.zip is not in $GTSRB")
    source = reading.find(archive)
    assert len(source.training) == len([name for name in zipfile.ZipFile(archive).namelist() if name.endswith("ppm")])
    dataset, unreadable = reading.read_samples(source.training, source.names, "raw sizes")
    assert (len(dataset), len(unreadable)) == (2_580, 0)


@in_one_place
def test_the_articles_accuracy_is_reached(real_job: Job, real: Path, image: str | None, tmp_path: Path) -> None:
    metrics = json.loads((real_job.base / "output" / "data" / "metrics.json").read_text())
    assert metrics["validation_accuracy"] >= 0.97
    with serving(real_job.base, tmp_path / "log", image) as server:
        command = [sys.executable, "-m", "scripts.evaluate", str(real / "test" / "test.npz")]
        done = subprocess.run(
            [*command, "--url", server.url, "--output", str(tmp_path)], check=True, capture_output=True
        )
    evaluation = json.loads((tmp_path / "evaluation.json").read_text())
    assert evaluation["images"] == 12_630
    assert evaluation["accuracy"] >= 0.90, done.stdout
