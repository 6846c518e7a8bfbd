"""Training job of the subject under given conditions.

Subject, Conditions  ->  start_job  ->  a running Job, its folder for /opt/ml
                     ->  run_job    ->  JobResult: exit code, log, failure, model
"""

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from local_test.check.core.points import Subject
from local_test.check.image.docker_image import DockerError
from local_test.platform import opt_ml, training_job

_REFUSED_BY_DOCKER = 125
LIMIT_SECONDS = 300
"""A job that takes longer is killed, and its points are inconclusive."""
_MOMENT_SECONDS = 0.2
"""How long after its first file the model is looked at, because every file is incomplete for some microseconds."""


@dataclass(frozen=True)
class Conditions:
    """What a job gets besides its data; each field can break some images."""

    encoding: opt_ml.Encoding
    """The client whose strings the hyperparameters are."""
    local_mode_keys: bool
    """Configuration files have only the few keys of local mode."""
    extra_files: bool
    """There are configuration files that the guide does not document."""
    manifests: bool
    """There are manifest files beside the channel folders."""
    platform_hyperparameters: bool
    """There are hyperparameters that the platform adds."""
    variables: bool
    """The environment has the job's ARN and the region, besides its name."""
    whole_mount: bool
    """/opt/ml is one mount, instead of one per subfolder."""
    network_isolation: bool
    """There is no network."""
    other_hostname: bool
    """The machine's hostname differs from the host's name in resourceconfig.json."""
    read_only: bool
    """The channels are read-only."""
    toolkit: bool
    """The variables SM_* are set, as the toolkit does and the platform does not."""
    unbuffered: bool
    """PYTHONUNBUFFERED is set, even if the image does not set it."""


@dataclass(frozen=True)
class JobResult:
    """Result of a job that has ended, or that exceeded the time limit."""

    code: int | None
    """Exit code; None if the job exceeded the time limit."""
    seconds: float
    lines: tuple[training_job.Line, ...]
    base: Path
    early_model: dict[str, int] = field(default_factory=dict)
    """Sizes in bytes of the model's files a moment after the first one appeared, by name."""

    @property
    def log(self) -> str:
        """The whole log."""
        return "\n".join(line.text for line in self.lines)

    @property
    def failure(self) -> str:
        """Content of /opt/ml/output/failure; empty if there is none."""
        path = self.base / "output" / "failure"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    @property
    def model(self) -> dict[str, int]:
        """Sizes in bytes of the files in /opt/ml/model, by name."""
        return sizes(self.base / "model")

    def __str__(self) -> str:
        """Describe the result in one line."""
        if self.code is None:
            return f"still running after {self.seconds:.0f} s"
        reason = (self.failure.strip() or self.log.strip()[-2000:]).splitlines() or ["the log is empty"]
        quoted = f': "{(reason[0] if self.failure.strip() else reason[-1])[:160]}"' if self.code else ""
        return f"exit code {self.code} after {self.seconds:.1f} s{quoted}"


def sizes(folder: Path) -> dict[str, int]:
    """Return the sizes in bytes of the files below *folder*, by relative path, even while a job renames some."""
    while True:
        paths = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
        with contextlib.suppress(FileNotFoundError):
            return {str(path.relative_to(folder)): path.lstat().st_size for path in paths}


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
    """Start the subject's job; yield it and its folder for /opt/ml.

    Args:
        subject: has the image or programs, and default channels and hyperparameters.
        conditions: what the job gets besides its data.
        channels: replace the subject's.
        hyperparameters: replace the subject's.
        groups: all hosts of the job; empty for *host* alone.
        host: name of the host that this container is.
        prepare: changes the folder before the start.
        change: changes the container's setup.
    """
    channels = subject.channels if channels is None else channels
    given = dict(subject.hyperparameters if hyperparameters is None else hyperparameters)
    base = subject.scratch / f"job-{uuid.uuid4().hex[:8]}"
    if subject.image is None and not groups:
        host = "localhost"  # the only name that resolves
    form = opt_ml.Form(conditions.encoding, conditions.local_mode_keys, conditions.extra_files, conditions.manifests)
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
    """Run the job to its end; see `start_job` for *changes*, and `outcome` for errors."""
    with start_job(subject, conditions, **changes) as (running, base):  # type: ignore[arg-type] # keyword arguments of start_job
        running.wait(LIMIT_SECONDS, until=lambda: any((base / "model").glob("*")))
        running.wait(_MOMENT_SECONDS)
        early = sizes(base / "model")
        code = running.wait(LIMIT_SECONDS - running.seconds)
        return replace(outcome(running, code, base), early_model=early)


def outcome(running: training_job.Job, code: int | None, base: Path) -> JobResult:
    """Return the result of a job with exit code *code*, None if it exceeded the time limit.

    Raises:
        DockerError: Docker could not start the container.
    """
    if running.command.container and code == _REFUSED_BY_DOCKER:
        raise DockerError(running.log.strip() or "docker run failed")
    return JobResult(code, running.seconds, tuple(running.lines), base)


def _toolkit_variables(
    base: Path, on_host: bool, channels: Mapping[str, Path], hyperparameters: Mapping[str, object]
) -> dict[str, str]:
    place = str(base) if on_host else "/opt/ml"
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
