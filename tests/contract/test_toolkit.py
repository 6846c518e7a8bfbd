"""The edge to the training toolkit: however a job ends badly, exit code 1 and the reason first."""

from pathlib import Path

import pytest

from tests.support.helpers import run_job

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("leaves", "SystemExit: 2\n"),
        ("fails_without_a_number", "OSError: disk says no\n"),
        ("fails_with_a_number", "FileNotFoundError: [Errno 2] not here: 'weights'\n"),
        ("fails_far_down", "ValueError: the reason itself\n"),
    ],
)
def test_a_job_that_ends_badly_fails_with_its_own_reason(tmp_path: Path, function: str, message: str) -> None:
    environment = {"SAGEMAKER_TRAINING_MODULE": f"tests.support.traps:{function}", "PYTHONPATH": str(ROOT)}
    job = run_job(tmp_path / "opt-ml", {}, {}, environment=environment)
    assert job.code == 1
    assert job.failure.startswith(message)
    assert "Traceback" in job.failure
    assert not (job.base / "output" / "success").exists()
