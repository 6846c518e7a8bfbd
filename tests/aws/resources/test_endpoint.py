"""Creation of endpoints: rejected, waited for, interrupted, failed; and the resources of each kind."""

import time
from typing import Any

import pytest
from moto.sagemaker.models import sagemaker_backends

from tests.aws.cloud import ACCOUNT, REGION, ROLE, Cloud, deploy_options, patch_created


def test_a_name_that_is_taken_is_refused_before_anything_is_made(cloud: Cloud) -> None:
    """The SDK would use the existing model, whatever --model-data says."""
    name = "traffic-signs-taken"
    cloud.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE)
    done = cloud.deploy(name)
    assert done.returncode == 2
    assert f"an endpoint, configuration or model {name} exists: choose another name, or python -m" in done.stderr
    assert not [operation for operation, _ in cloud.calls() if ":Create" in operation]
    assert cloud.deploy("traffic-signs-abroad", AWS_DEFAULT_REGION="eu-west-1").returncode == 2
    assert not [operation for operation, _ in cloud.calls() if ":Create" in operation]


def test_endpoint_is_waited_for_or_left_to_itself(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = sagemaker_backends[ACCOUNT][REGION]
    describe = backend.describe_endpoint
    asked: list[str] = []

    def later(endpoint_name: str) -> Any:
        description: dict[str, Any] = describe(endpoint_name)  # raises while deploy checks whether the name exists
        asked.append(endpoint_name)
        if asked == ["traffic-signs-slow"] * 2:
            description["EndpointStatus"] = "InService"
        return description

    patch_created(monkeypatch, backend, "create_endpoint", endpoint_status="Creating")
    monkeypatch.setattr(backend, "describe_endpoint", later)
    done = cloud.deploy("traffic-signs-slow")
    assert done.returncode == 0, done.stderr
    assert asked == ["traffic-signs-slow"] * 2
    assert "in service: " in done.stdout

    cloud.record.unlink()
    code, error = cloud.interrupt("CreateEndpoint", "deploy", *deploy_options("traffic-signs-left"))
    assert code == 130, error
    assert error.endswith(leftover_message("traffic-signs-left", "1 x ml.c5.large day and night"))


def leftover_message(name: str, price: str) -> str:
    removal = f"python -m scripts.delete_endpoint {name}"
    return f"Error: interrupted; delete what was created, which may bill {price}: {removal}\n"


def test_ctrl_c_while_an_endpoint_is_made_says_what_may_be_left(cloud: Cloud) -> None:
    name = "traffic-signs-hasty"
    done = cloud.interrupt("CreateModel", "deploy", *deploy_options(name), "--serverless")
    assert done == (130, leftover_message(name, "by request"))
    assert "sagemaker:CreateEndpoint" not in dict(cloud.calls())


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
    failed = {"endpoint_status": "Failed", "failure_reason": "did not pass the ping health check"}
    patch_created(monkeypatch, sagemaker_backends[ACCOUNT][REGION], "create_endpoint", **failed)
    group = "/aws/sagemaker/Endpoints/traffic-signs-bad"
    cloud.logs.create_log_group(logGroupName=group)
    cloud.logs.create_log_stream(logGroupName=group, logStreamName="AllTraffic/i-1")
    event = {"timestamp": int(time.time() * 1000), "message": "exec /usr/local/bin/serve: exec format error"}
    cloud.logs.put_log_events(logGroupName=group, logStreamName="AllTraffic/i-1", logEvents=[event])
    done = cloud.deploy("traffic-signs-bad")
    assert done.returncode == 1
    assert "did not pass the ping health check" in done.stderr
    assert "exec format error" in done.stderr
    assert "likely cause: the first program is for another processor" in done.stderr
