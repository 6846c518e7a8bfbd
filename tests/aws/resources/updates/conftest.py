"""Fixtures: the commands, with the strict fake of endpoints as SageMaker."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws.cloud import IMAGE, MODEL, RECORDER, REGION, ROLE, SDK, Cloud
from tests.aws.fake import over_moto
from tests.aws.fake.forks import Forks
from tests.aws.fake.hosting import Hosting
from tests.support.waiting import wait_until

NAME = "traffic-signs-live"
NEXT_IMAGE = IMAGE.replace("abc", "next")
NEXT_MODEL = "s3://bucket/next/model.tar.gz"

# the fake goes a stage further with each look
_WITHOUT_PAUSES = "import scripts.aws.waiting; scripts.aws.waiting._POLL_SECONDS = 0\n"


def let_a_second_pass() -> None:
    """Wait until the next second: configurations are named after the one in which they are made."""
    now = int(time.time())
    wait_until(lambda: int(time.time()) > now, 5, "the next second, whose name is free")


class Account(Cloud):
    """An account with the endpoint NAME: two instances, IMAGE and MODEL."""

    def __init__(self, url: str, folder: Path, forks: Forks, hosting: Hosting) -> None:
        super().__init__(url, folder, forks)
        self.hosting = hosting
        self.environment["DOCKER"] = "/nowhere/docker"
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        self.cloudwatch = boto3.client("cloudwatch", region_name=REGION, endpoint_url=url, **keys)
        self.create(NAME)

    def command(self, module: str, *arguments: Any) -> list[str]:
        python = SDK if module == "deploy" else sys.executable  # as in the Makefile
        return [str(python), "-c", _WITHOUT_PAUSES + RECORDER, f"scripts.{module}", *map(str, arguments)]

    def create(self, name: str, **variant: Any) -> None:
        """Make an endpoint as `deploy` makes it, and wait until it is in service."""
        container = {"Image": IMAGE, "ModelDataUrl": MODEL, "Environment": {}}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        if not variant:
            variant = {"InstanceType": "ml.c5.large", "InitialInstanceCount": 2}
        variant |= {"VariantName": "AllTraffic", "ModelName": name}
        tags = [{"Key": "team", "Value": "signs"}]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tags)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        assert [self.status(name), self.status(name)] == ["Creating", "InService"]

    def status(self, name: str = NAME) -> str:
        return str(self.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])

    def sent(self, *operations: str) -> list[dict[str, Any]]:
        """The parameters of the recorded calls of *operations*."""
        return [parameters for name, parameters in self.calls() if name.partition(":")[2] in operations]

    def changed(self) -> list[str]:
        """The recorded operations that change something."""
        reads = ("Get", "List", "Describe", "Batch")
        return [name for name, _ in self.calls() if not name.partition(":")[2].startswith(reads)]


@pytest.fixture
def hosting(monkeypatch: pytest.MonkeyPatch) -> Hosting:
    return over_moto.install(monkeypatch)


@pytest.fixture
def account(aws: str, tmp_path: Path, forks: Forks, hosting: Hosting) -> Iterator[Account]:
    account = Account(aws, tmp_path, forks, hosting)
    yield account
    account.calls()
