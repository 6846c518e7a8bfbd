"""The commands for AWS as users run them, against an AWS that moto serves over HTTP."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends
from moto.server import ThreadedMotoServer

from scripts import diagnosis
from tests import limits

ROOT = Path(__file__).resolve().parent.parent
SDK = ROOT / ".venv-sdk-v2" / "bin" / "python"
REGION = "us-east-1"
IMAGE = f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/traffic-signs:abc"
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/traffic-signs-execution"
BUCKET = f"sagemaker-{REGION}-{DEFAULT_ACCOUNT_ID}"
MODEL = "s3://bucket/model.tar.gz"

pytestmark = pytest.mark.skipif(not SDK.exists(), reason="make .venv-sdk-v2/installed makes SageMaker's SDK")

# runs a command as `python -m` does and notes what it asks AWS for
RECORDER = """
import json, os, runpy, sys
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
            self.command(module, *arguments),
            cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            deadline = time.monotonic() + 120
            # until the call is over: what an interrupted call does is botocore's
            while not over.exists() or operation not in over.read_text().split():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
            return process.returncode, error

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


def hosting(name: str) -> tuple[str, ...]:
    return ("--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--endpoint-name", name, "--yes")


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cloud(aws: str, tmp_path: Path) -> Cloud:
    return Cloud(aws, tmp_path)


@pytest.mark.parametrize(
    ("operation", "parameters", "words"),
    [
        ("CreateModel", {"ModelName": "a_b"}, "CreateModel.ModelName = 'a_b'"),
        ("CreateModel", {"PrimaryContainer": {"Mode": "Many"}}, "expected one of SingleModel, MultiModel"),
        ("CreateEndpointConfig", {"Tags": [{"Key": "team", "Value": "a,b"}]}, "Tags.Value = 'a,b'"),
        ("CreateTrainingJob", {"HyperParameters": {"a": "1" * 2501}}, "HyperParameters.a = "),
        ("InvokeEndpoint", {"EndpointName": "a" * 64}, "at most 63"),
    ],
)
def test_a_request_beyond_the_limits_is_found(operation: str, parameters: dict[str, Any], words: str) -> None:
    assert words in "\n".join(limits.broken(f"sagemaker:{operation}", parameters))


