"""Points of a serverless endpoint's container: no root user, no shared memory, little space, each tested separately.

Serverless Inference runs on AWS Lambda, whose sandbox has neither. A real-time endpoint has both, so an image that
works there fails on a serverless endpoint, without a message that says why.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict, inconclusive, passed_if
from local_test.check.hosting.support.served import start_container
from local_test.platform.profiles import LAMBDA_TMP, Conditions, Profile

_ONLY = frozenset({Profile.SERVERLESS})
USER = Point(
    "H14-any-user",
    Part.HOSTING,
    "the server starts as an unprivileged user",
    "developer guide, serverless-endpoints-troubleshooting; mlflow/mlflow issue 5544",
    "make what serve needs readable for all users (RUN chmod -R a+rX), and write to /tmp only",
    _ONLY,
)
SHARED_MEMORY = Point(
    "H14-no-shared-memory",
    Part.HOSTING,
    "the server starts without /dev/shm",
    "developer guide, serverless-endpoints: runs on AWS Lambda; lambci/docker-lambda issue 26",
    "write heartbeats to /tmp if /dev/shm is missing; replace multiprocessing, whose locks need it, by threads",
    _ONLY,
)
TMP = Point(
    "H14-small-tmp",
    Part.HOSTING,
    "the server starts, and serves the payload, with 512 MB of space in /tmp",
    'AWS Lambda developer guide, "Configure ephemeral storage": 512 MB unless set otherwise; the guide of serverless'
    " endpoints promises 5 GB of disk, and does not say where",
    "keep less in /tmp: read the model where it is, in /opt/ml/model",
    _ONLY,
    level=Verdict.WARNING,
)
POINTS = (USER, SHARED_MEMORY, TMP)
WITHHELD: dict[Point, tuple[dict[str, Any], dict[str, Any]]] = {
    USER: ({"root": False}, {"root": True}),
    SHARED_MEMORY: ({"shared_memory": False}, {"shared_memory": True}),
    TMP: ({"tmp_bytes": LAMBDA_TMP}, {"tmp_bytes": None}),
}
"""Conditions without what a serverless endpoint lacks, and with it."""


def _run(subject: Subject) -> Iterator[Finding]:
    if subject.image is None:
        yield from inconclusive(POINTS, "only a container shows this")
        return
    if subject.model:
        subject = replace(subject, model=_readable(subject.model, subject.scratch / "readable"))
    usual = Conditions(environment=Conditions.of(subject.profile, subject.environment).environment, gpu=False)
    for point, (withheld, granted) in WITHHELD.items():
        with start_container(subject, point.name, replace(usual, **withheld), {point: granted}) as start:
            for finding in start.findings:
                served = start.served if point is TMP and finding.verdict is Verdict.PASSED else None
                answer = served.payload_answer if served else None
                yield passed_if(TMP, False, answer) if answer and answer.status >= 500 else finding


def _readable(model: Path, folder: Path) -> Path:
    """Copy the model, readable for all users: how the platform unpacks it does not depend on the image."""
    shutil.copytree(model, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return folder


SCENARIOS = (Scenario("serverless: no root, no shared memory, a small /tmp", POINTS, _run),)
