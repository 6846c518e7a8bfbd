"""Points about training jobs that must fail: missing data, an invalid hyperparameter, a full disk.

Baseline + a fault  ->  exit code, /opt/ml/output/failure
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from local_test.check.core.points import (
    Finding,
    Part,
    Point,
    Subject,
    Verdict,
    counted,
    inconclusive,
    not_applicable,
    passed_if,
    warning,
)
from local_test.check.training.baseline import Baseline, scenario
from local_test.check.training.job import run_job
from local_test.platform.training_job import FAILURE_CHARACTERS

_SIGNALS = 'developer guide, "How Amazon SageMaker AI Signals Algorithm Success or Failure"'
_EXIT = Point(
    "T12-failure-exit-code",
    Part.TRAINING,
    "a job that fails exits with a code other than 0",
    _SIGNALS,
    "exit with 1 if training fails: with 0 the platform reports Completed",
)
_FILE = Point(
    "T11-failure-file",
    Part.TRAINING,
    "a job that fails writes the reason to /opt/ml/output/failure",
    f"{_SIGNALS}: should write a description; the job fails without it, too",
    "write the reason to /opt/ml/output/failure before the program exits",
    level=Verdict.WARNING,
)
_REASON = Point(
    "T11-failure-reason",
    Part.TRAINING,
    f"the failure file starts with the reason: the platform shows its first {FAILURE_CHARACTERS} characters",
    "API, DescribeTrainingJob, FailureReason; aws/sagemaker-python-sdk#1225, #658; aws/sagemaker-training-toolkit#111",
    "write the exception's message first, and the traceback after it or only to the log",
    level=Verdict.WARNING,
)
_VALUE = Point(
    "T5-wrong-value",
    Part.TRAINING,
    "a hyperparameter with an invalid value makes the job fail",
    'developer guide, "CreateTrainingJob": HyperParameters are strings, which the platform does not validate',
    "reject an invalid value with a message that names the hyperparameter and the value",
    level=Verdict.WARNING,
)
_FULL = Point(
    "T11-disk-full",
    Part.TRAINING,
    "if the disk is full and the model cannot be written, the job fails and reports it",
    'developer guide, "How Amazon SageMaker AI Signals Algorithm Success or Failure"; the volume has a fixed size',
    "let the program fail if it cannot write the model, and write the error to the failure file",
)
_USER = Point(
    "T10-user-failure",
    Part.TRAINING,
    "if an Estimator's entry_point fails, the job fails, and the failure file has its message",
    "aws/sagemaker-python-sdk#1722; aws/sagemaker-training-toolkit#111: its own trainer loses the message",
    "start user programs with capture_error=True, and write the last line of their stderr first",
)
_NO_SPACE = re.compile(r"(?i)no space|space left|disk|enospc|errno 28|quota|full")
_WRONG = "not-a-number"
_MESSAGE = "failure raised by the check 4711"
_PROGRAM = f"""\
import os
with open(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml") + "/output/ran", "w"):
    pass
raise ValueError("{_MESSAGE}")
"""


def _without_data(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    points = (_EXIT, _FILE, _REASON)
    if not subject.channels:
        yield from inconclusive(points, "no channel was given; add --data")
        return
    job = run_job(subject, baseline.conditions, channels={})
    if job.code is None:
        yield from inconclusive(points, f"without its channels: {job}")
        return
    if job.code == 0 and job.model and not job.failure:
        observed = f"without its channels it completes, with a model: {job}"
        yield from (not_applicable(point, observed) for point in points)
        return
    yield passed_if(_EXIT, job.code != 0, f"without its channels: {job}")
    yield passed_if(
        _FILE, bool(job.failure.strip()), counted(len(job.failure), "character") if job.failure else "no failure file"
    )
    if job.failure.strip():
        yield passed_if(
            _REASON, says_why(job.failure), f'the first line is "{job.failure.strip().splitlines()[0][:160]}"'
        )
    else:
        yield from inconclusive(_REASON, "there is no failure file")


def says_why(failure: str) -> bool:
    """Return whether the first line is a reason: no traceback, and not only an exception's name."""
    first = (failure[:FAILURE_CHARACTERS].strip().splitlines() or [""])[0].strip()
    # not every language puts spaces between words; an exception's name is ASCII
    words = len(first.split()) > 1 or not first.isascii()
    return words and not first.startswith(("Traceback (", 'File "', "ExitCode", "Command "))


def _wrong_value(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    given = subject.hyperparameters.items()
    numbers = [name for name, value in given if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", str(value))]
    if not numbers:
        yield from inconclusive(_VALUE, "no numeric hyperparameter was given; add one with -p")
        return
    for name in numbers:  # one of them may be a name that happens to be digits
        job = run_job(subject, baseline.conditions, hyperparameters={**subject.hyperparameters, name: _WRONG})
        refused = job.code is not None and (job.code != 0 or bool(job.failure))
        if job.code is None or refused:
            break
    if job.code is None:
        yield from inconclusive(_VALUE, f"with {name} = {_WRONG}: {job}")
    else:
        yield passed_if(_VALUE, refused, f"with {name if refused else ' or '.join(numbers)} = {_WRONG}: {job}")


def _full_disk(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    if not baseline.job.model:
        yield from inconclusive(_FULL, "the job writes no model")
        return
    job = run_job(subject, baseline.conditions, change=lambda setup: replace(setup, full_model=True))
    reported = _NO_SPACE.search(job.failure[:FAILURE_CHARACTERS] or job.log)
    if job.code is None:
        yield from inconclusive(_FULL, str(job))
    elif job.code == 0 and not job.failure:
        yield passed_if(_FULL, False, f"{job}, although no file of the model could be written")
    elif reported:
        yield passed_if(_FULL, True, job)
    else:
        yield warning(_FULL, f"{job}; the message does not mention the disk")


def _user_program(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    def prepare(base: Path) -> None:
        (base / "code").mkdir()
        (base / "code" / "check_program.py").write_text(_PROGRAM, encoding="utf-8")

    program = {"sagemaker_program": "check_program.py"}
    job = run_job(subject, baseline.conditions, prepare=prepare, hyperparameters=program)
    if not (job.base / "output" / "ran").exists():
        yield Finding(_USER, Verdict.NOT_APPLICABLE, "the image does not run the program in sagemaker_program")
        return
    if job.code in (0, None) or _MESSAGE in job.failure[:FAILURE_CHARACTERS]:
        yield passed_if(_USER, job.code not in (0, None), job)
    else:
        yield warning(_USER, f"{job}; the program's message is missing")


SCENARIOS = (
    scenario("training without its data", (_EXIT, _FILE, _REASON), _without_data),
    scenario("training with a wrong hyperparameter", (_VALUE,), _wrong_value),
    scenario("training with a full disk", (_FULL,), _full_disk, containers_only=True),
    scenario("training with a user program", (_USER,), _user_program),
)
