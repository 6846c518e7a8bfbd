"""The AWS commands as users run them, with moto as AWS over HTTP."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws.account import limits
from tests.aws.fake.forks import Forks
from tests.support.helpers import WITH_DEFAULT_SIGINT
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / ".venv-sdk-v2" / "bin" / "python"
REGION = "us-east-1"
ACCOUNT = "123456789012"
"""moto's DEFAULT_ACCOUNT_ID; importing moto would take half a second."""
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/traffic-signs:abc"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/traffic-signs-execution"
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
MODEL = "s3://bucket/model.tar.gz"
ENDPOINT = "traffic-signs-later"
"""Endpoint of the tests of invocations."""

# runs a command as `python -m` does, and records its AWS calls
RECORDER = """
import json, os, runpy, signal, sys
from botocore.client import BaseClient
call, complete = BaseClient._make_api_call, BaseClient._emit_api_params
def completed(self, api_params, operation_model, context):
    parameters = complete(self, api_params, operation_model, context)  # by the handlers of the client's events
    with open(os.environ["CALLS"], "a") as stream:
        name = f"{self.meta.service_model.signing_name}:{operation_model.name}"
        stream.write(json.dumps([name, parameters], default=str) + "\\n")
    return parameters
def recorded(self, operation, parameters):
    try:
        return call(self, operation, parameters)
    finally:
        with open(os.environ["CALLS"] + "-over", "a") as stream:
            stream.write(operation + "\\n")
        if operation == os.environ.get("INTERRUPTED"):
            del os.environ["INTERRUPTED"]
            signal.pause()  # until Ctrl-C
BaseClient._make_api_call, BaseClient._emit_api_params = recorded, completed
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Cloud:
    """AWS at *url*, and the commands that use it."""

    def __init__(self, url: str, folder: Path, forks: Forks) -> None:
        self.folder = folder
        self._forks = forks
        self.record = folder / "calls"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CALLS": str(self.record),
        }
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        session = boto3.Session(region_name=REGION, **keys)
        self.client = partial(session.client, endpoint_url=url)
        self.sagemaker, self.s3, self.logs = (self.client(name) for name in ("sagemaker", "s3", "logs"))

    def command(self, module: str, *arguments: Any) -> list[str]:
        return [str(SDK), "-c", RECORDER, f"scripts.{module}", *map(str, arguments)]

    def run(self, module: str, *arguments: Any, **environment: str) -> "subprocess.CompletedProcess[str]":
        return self._forks.run(self.command(module, *arguments), ROOT, self.environment | environment)

    def interrupt(self, operation: str, module: str, *arguments: Any) -> tuple[int, str]:
        """Start a command, send Ctrl-C when it has called *operation*; return exit code and standard error."""
        over = self.record.with_name("calls-over")
        over.unlink(missing_ok=True)
        process = subprocess.Popen(
            [*WITH_DEFAULT_SIGINT, *self.command(module, *arguments)],
            cwd=ROOT, env=self.environment | {"INTERRUPTED": operation}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            try:
                # until the call has returned, because an interrupted call is botocore's matter
                def called() -> bool:
                    assert process.poll() is None
                    return over.exists() and operation in over.read_text().split()

                wait_until(called, 120, f"{operation} is called")
                process.send_signal(signal.SIGINT)
                _, error = process.communicate(timeout=60)
                return process.returncode, error
            finally:
                process.kill()  # does nothing if it has ended

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """The recorded AWS calls; checks that all are valid."""
        if not self.record.exists():
            return []
        found = [tuple(json.loads(line)) for line in self.record.read_text().splitlines()]
        assert not [words for name, parameters in found for words in limits.violations(name, parameters)]
        return found

    @property
    def job(self) -> tuple[Any, ...]:
        data = self.folder / "training"
        data.mkdir(exist_ok=True)
        (data / "train.npz").write_bytes(b"arrays")
        return ("--image", IMAGE, "--role", ROLE, "--training", data, "--output", self.folder / "job.json")

    def train(self, *arguments: Any, **environment: str) -> "subprocess.CompletedProcess[str]":
        return self.run("train", *self.job, *arguments, **environment)

    def deploy(self, name: str, *arguments: Any, **environment: str) -> "subprocess.CompletedProcess[str]":
        return self.run("deploy", *deploy_options(name), *arguments, **environment)

    def variant(self, name: str) -> dict[str, Any]:
        variants: list[dict[str, Any]] = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)[
            "ProductionVariants"
        ]
        return variants[0]

    @contextlib.contextmanager
    def endpoint(self, **configuration: Any) -> Iterator[None]:
        """The endpoint ENDPOINT, as `deploy` creates it, without the seconds of importing the SDK."""
        self.s3.create_bucket(Bucket=BUCKET)
        client = self.sagemaker
        variant = {
            "VariantName": "AllTraffic", "ModelName": ENDPOINT, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1
        }  # fmt: skip
        client.create_model(ModelName=ENDPOINT, ExecutionRoleArn=ROLE)
        client.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant], **configuration)
        client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
        yield
        client.delete_endpoint(EndpointName=ENDPOINT)
        client.delete_endpoint_config(EndpointConfigName=ENDPOINT)
        client.delete_model(ModelName=ENDPOINT)


def deploy_options(name: str) -> tuple[str, ...]:
    return ("--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--endpoint-name", name, "--yes")


def patch_created(monkeypatch: pytest.MonkeyPatch, backend: Any, operation: str, **attributes: Any) -> None:
    """Make moto's *backend* set *attributes*, such as a status, on what its *operation* creates."""
    create = getattr(backend, operation)

    def patched(**parameters: Any) -> Any:
        resource = create(**parameters)
        vars(resource).update(attributes)
        return resource

    monkeypatch.setattr(backend, operation, patched)
