"""A training job of the subject under applicable conditions.

Subject, Conditions  ->  started  ->  a Job that runs, its folder for /opt/ml
->  ended    ->  JobResult: exit code, log, failure, model
"""

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_test.check.core.points import Subject
from local_test.check.image.docker_image import DockerError
from local_test.platform import opt_ml, training_job

_REFUSED_BY_DOCKER = 125
LIMIT_SECONDS = 300
"""A job that takes longer is given up, and nothing said about it."""


@dataclass(frozen=True)
class Conditions:
    """What a job is given besides its data; each field is something that one image takes and another does not."""

    json_strings: bool
    """Hyperparameters in SDK v2's encoding, else in SDK v3's."""
    local_mode_keys: bool
    """Configurations with local mode's few keys."""
    extra_files: bool
    """Configuration files that the guide does not name."""
    manifests: bool
    """Files beside the channels' folders."""
    platform_hyperparameters: bool
    """Hyperparameters of the platform's own."""
    variables: bool
    """The job's ARN and the region in the environment, besides its name."""
    whole_mount: bool
    """/opt/ml is mounted over as a whole."""
    network_isolation: bool
    """There is no network."""
    other_hostname: bool
    """The machine has another name than the host."""
    read_only: bool
    """The channels are."""
    toolkit: bool
    """The variables SM_* are set, which the toolkit sets, not the platform."""
    unbuffered: bool
    """PYTHONUNBUFFERED is set, whatever the image says."""


@dataclass(frozen=True)
class JobResult:
    """A job that has ended, or that was given up."""

    code: int | None
    """None where it still ran after the limit."""
    seconds: float
    lines: tuple[training_job.Line, ...]
    base: Path

    @property
    def log(self) -> str:
        """All of it."""
        return "\n".join(line.text for line in self.lines)

    @property
    def failure(self) -> str:
        """What it wrote to /opt/ml/output/failure, "" if nothing."""
        path = self.base / "output" / "failure"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    @property
    def model(self) -> dict[str, int]:
        """Sizes of the files in /opt/ml/model by their names, in bytes."""
        return sizes(self.base / "model")

    def __str__(self) -> str:
        """Say how it ended, in one line."""
        if self.code is None:
            return f"still ran after {self.seconds:.0f} s"
        reason = (self.failure.strip() or self.log.strip()[-2000:]).splitlines() or ["nothing in the log"]
        told = f': "{(reason[0] if self.failure.strip() else reason[-1])[:160]}"' if self.code else ""
        return f"exit code {self.code} after {self.seconds:.1f} s{told}"


def sizes(folder: Path) -> dict[str, int]:
    """Return the sizes of the files below *folder* by their names, in bytes."""
    return {
        str(path.relative_to(folder)): path.lstat().st_size for path in sorted(folder.rglob("*")) if not path.is_dir()
    }


@contextlib.contextmanager
def start_job(
    subject: Subject,
    conditions: Conditions,
    *,
    channels: Mapping[str, Path] | None = None,
    hyperparameters: Mapping[str, object] | None = None,
    groups: tuple[opt_ml.Group, ...] = (),
    host: str = opt_ml.HOST,
    prepare: Callable[[Path], None] = lambda _: None,
    change: Callable[[training_job.Setup], training_job.Setup] = lambda setup: setup,
) -> Iterator[tuple[training_job.Job, Path]]:
    """Start the subject's job; give it and its folder for /opt/ml.

    Args:
        subject: gives channels and hyperparameters where the next two are None.
        conditions: of the job.
        channels: in place of the subject's.
        hyperparameters: in place of the subject's.
        groups: all hosts; none for *host* alone.
        host: whose container it is.
        prepare: changes the folder before the start.
        change: changes the container.
    """
    channels = subject.channels if channels is None else channels
    given = dict(subject.hyperparameters if hyperparameters is None else hyperparameters)
    base = subject.scratch / f"job-{uuid.uuid4().hex[:8]}"
    if subject.image is None and not groups:
        host = "localhost"  # the one name that resolves
    form = opt_ml.Form(
        conditions.json_strings, conditions.local_mode_keys, conditions.extra_files, conditions.manifests
    )
    extra = opt_ml.PLATFORM_HYPERPARAMETERS if conditions.platform_hyperparameters else {}
    opt_ml.write(base, channels, {**given, **extra}, host, groups=groups, form=form)
    if not conditions.read_only:
        channels = {
            name: Path(shutil.copytree(folder, base / "input" / "writable" / name)) for name, folder in channels.items()
        }
    prepare(base)
    variables = dict(opt_ml.VARIABLES) if conditions.variables else {"TRAINING_JOB_NAME": opt_ml.JOB}
    if conditions.unbuffered:
        variables["PYTHONUNBUFFERED"] = "1"
    if conditions.toolkit:
        variables |= _toolkit_variables(base, subject.image is None, channels, given)
    setup = training_job.Setup(
        variables={**variables, **subject.environment},
        whole_mount=conditions.whole_mount,
        read_only=conditions.read_only,
        network="none" if conditions.network_isolation else "bridge",
        hostname="ip-10-2-101-7.ec2.internal" if conditions.other_hostname else None,
    )
    with training_job.start_job(subject.image, subject.programs, base, channels, change(setup)) as running:
        yield running, base


def run_job(subject: Subject, conditions: Conditions, **changes: object) -> JobResult:
    """Run the job to its end; see `started` for the changes and `outcome` for what is raised."""
    with start_job(subject, conditions, **changes) as (running, base):  # type: ignore[arg-type] # they are handed on
        code = running.wait(LIMIT_SECONDS)
        return outcome(running, code, base)


def outcome(running: training_job.Job, code: int | None, base: Path) -> JobResult:
    """Return what has become of a job that ended with *code*, None if it is given up.

    Raises:
        DockerError: the engine did not start the container.
    """
    if running.command.container and code == _REFUSED_BY_DOCKER:
        raise DockerError(running.log.strip() or "docker run failed")
    return JobResult(code, running.seconds, tuple(running.lines), base)


def _toolkit_variables(
    base: Path, bare: bool, channels: Mapping[str, Path], hyperparameters: Mapping[str, object]
) -> dict[str, str]:
    place = str(base) if bare else "/opt/ml"
    return {
        "SM_MODEL_DIR": f"{place}/model",
        "SM_INPUT_DIR": f"{place}/input",
        "SM_INPUT_CONFIG_DIR": f"{place}/input/config",
        "SM_OUTPUT_DIR": f"{place}/output",
        "SM_OUTPUT_DATA_DIR": f"{place}/output/data",
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_HPS": json.dumps(dict(hyperparameters)),
        "SM_HOSTS": json.dumps([opt_ml.current_host(base)]),
        "SM_CURRENT_HOST": opt_ml.current_host(base),
        "SM_NUM_GPUS": "0",
        "SM_NUM_CPUS": "1",
        **{f"SM_CHANNEL_{name.upper()}": f"{place}/input/data/{name}" for name in channels},
        **{f"SM_HP_{name.upper()}": str(value) for name, value in hyperparameters.items()},
    }
