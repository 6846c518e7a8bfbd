"""Every kind of endpoint that `deploy` creates: AWS calls, cost line, options that exclude each other."""

import http.server
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime.models import sagemakerruntime_backends

from scripts import deploy
from scripts.client.endpoint import Endpoint
from scripts.errors import Failure
from scripts.resources import model_source
from tests.aws.account.test_iam import denied
from tests.aws.cloud import BUCKET, ENDPOINT, IMAGE, REGION, ROLE, ROOT, Cloud

MODELS = "s3://sagemaker-models/traffic-signs/models/"
NEXT = "s3://sagemaker-models/traffic-signs/next/model.tar.gz"


def calls_of(cloud: Cloud, operation: str) -> list[dict[str, Any]]:
    return [parameters for name, parameters in cloud.calls() if name.endswith(f":{operation}")]


def test_a_folder_of_models_is_deployed_behind_one_endpoint(cloud: Cloud) -> None:
    name = "traffic-signs-many"
    folder = MODELS.rstrip("/")
    done = cloud.run(
        "deploy", "--image", IMAGE, "--role", ROLE, "--multi-model", folder, "--endpoint-name", name, "--yes"
    )
    assert done.returncode == 0, done.stderr
    assert f"--endpoint {name} --target-model FILE.tar.gz" in done.stdout
    [model] = calls_of(cloud, "CreateModel")
    assert model["PrimaryContainer"] == {
        "Image": IMAGE, "Environment": {}, "ModelDataUrl": MODELS, "Mode": "MultiModel"
    }  # fmt: skip
    assert cloud.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    assert not denied(cloud.calls())


def test_autoscaling_capture_and_isolation_come_and_go(cloud: Cloud) -> None:
    name = "traffic-signs-busy"
    done = cloud.deploy(name, "--autoscale", "2:6", "--invocations", 900, "--capture", 20, "--isolated")
    assert done.returncode == 0, done.stderr
    assert "2 to 6 x ml.c5.large and S3 storage for 20 % of the requests, until you delete it" in done.stdout
    assert calls_of(cloud, "CreateModel")[0]["EnableNetworkIsolation"]
    [configuration] = calls_of(cloud, "CreateEndpointConfig")
    assert configuration["ProductionVariants"][0]["InitialInstanceCount"] == 2
    assert configuration["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": f"s3://{BUCKET}/traffic-signs/captures/{name}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json", "application/jsonlines"],
        },
    }
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    assert calls_of(cloud, "RegisterScalableTarget") == [{**target, "MinCapacity": 2, "MaxCapacity": 6}]
    [policy] = calls_of(cloud, "PutScalingPolicy")
    assert policy == {
        **target,
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 900,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    }

    removed = cloud.run("delete_endpoint", name)
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.startswith(f"autoscaling of {name}: deleted")
    assert calls_of(cloud, "DeregisterScalableTarget") == [target]
    assert not denied(cloud.calls())
    assert "autoscaling" not in cloud.run("delete_endpoint", name).stdout


