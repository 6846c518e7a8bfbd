"""Options of `deploy` that SageMaker's SDK lacks: what AWS is asked for."""

from typing import Any

import pytest
from click.testing import CliRunner
from moto.sagemaker.models import FakeEndpointConfig

from scripts import deploy
from tests.aws.account.test_iam import denied
from tests.aws.cloud import IMAGE, MODEL, ROLE, Cloud

FOLDER = "s3://sagemaker-models/traffic-signs/next/"


def request(cloud: Cloud, operation: str) -> dict[str, Any]:
    [parameters] = [parameters for name, parameters in cloud.calls() if name == f"sagemaker:{operation}"]
    return parameters


def test_hosts_are_asked_for_as_the_options_say(cloud: Cloud) -> None:
    done = cloud.deploy(
        "traffic-signs-hosts", "--startup-timeout", 600, "--download-timeout", 900, "--routing", "least-outstanding",
        "--observability", "--instance-type", "ml.g4dn.xlarge",
        "--inference-ami", "al2023-ami-sagemaker-inference-gpu-4-1", "--shadow-model", MODEL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    configuration = request(cloud, "CreateEndpointConfig")
    assert configuration["MetricsConfig"] == {"EnableDetailedObservability": True}
    for variant in (*configuration["ProductionVariants"], *configuration["ShadowProductionVariants"]):
        assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 600
        assert variant["ModelDataDownloadTimeoutInSeconds"] == 900
        assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
        assert variant["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
    assert not denied(cloud.calls())


def test_other_instance_types_are_the_fallback_in_their_order(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # moto expects InstanceType, which AWS's instance pools replace
    monkeypatch.setattr(FakeEndpointConfig, "validate_production_variants", lambda *_: None)
    done = cloud.deploy("traffic-signs-pools", "--fallback-type", "ml.c6i.large", "--fallback-type", "ml.m5.large")
    assert done.returncode == 0, done.stderr
    assert "1 x ml.c5.large or ml.c6i.large or ml.m5.large, until you delete it" in done.stdout
    [variant] = request(cloud, "CreateEndpointConfig")["ProductionVariants"]
    assert "InstanceType" not in variant
    assert variant["InstancePools"] == [
        {"InstanceType": "ml.c5.large", "Priority": 1},
        {"InstanceType": "ml.c6i.large", "Priority": 2},
        {"InstanceType": "ml.m5.large", "Priority": 3},
    ]


def test_a_folder_is_an_uncompressed_model(cloud: Cloud) -> None:
    name = "traffic-signs-folder"
    done = cloud.run(
        "deploy", "--image", IMAGE, "--role", ROLE, "--model-data", FOLDER, "--endpoint-name", name, "--yes",
        "--additional-model", "words=s3://b/words.tar.gz", "--additional-model", f"more={FOLDER}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    container = request(cloud, "CreateModel")["PrimaryContainer"]
    uncompressed = {"S3Uri": FOLDER, "S3DataType": "S3Prefix", "CompressionType": "None"}
    archive = {"S3Uri": "s3://b/words.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip"}
    assert container == {
        "Image": IMAGE,
        "Environment": {},
        "ModelDataSource": {"S3DataSource": uncompressed},
        "AdditionalModelDataSources": [
            {"ChannelName": "words", "S3DataSource": archive},
            {"ChannelName": "more", "S3DataSource": uncompressed},
        ],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--serverless", "--routing", "random"), "--serverless and --routing exclude each other"),
        (("--serverless", "--fallback-type", "ml.c6i.large"), "--serverless and --fallback-type exclude each other"),
        (("--multi-model", FOLDER, "--fallback-type", "ml.m5.large"), "--multi-model and --fallback-type exclude"),
        (("--startup-timeout", "59"), "59 is not in the range 60<=x<=3600"),
        (("--fallback-type", "ml.c6i.large") * 2, "--fallback-type: expected at most 4 different types"),
        (("--additional-model", "words=words.tar.gz"), "--additional-model words: words.tar.gz: expected s3://"),
        (("--additional-model", "words"), "'words' is not KEY=VALUE"),
        (("--async-output", "s3://"), "--async-output s3://: expected s3://BUCKET/FOLDER"),
        (("--shadow-model", "s3://bucket"), "--shadow-model s3://bucket: expected s3://BUCKET/KEY"),
        (("--tag", "=signs"), "'=signs' is not KEY=VALUE"),
        (("--tag", "team=a", "--tag", "team=b"), "team is there twice, with 'a' and 'b'"),
        (("--tag", "aws:team=a"), "--tag aws:team=a: AWS takes"),
        (("--tag", "team=a&b"), "--tag team=a&b: AWS takes"),
        (("--endpoint-name", "mine"), "--endpoint-name mine: expected traffic-signs or traffic-signs-..."),
        (("--endpoint-name", "traffic-signs_1"), "--endpoint-name traffic-signs_1: expected"),
        (("--endpoint-name", "traffic-signs-"), "no hyphen at the end"),
        (("--endpoint-name", f"traffic-signs-{'a' * 50}"), "with at most 63 letters"),
        (("--endpoint-name", f"traffic-signs-{'a' * 43}", "--shadow-model", MODEL), "with at most 56 letters"),
    ],
)
def test_what_aws_would_refuse_is_refused_at_once(options: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(deploy.main, [*options, "--yes"])
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("deploy", ("--instance-type", "c5.large"), "c5.large is no instance type of SageMaker"),
        ("deploy", ("--fallback-type", "m5.large"), "m5.large is no instance type of SageMaker"),
        ("deploy", ("--model-data", "model.tar.gz"), "--model-data model.tar.gz: expected s3://BUCKET/KEY"),
        ("deploy", ("--model-data", "s3://bucket"), "--model-data s3://bucket: expected s3://BUCKET/KEY"),
        ("deploy", ("--job", "mine"), "--model-data and --job exclude each other"),
        ("register", ("--group", "mine"), "--group mine: expected traffic-signs or traffic-signs-..."),
        ("register", ("--model-data", FOLDER), f"{FOLDER} is a folder, and the registry takes none"),
    ],
)
def test_a_mistyped_value_is_refused_before_anything_is_made(
    cloud: Cloud, command: str, options: tuple[str, ...], words: str
) -> None:
    done = cloud.run(command, "--image", IMAGE, "--role", ROLE, "--model-data", MODEL, *options, YES="1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr
    assert not [name for name, _ in cloud.calls() if name.partition(":")[2].startswith(("Create", "Put"))]


def test_a_serverless_endpoint_takes_no_folder(cloud: Cloud) -> None:
    done = cloud.run("deploy", "--image", IMAGE, "--role", ROLE, "--model-data", FOLDER, "--serverless", "--yes")
    assert done.returncode == 2
    assert f"{FOLDER} is a folder, and a serverless endpoint takes none: give a model.tar.gz" in done.stderr


def test_instance_types_with_and_without_a_gpu_have_no_hosts_in_common(cloud: Cloud) -> None:
    done = cloud.deploy("traffic-signs-mixed", "--fallback-type", "ml.g5.xlarge")
    assert done.returncode == 2
    assert "ml.c5.large, ml.g5.xlarge: types with and without a GPU need different hosts" in done.stderr
    assert not [name for name, _ in cloud.calls() if ":Create" in name and "Bucket" not in name]
