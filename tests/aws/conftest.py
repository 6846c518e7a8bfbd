"""Fixtures: moto as AWS, the commands that use it, and a clean local mode."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.platform import engine
from tests.aws.cloud import SDK, Cloud
from tests.aws.fake.forks import Forks
from tests.support.helpers import exclusive_lock


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """The URL of moto as AWS."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 # slow, and few modules need it

    if not SDK.exists():
        pytest.skip("SageMaker's SDK is not installed: make .venv-sdk-v2/installed")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """The processes from which the commands are forked."""
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture
def cloud(aws: str, tmp_path: Path, forks: Forks) -> Iterator[Cloud]:
    """The commands with moto as AWS; the teardown checks that all requests were valid."""
    cloud = Cloud(aws, tmp_path, forks)
    yield cloud
    cloud.calls()


@pytest.fixture
def synchronous_endpoint(cloud: Cloud) -> Iterator[None]:
    """A synchronous endpoint."""
    with cloud.endpoint():
        yield


def _local_mode_leftovers() -> set[str]:
    """All containers and networks of local mode on this machine."""
    found = ""
    for words in (["ps", "--all", "--format", "{{.Names}}"], ["network", "ls", "--format", "{{.Name}}"]):
        found += subprocess.run([engine.DOCKER, *words], capture_output=True, text=True, check=True).stdout
    return {name for name in found.splitlines() if "algo-" in name or "sagemaker-local" in name}


@pytest.fixture
def clean_local_mode() -> Iterator[None]:
    """Check that local mode leaves nothing behind; all checkouts take turns, because its network has a fixed name."""
    with exclusive_lock(Path(tempfile.gettempdir()) / "traffic-signs-local-mode.lock"):
        before = _local_mode_leftovers()
        yield
        assert _local_mode_leftovers() <= before
