"""Fixtures of this storey: an AWS that moto serves, the commands pointed at it, and a clean local mode."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.platform import container
from tests.aws.cloud import SDK, Cloud
from tests.support.helpers import alone


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """An AWS that moto serves; its URL."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 # slow, and few modules need it

    if not SDK.exists():
        pytest.skip("make .venv-sdk-v2/installed makes SageMaker's SDK")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cloud(aws: str, tmp_path: Path) -> Iterator[Cloud]:
    """The commands, and that AWS; in the end no request was beyond its limits."""
    cloud = Cloud(aws, tmp_path)
    yield cloud
    cloud.calls()


@pytest.fixture
def at_once(cloud: Cloud) -> Iterator[None]:
    """An endpoint that is not asynchronous."""
    with cloud.endpoint():
        yield


def _of_local_mode() -> set[str]:
    """Containers and networks that local mode makes, whoever had it make them."""
    found = ""
    for words in (["ps", "--all", "--format", "{{.Names}}"], ["network", "ls", "--format", "{{.Name}}"]):
        found += subprocess.run([container.DOCKER, *words], capture_output=True, text=True, check=True).stdout
    return {name for name in found.splitlines() if "algo-" in name or "sagemaker-local" in name}


@pytest.fixture
def nothing_stays(shared: Path) -> Iterator[None]:
    """What local mode made is gone when the test ends; one test at a time, because its network has a fixed name."""
    with alone(shared / "local-mode"):
        before = _of_local_mode()
        yield
        assert _of_local_mode() <= before