def test_a_shadow_model_gets_a_variant_of_its_own(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "traffic-signs-two"
    done = cloud.deploy(name, "--shadow-model", NEXT, "--capture", 100, "--capture-to", "s3://b/c", "--tag", "a=b")
    assert done.returncode == 0, done.stderr
    assert "2 x ml.c5.large" in done.stdout  # one instance each
    models = {model["ModelName"]: model["PrimaryContainer"] for model in calls_of(cloud, "CreateModel")}
    assert set(models) == {name, f"{name}-shadow"}
    assert models[f"{name}-shadow"]["ModelDataUrl"] == NEXT
    [configuration] = calls_of(cloud, "CreateEndpointConfig")
    [production], [shadow] = configuration["ProductionVariants"], configuration["ShadowProductionVariants"]
    assert (production["ModelName"], shadow["ModelName"]) == (name, f"{name}-shadow")
    assert production["VariantName"] != shadow["VariantName"]
    for variant in (production, shadow):
        assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.c5.large", 1)
    assert configuration["DataCaptureConfig"]["DestinationS3Uri"] == "s3://b/c"
    assert cloud.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    assert not denied(cloud.calls())

    # moto keeps no shadow variants
    describe = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION].describe_endpoint_config

    def with_shadow(endpoint_config_name: str) -> Any:
        return {**describe(endpoint_config_name), "ShadowProductionVariants": [shadow]}

    monkeypatch.setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "describe_endpoint_config", with_shadow)
    removed = cloud.run("delete_endpoint", name)
    assert removed.stdout.count(": deleted") == 4, removed.stdout + removed.stderr
    assert f"model {name}-shadow: deleted" in removed.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--serverless", "--capture", "5"), "--serverless and --capture exclude each other"),
        (("--serverless", "--multi-model", MODELS), "--serverless and --multi-model exclude each other"),
        (("--shadow-model", NEXT, "--autoscale", "1:2"), "--shadow-model and --autoscale exclude each other"),
        (("--async-output", "s3://b/o", "--autoscale", "1:2"), "--async-output and --autoscale exclude each other"),
        (("--multi-model", MODELS, "--instance-type", "ml.g4dn.xlarge"), "--multi-model on ml.g4dn.xlarge"),
        (("--multi-model", "models"), "--multi-model models: expected s3://"),
        (("--shadow-model", "model.tar.gz"), "--shadow-model model.tar.gz: expected s3://"),
        (("--autoscale", "4"), "--autoscale 4: expected MIN:MAX"),
        (("--autoscale", "4:2"), "--autoscale 4:2: expected MIN:MAX"),
        (("--capture", "0"), "--capture"),
        (("--capture-to", "s3://b/c"), "--capture-to needs --capture: add it, or omit --capture-to"),
        (("--memory-mb", "3072"), "--memory-mb needs --serverless: add it, or omit --memory-mb"),
        (("--invocations", "6000"), "--invocations needs --autoscale: add it, or omit --invocations"),
    ],
)
def test_options_that_exclude_each_other_are_refused_at_once(options: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(deploy.main, [*options, "--yes"])
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.usefixtures("synchronous_endpoint")
def test_invoke_names_the_model_of_a_multi_model_endpoint(cloud: Cloud) -> None:
    image = cloud.folder / "text.ppm"  # a text format, because moto decodes the body as UTF-8
    image.write_text("P3 1 1 255 9 9 9")
    runtime = sagemakerruntime_backends[DEFAULT_ACCOUNT_ID][REGION]
    answer = '{"predictions": [{"class_id": 1, "name": "one", "probability": 0.5}]}'
    runtime.results_queue.append((answer, "application/json", "AllTraffic", ""))
    words = cloud.command("invoke", "--endpoint", ENDPOINT, "--target-model", "germany.tar.gz", image)
    words[0] = sys.executable
    done = subprocess.run(words, cwd=ROOT, env=cloud.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [parameters] = calls_of(cloud, "InvokeEndpoint")
    assert (parameters["EndpointName"], parameters["TargetModel"]) == (ENDPOINT, "germany.tar.gz")


def test_invoke_names_a_model_of_a_container_in_its_path() -> None:
    asked_for: list[str] = []

    class Container(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked_for.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            content = b'{"predictions": []}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Container) as container:
        threading.Thread(target=container.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{container.server_port}/"
        assert Endpoint(url, target="a/b").predict(b"x", "image/png") == []
        assert Endpoint(url).predict(b"x", "image/png") == []
        container.shutdown()
    assert asked_for == ["/models/a%2Fb/invoke", "/invocations"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"status": "Completed"}'])
def test_a_damaged_file_of_the_job_is_reported(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "training-job.json"
    path.write_bytes(content)
    with pytest.raises(Failure, match=r"training-job\.json is damaged: train again"):
        model_source.find(None, job=None, job_file=path, model_data=None, image=None, role=None)