def test_training_job_is_what_was_asked_for(cloud: Cloud) -> None:
    file = cloud.folder / "hyperparameters.json"
    file.write_text('{"epochs": 3, "learning_rate": 0.1}')
    done = cloud.train(
        "--spot", "--max-hours", 0.5, "--network-isolation", "--tag", "team=signs", "--instance-count", 2,
        "--hyperparameters", file, "-p", "epochs=7", "--yes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 x ml.g4dn.xlarge as spot, for at most 0.5 h" in done.stdout
    job = json.loads((cloud.folder / "job.json").read_text())
    sent = cloud.sagemaker.describe_training_job(TrainingJobName=job["name"])
    assert sent["AlgorithmSpecification"]["TrainingImage"] == IMAGE
    # moto answers with metrics of its own
    asked = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert asked == json.loads((ROOT / "scripts" / "metric_definitions.json").read_text())
    assert sent["HyperParameters"] == {"epochs": "7", "learning_rate": "0.1"}
    assert sent["ResourceConfig"] == {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}
    assert sent["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert sent["EnableManagedSpotTraining"]
    assert sent["EnableNetworkIsolation"]
    assert sent["CheckpointConfig"]["S3Uri"] == f"s3://{BUCKET}/traffic-signs/jobs/{job['name']}/checkpoints"
    assert cloud.sagemaker.list_tags(ResourceArn=sent["TrainingJobArn"])["Tags"] == [{"Key": "team", "Value": "signs"}]
    assert job["artifact"] == sent["ModelArtifacts"]["S3ModelArtifacts"]
    uri = sent["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert dict(cloud.calls())["s3:HeadBucket"] == {"Bucket": BUCKET, "ExpectedBucketOwner": DEFAULT_ACCOUNT_ID}
    key = uri.removeprefix(f"s3://{BUCKET}/") + "train.npz"
    assert cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"arrays"

    cloud.record.unlink()
    again = cloud.train(YES="1")
    assert again.returncode == 0, again.stderr
    assert "unchanged: " in again.stdout
    assert "s3:PutObject" not in dict(cloud.calls())


def test_failed_job_says_why(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    create = backend.create_training_job

    def fail(**parameters: Any) -> Any:
        job: Any = create(**parameters)
        job.training_job_status, job.failure_reason = "Failed", "AlgorithmError: no images"
        return job

    monkeypatch.setattr(backend, "create_training_job", fail)
    done = cloud.train("--yes")
    assert done.returncode == 1
    assert "AlgorithmError: no images" in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupted_job_is_said_to_go_on(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    create = backend.create_training_job

    def begin(**parameters: Any) -> Any:
        job: Any = create(**parameters)
        job.training_job_status = "InProgress"
        return job

    monkeypatch.setattr(backend, "create_training_job", begin)
    code, error = cloud.interrupt("DescribeTrainingJob", "train", *cloud.job, "--yes")
    assert code == 2, error
    name = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["TrainingJobName"]
    assert error.endswith(goes_on(name))


def goes_on(name: str) -> str:
    return (
        f"{name} goes on and bills; stop it: aws sagemaker stop-training-job --training-job-name {name}; "
        f"or deploy what comes of it: python -m scripts.deploy --job {name}\n"
    )


def test_a_login_that_expires_while_the_job_runs(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise JsonRESTError("ExpiredTokenException", "The security token included in the request is expired")

    monkeypatch.setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "describe_training_job", refuse)
    done = cloud.train("--yes")
    assert done.returncode == 2
    name = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["TrainingJobName"]
    assert done.stderr.splitlines()[-1].startswith("Error: the AWS login has expired; log in again")
    assert done.stderr.endswith(goes_on(name))


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        ((), {}, "--yes"),
        (("--yes", "-p", "epochs"), {}, "'epochs' is not KEY=VALUE"),
        (("--yes",), {"AWS_DEFAULT_REGION": ""}, "AWS_DEFAULT_REGION"),
        (("--yes",), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials"),
        (("--yes",), {"AWS_PROFILE": "nobody"}, "nobody"),
        (("--yes",), {"AWS_DEFAULT_REGION": "eu-west-1"}, f"is in {REGION}, the region in use is eu-west-1;"),
    ],
)
def test_refusals_are_one_line(cloud: Cloud, options: tuple[str, ...], environment: dict[str, str], words: str) -> None:
    done = cloud.train(*options, **environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "sagemaker:CreateTrainingJob" not in dict(cloud.calls())


def test_endpoint_comes_and_goes(cloud: Cloud) -> None:
    done = cloud.deploy("traffic-signs-cpu", "--tag", "team=signs")
    assert done.returncode == 0, done.stderr
    assert cloud.sagemaker.describe_endpoint(EndpointName="traffic-signs-cpu")["EndpointStatus"] == "InService"
    assert cloud.variant("traffic-signs-cpu")["InstanceType"] == "ml.c5.large"
    assert "InferenceAmiVersion" not in cloud.variant("traffic-signs-cpu")
    model = cloud.sagemaker.describe_model(ModelName="traffic-signs-cpu")["PrimaryContainer"]
    assert (model["Image"], model["ModelDataUrl"]) == (IMAGE, MODEL)

    cloud.sagemaker.delete_endpoint(EndpointName="traffic-signs-cpu")
    removed = cloud.run("delete_endpoint", "traffic-signs-cpu")
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.count("gone already") == 1
    assert removed.stdout.count(": removed") == 2
    assert cloud.run("delete_endpoint", "traffic-signs-cpu").stdout.count("gone already") == 3


def test_a_name_that_is_taken_is_refused_before_anything_is_made(cloud: Cloud) -> None:
    """Of a model under that name the SDK would make the endpoint, whatever --model-data says."""
    name = "traffic-signs-taken"
    cloud.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE)
    done = cloud.deploy(name)
    assert done.returncode == 2
    assert f"there is an endpoint, configuration or model {name}: choose another name, or python -m" in done.stderr
    assert not [operation for operation, _ in cloud.calls() if ":Create" in operation]
    assert cloud.deploy("traffic-signs-abroad", AWS_DEFAULT_REGION="eu-west-1").returncode == 2
    assert not [operation for operation, _ in cloud.calls() if ":Create" in operation]


def test_what_was_made_before_a_refusal_is_told_and_removed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "traffic-signs-quota"

    def refuse(**_: Any) -> None:
        raise JsonRESTError("ResourceLimitExceeded", "ml.c5.large for endpoint usage is 0 Instances")

    monkeypatch.setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_endpoint", refuse)
    done = cloud.deploy(name)
    assert done.returncode == 2
    assert "quota is used up" in done.stderr
    assert done.stderr.endswith(
        f"; remove what there is of it, which may bill: python -m scripts.delete_endpoint {name}\n"
    )
    assert cloud.run("delete_endpoint", name).stdout.count(": removed") == 2
    monkeypatch.undo()
    again = cloud.deploy(name)
    assert again.returncode == 0, again.stderr


def test_an_endpoint_under_way_is_removed_once_that_is_over(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "traffic-signs-early"
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
    cloud.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE)
    cloud.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    cloud.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    describe, delete, statuses = backend.describe_endpoint, backend.delete_endpoint, ["Creating", "InService"]

    def under_way(endpoint_name: str) -> Any:
        description: dict[str, Any] = describe(endpoint_name)
        return {**description, "EndpointStatus": statuses.pop(0)}

    def as_aws(endpoint_name: str) -> None:
        if statuses:
            raise JsonRESTError("ValidationException", "Cannot update in-progress endpoint")
        delete(endpoint_name)

    monkeypatch.setattr(backend, "describe_endpoint", under_way)
    monkeypatch.setattr(backend, "delete_endpoint", as_aws)
    done = cloud.run("delete_endpoint", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": removed") == 3


def test_endpoint_is_waited_for_or_left_to_itself(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    create, describe = backend.create_endpoint, backend.describe_endpoint
    asked: list[str] = []

    def begin(**parameters: Any) -> Any:
        endpoint: Any = create(**parameters)
        endpoint.endpoint_status = "Creating"
        return endpoint

    def later(endpoint_name: str) -> Any:
        asked.append(endpoint_name)
        description: dict[str, Any] = describe(endpoint_name)
        if asked == ["traffic-signs-slow"] * 2:
            description["EndpointStatus"] = "InService"
        return description

    monkeypatch.setattr(backend, "create_endpoint", begin)
    monkeypatch.setattr(backend, "describe_endpoint", later)
    done = cloud.deploy("traffic-signs-slow")
    assert done.returncode == 0, done.stderr
    assert asked == ["traffic-signs-slow"] * 2
    assert "in service: " in done.stdout

    cloud.record.unlink()
    code, error = cloud.interrupt("CreateEndpoint", "deploy", *hosting("traffic-signs-left"))
    assert code == 2, error
    assert error.endswith("remove it: python -m scripts.delete_endpoint traffic-signs-left\n")


def test_each_kind_of_endpoint(cloud: Cloud) -> None:
    assert cloud.deploy("traffic-signs-gpu", "--instance-type", "ml.g4dn.xlarge").returncode == 0
    assert cloud.variant("traffic-signs-gpu")["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-gpu-3-1"
    assert cloud.deploy("traffic-signs-less", "--serverless", "--memory-mb", 2048).returncode == 0
    assert cloud.variant("traffic-signs-less")["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert cloud.deploy("traffic-signs-later", "--async-output", "s3://bucket/out").returncode == 0
    later = cloud.sagemaker.describe_endpoint_config(EndpointConfigName="traffic-signs-later")
    assert later["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] == "s3://bucket/out"
    models = [parameters["PrimaryContainer"] for name, parameters in cloud.calls() if name.endswith(":CreateModel")]
    assert [model["Environment"] for model in models] == [
        {},
        {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
        {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "1024", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"},
    ]


def test_failed_endpoint_shows_log_and_cause(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    create = backend.create_endpoint

    def fail(**parameters: Any) -> Any:
        endpoint: Any = create(**parameters)
        endpoint.endpoint_status, endpoint.failure_reason = "Failed", "did not pass the ping health check"
        return endpoint

    monkeypatch.setattr(backend, "create_endpoint", fail)
    group = "/aws/sagemaker/Endpoints/traffic-signs-bad"
    cloud.logs.create_log_group(logGroupName=group)
    cloud.logs.create_log_stream(logGroupName=group, logStreamName="AllTraffic/i-1")
    event = {"timestamp": int(time.time() * 1000), "message": "exec /usr/local/bin/serve: exec format error"}
    cloud.logs.put_log_events(logGroupName=group, logStreamName="AllTraffic/i-1", logEvents=[event])
    done = cloud.deploy("traffic-signs-bad")
    assert done.returncode == 1
    assert "did not pass the ping health check" in done.stderr
    assert "exec format error" in done.stderr
    assert "likely cause: the image is not linux/amd64" in done.stderr


@pytest.mark.parametrize(
    ("reason", "log", "cause"),
    [
        ("did not pass the ping health check", "failed call to cuInit", "driver"),
        ("did not pass the ping health check", "model warmed up", "/ping"),
        ("did not pass the ping health check", "code/inference.py, line 2: ModuleNotFoundError: x", "own code"),
        ("Unsupported manifest media type", "", "manifest"),
        ("Could not assume role", "", "execution-role-policy.json"),
        ("something new", "", "not one of the usual ones"),
    ],
)
def test_likely_cause(reason: str, log: str, cause: str) -> None:
    assert cause in diagnosis.likely_cause(reason, [log])
