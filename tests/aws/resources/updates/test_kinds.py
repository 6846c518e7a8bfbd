"""Endpoints with several instance types, a folder as model, a shadow; what the inventory says after an update."""

import json
import subprocess
from typing import Any

import pytest

from tests.aws.cloud import IMAGE, MODEL, REGION, ROLE
from tests.aws.fake import services
from tests.aws.resources.updates.conftest import NAME, NEXT_IMAGE, NEXT_MODEL, Account, let_a_second_pass

POOLS = [{"InstanceType": "ml.m5.large", "Priority": 2}, {"InstanceType": "ml.c5.large", "Priority": 1}]
FOLDER = "s3://bucket/models/next/"
SOURCE = {"S3DataSource": {"S3Uri": FOLDER, "S3DataType": "S3Prefix", "CompressionType": "None"}}


def test_an_endpoint_keeps_its_several_instance_types(account: Account) -> None:
    name = "traffic-signs-any"
    account.create(name, InstancePools=POOLS, InitialInstanceCount=2)
    assert "2 x ml.c5.large or ml.m5.large\n" in account.run("status", name).stdout
    done = account.run("update", name, "--image", NEXT_IMAGE, "--instance-count", 3, "--yes")
    assert done.returncode == 0, done.stderr
    assert "3 x ml.c5.large or ml.m5.large and, while the update runs, up to 2 x" in done.stdout
    [variant] = account.sent("CreateEndpointConfig")[-1]["ProductionVariants"]
    assert (variant["InstancePools"], variant["InitialInstanceCount"]) == (POOLS, 3)
    assert "InstanceType" not in variant
    assert account.run("rollback", name, "--yes").returncode == 0
    refused = account.run("update", name, "--instance-type", "ml.m5.large")
    assert refused.returncode == 2
    assert "runs on ml.c5.large or ml.m5.large, and an update keeps that" in refused.stderr


@pytest.mark.parametrize("answer", [{"ModelDataSource": SOURCE, "ModelDataUrl": FOLDER}, {"ModelDataSource": SOURCE}])
def test_a_folder_stays_a_folder(account: Account, answer: dict[str, Any]) -> None:
    account.sagemaker.delete_model(ModelName=NAME)
    account.sagemaker.create_model(
        ModelName=NAME, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE, **answer}
    )  # fmt: skip
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert done.returncode == 0, done.stderr
    [model] = account.sent("CreateModel")
    assert model["PrimaryContainer"] == {"Image": NEXT_IMAGE, "ModelDataSource": SOURCE}


def test_a_folder_takes_the_place_of_an_archive_and_the_other_way_round(account: Account) -> None:
    for uri in (FOLDER, NEXT_MODEL):
        assert account.run("update", NAME, "--model-data", uri, "--image", IMAGE, "--yes").returncode == 0
        let_a_second_pass()
    folder, archive = (model["PrimaryContainer"] for model in account.sent("CreateModel"))
    assert (folder["ModelDataSource"], folder.get("ModelDataUrl")) == (SOURCE, None)
    assert (archive["ModelDataUrl"], archive.get("ModelDataSource")) == (NEXT_MODEL, None)


def test_the_instances_of_a_shadow_are_confirmed_too(account: Account) -> None:
    shadow = {"VariantName": "Shadow", "ModelName": NAME, "InstanceType": "ml.c5.large", "InitialInstanceCount": 2}
    account.hosting.configurations[NAME]["ShadowProductionVariants"] = [shadow]
    rolling = account.run("update", NAME, "--model-data", NEXT_MODEL, "--rolling", 50)
    assert (rolling.returncode, account.changed()) == (2, [])
    assert "--rolling: SageMaker has it for a single variant" in rolling.stderr
    done = account.run("update", NAME, "--model-data", NEXT_MODEL, "--linear", 50, "--yes")
    assert done.returncode == 0, done.stderr
    assert "2 x ml.c5.large, and its shadow, 2 x ml.c5.large and, while the update runs" in done.stdout
    assert account.sent("CreateEndpointConfig")[0]["ShadowProductionVariants"] == [shadow]
    assert account.sagemaker.describe_model(ModelName=NAME)["PrimaryContainer"]["ModelDataUrl"] == MODEL


def test_a_serverless_endpoint_gets_no_folder(account: Account) -> None:
    name = "traffic-signs-small"
    account.create(name, ServerlessConfig={"MemorySizeInMB": 2048, "MaxConcurrency": 5})
    done = account.run("update", name, "--model-data", FOLDER, "--yes")
    assert (done.returncode, account.changed()) == (2, [])
    assert f"{FOLDER} is a folder, and a serverless endpoint takes none" in done.stderr


def test_the_inventory_keeps_what_a_rollback_needs_and_deletes_it_with_the_endpoint(account: Account) -> None:
    name = "traffic-signs-kept"
    account.create(name)
    assert account.run("update", name, "--image", NEXT_IMAGE, "--yes").returncode == 0

    def inventory(*options: str) -> "subprocess.CompletedProcess[str]":
        with services.serving("pricing", GetProducts=services.price_list({}, REGION)) as url:
            return account.run("inventory", *options, AWS_ENDPOINT_URL_PRICING=url)

    def states() -> dict[tuple[str, str], str]:
        items = json.loads(inventory("--json").stdout)["items"]
        return {(item["kind"], item["name"]): item["status"] for item in items if item["name"].startswith(name)}

    assert states() == {("endpoint", name): "InService", ("configuration", name): "kept", ("model", name): "kept"}
    assert f"for updates and rollbacks of {name}, and deleted with it; bills nothing" in inventory().stdout
    assert account.run("rollback", name, "--yes").returncode == 0
    assert set(states().values()) == {"InService", "kept"}
    done = inventory("--delete", name, "--yes")
    assert (done.returncode, done.stderr) == (0, f"delete: endpoint {name}\n")
    assert states() == {}
