"""The search for hyperparameters on this machine, with real training jobs."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import in_one_place
from tests.support.commands import run
from tests.support.helpers import WITH_DEFAULT_SIGINT
from tests.support.waiting import wait_until

SPACE = """
objective = "validation:accuracy"
goal = "maximize"
[fixed]
preset = "quick"
[search.learning_rate]
values = [1e-7, 0.02]
"""


def words(folder: Path, prepared: Path, image: str | None) -> list[str]:
    space = folder / "space.toml"
    space.write_text(SPACE)
    where = ["--image", image] if image else []
    data = [f"--{channel}={prepared / channel}" for channel in ("training", "validation")]
    return ["scripts.tune_local", "--space", str(space), "--strategy", "Grid", *data, *where, "--output", str(folder)]


@in_one_place
def test_the_best_of_the_jobs_is_the_one_whose_model_is_the_most_accurate(
    prepared: Path, image: str | None, tmp_path: Path
) -> None:
    done = run(*words(tmp_path, prepared, image), "-p", "epochs=2")
    assert done.returncode == 0, done.stderr
    [folder] = tmp_path.glob("*-*/")
    found = json.loads((folder / "tuning-job.json").read_text())
    assert [job["status"] for job in found["jobs"]] == ["Completed", "Completed"], found
    artifacts = [json.loads((folder / f"job-{number}" / "opt-ml/model/artifact.json").read_text()) for number in (1, 2)]
    accuracies = [artifact["metrics"]["validation_accuracy"] for artifact in artifacts]
    assert [round(accuracy, 6) for accuracy in accuracies] == [job["value"] for job in found["jobs"]]
    assert accuracies[0] < accuracies[1]
    assert found["best"]["name"] == "job-2"
    chosen = json.loads((folder / "best-hyperparameters.json").read_text())
    assert chosen == {"preset": "quick", "epochs": 2, "learning_rate": 0.02}
    given = json.loads((folder / "job-2/opt-ml/input/config/hyperparameters.json").read_text())
    assert given["_tuning_objective_metric"] == '"validation:accuracy"', "as on SageMaker"
    assert "job-2 (best)" in next(line for line in done.stdout.splitlines() if "0.02" in line)
    assert f"python -m local_test serve --base {folder}/job-2/opt-ml" in done.stderr


def test_when_no_job_completes_the_reason_is_that_of_the_first(tmp_path: Path) -> None:
    for channel in ("training", "validation"):
        (tmp_path / "data" / channel).mkdir(parents=True)
        (tmp_path / "data" / channel / "notes.txt").write_text("no images")
    done = run(*words(tmp_path, tmp_path / "data", None))
    assert done.returncode == 1
    [folder] = tmp_path.glob("*-*/")
    [failure, _] = [job["failure"] for job in json.loads((folder / "tuning-job.json").read_text())["jobs"]]
    assert failure == (folder / "job-1/opt-ml.partial/output/failure").read_text()[:1024]
    assert f"no job has completed: {failure.splitlines()[0]}" in done.stderr
    assert not (folder / "best-hyperparameters.json").exists()


@in_one_place
def test_ctrl_c_stops_the_running_job_with_a_model_and_says_where_all_is(
    prepared: Path, image: str | None, tmp_path: Path
) -> None:
    command = [*WITH_DEFAULT_SIGINT, sys.executable, "-m", *words(tmp_path, prepared, image), "-p", "epochs=10000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:

            def is_training() -> bool:
                assert process.poll() is None
                return any("validation_accuracy=" in log.read_text() for log in tmp_path.glob("*-*/job-1/train.log"))

            wait_until(is_training, 180, "the first job trains")
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=180)
        finally:
            process.kill()  # nothing, if it has ended
    [folder] = tmp_path.glob("*-*/")
    assert process.returncode == 130, error
    assert error.endswith(f"Error: interrupted after 0 jobs; they are in {folder}; delete it: rm -r {folder}\n")
    assert (folder / "job-1/opt-ml/model/artifact.json").exists()
    assert json.loads((folder / "tuning-job.json").read_text())["jobs"] == []
