"""Shared fixtures: a small drawn data set, its arrays, a model trained on them, where it can run."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from local_test.platform import container
from tests.support.helpers import Job, Server, encoded, exclusive_lock, run_job, serving
from traffic_signs.data.prepare import Plan, prepare
from traffic_signs.data.sources import synthetic

IMAGE = f"{os.environ.get('IMAGE', 'traffic-signs')}:cpu"
in_one_place = pytest.mark.parametrize(
    "image", ["container" if container.engine_reachable() else "bare"], indirect=True
)
"""For tests of minutes whose program is the same in both places: the container's, where there is an engine."""


# no deadlines: this machine may be busy
settings.register_profile(
    "gate", max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("gate"), max_examples=2_000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


class _Scheduler(LoadFileScheduling):  # type: ignore[misc] # pytest-xdist has no types
    """One process runs the tests of a file, and one those of local mode: they would only wait for each other."""

    def _split_scope(self, nodeid: str) -> str:  # this method is pytest-xdist's way to group tests without new ids
        folder = "tests/aws/local_mode/"
        return folder if nodeid.startswith(folder) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduler:
    """Return the scheduler of every run in several processes, whatever `--dist` says."""
    return _Scheduler(config, log)


@pytest.hookimpl(trylast=True)  # after pytest's own sorting, by parameters of fixtures
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest file, which would run alone at the end; skip, with the reason, what cannot run here."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/slow/check/test_mutants.py"))
    reasons = {}
    if not container.engine_reachable():
        reasons["engine"] = "no Docker engine is reachable; the same tests ran on the bare programs"
    if not os.environ.get("GTSRB"):
        reasons["gtsrb"] = "GTSRB=<folder with the real archives> is not set"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", params=["bare", pytest.param("container", marks=pytest.mark.engine)])
def image(request: pytest.FixtureRequest) -> str | None:
    """Where the programs run: None for bare, else the name of the image."""
    return IMAGE if request.param == "container" else None


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GTSRB's official layout with drawn signs: 43 classes of 5 tracks of 2 frames, 1 test image."""
    folder = tmp_path_factory.mktemp("drawn")
    synthetic.write(folder, seed=7, tracks=5, frames=2, tests=1)
    return folder


@pytest.fixture(scope="session")
def prepared(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Arrays of the drawn set."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(Plan(str(drawn)), folder)
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run of the tests share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _job(folder: Path, prepared: Path, hyperparameters: Mapping[str, Any], image: str | None = None) -> Job:
    """Return a job that succeeded; run once, by the process that needs it first."""
    base = folder / "opt-ml"
    folder.mkdir(exist_ok=True)
    channels = {name: prepared / name for name in ("training", "validation")}
    with exclusive_lock(folder / "lock"):
        if (folder / "succeeded").exists():
            return Job(base, 0, (base / "log").read_text())
        job = run_job(base, channels, hyperparameters, image=image)
        assert job.code == 0, job.log
        (folder / "succeeded").touch()
    return job


@pytest.fixture(scope="session")
def job(prepared: Path, image: str | None, shared: Path) -> Job:
    """A job of two epochs."""
    return _job(shared / f"job-{'container' if image else 'bare'}", prepared, {"epochs": 2}, image)


@pytest.fixture(scope="session")
def small_job(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job of another network, for three classes of our own."""
    folder, prepared = (tmp_path_factory.mktemp(name) for name in ("small", "small-prepared"))
    pixels = np.random.default_rng(1).integers(0, 256, (3, 12, 32, 32), dtype=np.uint8)
    for name, images in zip(("ahead", "left", "right"), pixels, strict=True):
        (folder / name).mkdir()
        for number, image in enumerate(images):
            (folder / name / f"{number}.png").write_bytes(encoded(image, "PNG"))
    prepare(Plan(str(folder)), prepared)
    return _job(shared / "job-small", prepared, {"preset": "quick"})


@pytest.fixture
def server(job: Job, tmp_path: Path) -> Iterator[Server]:
    """The bare serving program with the job's model."""
    with serving(job.base, tmp_path / "log") as server:
        yield server
