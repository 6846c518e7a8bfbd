"""The commands for AWS as users run them, pointed at an AWS that moto serves over HTTP."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws.account import limits
from tests.support.helpers import HEARS_CTRL_C
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / ".venv-sdk-v2" / "bin" / "python"
REGION = "us-east-1"
ACCOUNT = "123456789012"
"""moto's DEFAULT_ACCOUNT_ID; moto itself takes half a second to import, which most tests have no use for."""
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/traffic-signs:abc"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/traffic-signs-execution"
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
MODEL = "s3://bucket/model.tar.gz"
LATER = "traffic-signs-later"
"""The endpoint of the tests that only ask one."""

# runs a command as `python -m` does and notes what it asks AWS for
RECORDER = """
import json, os, runpy, sys, time
from botocore.client import BaseClient
call = BaseClient._make_api_call
def noted(self, operation, parameters):
    with open(os.environ["CALLS"], "a") as stream:
        name = f"{self.meta.service_model.signing_name}:{operation}"
        stream.write(json.dumps([name, parameters], default=str) + "\\n")
    try:
        return call(self, operation, parameters)
    finally:
        with open(os.environ["CALLS"] + "-over", "a") as stream:
            stream.write(operation + "\\n")
        if operation == os.environ.get("INTERRUPTED"):
            del os.environ["INTERRUPTED"]
            signal.pause()  # until Ctrl-C
BaseClient._make_api_call = noted
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Cloud:
    """AWS at *url*, and the commands pointed at it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
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
        self.sagemaker, self.s3, self.logs = (
            session.client(name, endpoint_url=url) for name in ("sagemaker", "s3", "logs")
        )

    def command(self, module: str, *arguments: Any) -> list[str]:
        return [str(SDK), "-c", RECORDER, f"scripts.{module}", *map(str, arguments)]

    def run(self, module: str, *arguments: Any, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(module, *arguments),
            cwd=ROOT, env=self.environment | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=180, check=False,
        )  # fmt: skip

    def interrupt(self, operation: str, module: str, *arguments: Any) -> tuple[int, str]:
        """Start a command, press Ctrl-C once it has called *operation*; return exit code and standard error."""
        over = self.record.with_name("calls-over")
        over.unlink(missing_ok=True)
        process = subprocess.Popen(
            [*HEARS_CTRL_C, *self.command(module, *arguments)],
            cwd=ROOT, env=self.environment | {"INTERRUPTED": operation}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            try:
                # until the call is over: what an interrupted call does is botocore's
                def called() -> bool:
                    assert process.poll() is None
                    return over.exists() and operation in over.read_text().split()

                wait_until(called, 120, f"{operation} is called")
                process.send_signal(signal.SIGINT)
                _, error = process.communicate(timeout=60)
                return process.returncode, error
            finally:
                process.kill()  # nothing, if it has ended

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """What AWS was asked for, all of it within its limits."""
        if not self.record.exists():
            return []
        found = [tuple(json.loads(line)) for line in self.record.read_text().splitlines()]
        assert not [words for name, parameters in found for words in limits.broken(name, parameters)]
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
        return self.run("deploy", *hosting(name), *arguments, **environment)

    def variant(self, name: str) -> dict[str, Any]:
        variants: list[dict[str, Any]] = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)[
            "ProductionVariants"
        ]
        return variants[0]

    @contextlib.contextmanager
    def endpoint(self, **configuration: Any) -> Iterator[None]:
        """What `deploy` makes, called LATER, without the seconds that the SDK takes to be imported."""
        self.s3.create_bucket(Bucket=BUCKET)
        client = self.sagemaker
        variant = {
            "VariantName": "AllTraffic", "ModelName": LATER, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1
        }  # fmt: skip
        client.create_model(ModelName=LATER, ExecutionRoleArn=ROLE)
        client.create_endpoint_config(EndpointConfigName=LATER, ProductionVariants=[variant], **configuration)
        client.create_endpoint(EndpointName=LATER, EndpointConfigName=LATER)
        yield
        client.delete_endpoint(EndpointName=LATER)
        client.delete_endpoint_config(EndpointConfigName=LATER)
        client.delete_model(ModelName=LATER)


def hosting(name: str) -> tuple[str, ...]:
    return ("--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--endpoint-name", name, "--yes")


def made_as(monkeypatch: pytest.MonkeyPatch, backend: Any, operation: str, **attributes: Any) -> None:
    """Have moto's *backend* give *attributes* to whatever its *operation* makes, such as a status."""
    make = getattr(backend, operation)

    def made(**parameters: Any) -> Any:
        thing = make(**parameters)
        vars(thing).update(attributes)
        return thing

    monkeypatch.setattr(backend, operation, made)
