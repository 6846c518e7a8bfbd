"""Whole batch transform jobs in SageMaker's local mode."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.aws.local_mode.sdk import run
from tests.support.helpers import Job, free_port, npy, serving


@pytest.mark.engine
@pytest.mark.parametrize("image", ["container"], indirect=True)
@pytest.mark.usefixtures("clean_local_mode")
@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        ("csv", "MultiRecord"),
        ("jsonlines", "SingleRecord"),
        ("images", "SingleRecord"),
    ],
)
def test_every_record_of_a_local_job_is_answered_in_order(
    job: Job, prepared: Path, tmp_path: Path, kind: str, strategy: str
) -> None:
    records = 3_000 if strategy == "MultiRecord" else 60  # 11 MB, which requests of 1 MB are cut from
    done = run(
        "v2", "tests.bench.transform", prepared, job.base / "model", "--records", records, "--kind", kind,
        "--strategy", strategy, "--port", free_port(), "--output", tmp_path / "figures.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["records_per_second"] > 0
    with np.load(prepared / "test" / "test.npz") as archive:
        images = archive["images"][np.random.default_rng(1).integers(0, len(archive["images"]), records)]
    with serving(job.base, tmp_path / "log") as server:
        predictions = server.post(npy(images), "application/x-npy").json()["predictions"]
    assert figures["class_ids"] == [prediction["class_id"] for prediction in predictions]
