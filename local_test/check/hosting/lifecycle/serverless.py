"""Points of a serverless endpoint's container: no root user, no shared memory, each tested separately.

Serverless Inference runs on AWS Lambda, whose sandbox has neither. A real-time endpoint has both, so an image that
works there fails on a serverless endpoint, without a message that says why.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, inconclusive
from local_test.check.hosting.support.served import start_container
from local_test.platform.profiles import Conditions, Profile

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
POINTS = (USER, SHARED_MEMORY)
_WITHHELD: dict[Point, dict[str, Any]] = {USER: {"root": False}, SHARED_MEMORY: {"shared_memory": False}}


def _run(subject: Subject) -> Iterator[Finding]:
    if subject.image is None:
        yield from inconclusive(POINTS, "only a container shows this")
        return
    if subject.model:
        subject = replace(subject, model=_readable(subject.model, subject.scratch / "readable"))
    usual = Conditions(environment=Conditions.of(subject.profile, subject.environment).environment)
    for point, withheld in _WITHHELD.items():
        granted = {point: dict.fromkeys(withheld, True)}
        with start_container(subject, point.name, replace(usual, **withheld), granted) as start:
            yield from start.findings


def _readable(model: Path, folder: Path) -> Path:
    """Copy the model, readable for all users: how the platform unpacks it does not depend on the image."""
    shutil.copytree(model, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return folder


SCENARIOS = (Scenario("serverless: no root, no shared memory", POINTS, _run),)
