"""Point about a start by SDK v3's ModelTrainer, which sends its own program.

image  ->  /bin/bash -c sm_train.sh in the channel sm_drivers  ->  exit code, what is missing
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict, inconclusive, passed_if
from local_test.check.training.baseline import PLATFORM
from local_test.check.training.job import run_job
from local_test.platform import training_job as jobs
from local_test.platform.opt_ml import Encoding

_POINT = Point(
    "T2-container-entrypoint",
    Part.TRAINING,
    "the image has bash, python3 and pip on its PATH, which SDK v3's ModelTrainer needs for source_code",
    "sagemaker 3.27.0, train/model_trainer.py and templates.py: ContainerEntrypoint is /bin/bash",
    "install bash, python3 and pip, or do not use ModelTrainer's source_code",
    level=Verdict.WARNING,
)
_SCRIPT = """\
#!/bin/bash
set -e
python=$(command -v python3 || command -v python) || { echo "neither python3 nor python is on the PATH"; exit 3; }
command -v pip3 || command -v pip || { echo "neither pip3 nor pip is on the PATH"; exit 3; }
cat /opt/ml/input/config/resourceconfig.json /opt/ml/input/config/inputdataconfig.json
"$python" -c 'open("/opt/ml/input/sm_training.env", "w").close(); open("/opt/ml/model/it-ran", "w").close()'
"""
_PATH = "/opt/ml/input/data/sm_drivers/sm_train.sh"


def _start(subject: Subject) -> Iterator[Finding]:
    if subject.image is None:
        yield from inconclusive(_POINT, "only a container shows this")
        return

    def drivers(base: Path) -> None:
        folder = base / "input" / "data" / "sm_drivers"
        folder.mkdir()
        (folder / "sm_train.sh").write_text(_SCRIPT, encoding="utf-8")

    def change(setup: jobs.Setup) -> jobs.Setup:
        return replace(setup, entrypoint=("/bin/bash", "-c", f"chmod +x {_PATH} && {_PATH}"))

    job = run_job(subject, replace(PLATFORM, encoding=Encoding.TEXT), prepare=drivers, change=change)
    last = job.log.strip().splitlines()[-1:] or ["the log is empty"]
    ran = job.code == 0 and "it-ran" in job.model
    yield passed_if(_POINT, ran, "the script of ModelTrainer runs" if ran else f"exit code {job.code}: {last[0][:160]}")


SCENARIOS = (Scenario("training started by SDK v3", (_POINT,), _start),)
