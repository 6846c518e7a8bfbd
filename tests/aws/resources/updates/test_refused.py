"""Updates that cannot be are refused in one line, before anything is changed."""

from typing import Any

import pytest

from tests.aws.cloud import IMAGE, MODEL
from tests.aws.resources.updates.conftest import NAME, NEXT_IMAGE, NEXT_MODEL, Account


def refusal(account: Account, *arguments: Any, command: str = "update") -> str:
    done = account.run(command, *arguments, "--yes")
    assert done.returncode == 2, done.stdout + done.stderr
    assert account.changed() == []
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1]


def test_a_second_update_while_one_runs(account: Account) -> None:
    account.sagemaker.create_endpoint_config(
        EndpointConfigName="other", ProductionVariants=[account.variant(NAME) | {"InitialInstanceCount": 3}]
    )
    account.sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="other")
    account.hosting.paused = True
    for command, options in (("update", ["--model-data", NEXT_MODEL]), ("rollback", [])):
        error = refusal(account, NAME, *options, command=command)
        assert error == (
            f"Error: {NAME} is Updating, and SageMaker changes one thing at a time: wait for its end with"
            f" python -m scripts.status --follow {NAME}"
        )


@pytest.mark.parametrize("status", ["Creating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_that_is_busy_otherwise(account: Account, status: str) -> None:
    account.hosting.endpoints[NAME].status = status
    account.hosting.paused = True
    assert f"{NAME} is {status}, and SageMaker changes one thing at a time" in refusal(account, NAME)


def test_a_failed_endpoint_can_only_be_deleted(account: Account) -> None:
    endpoint = account.hosting.endpoints[NAME]
    endpoint.status, endpoint.reason = "Failed", "no capacity"
    error = refusal(account, NAME, "--instance-count", 3)
    assert error.endswith(f"is Failed (no capacity) and can only be deleted: python -m scripts.delete_endpoint {NAME}")


def test_an_update_to_what_the_endpoint_has(account: Account) -> None:
    error = refusal(account, NAME, "--image", IMAGE, "--model-data", MODEL, "--instance-count", 2)
    assert error == f"Error: {NAME} has this image, model, instance type and count already: nothing to update"


def test_the_same_image_by_its_digest_is_no_change(account: Account) -> None:
    digest = f"sha256:{'0' * 64}"
    account.hosting.digests[IMAGE] = digest
    assert "nothing to update" in refusal(account, NAME, "--image", f"{IMAGE.partition(':')[0]}@{digest}")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--canary", 20, "--linear", 20), "--canary and --linear exclude each other"),
        (("--canary", 51), "51 is not in the range 1<=x<=50"),
        (("--linear", 9), "9 is not in the range 10<=x<=50"),
        (("--rolling", 4), "4 is not in the range 5<=x<=50"),
        (("--max-p95", "nan"), "'--max-p95': nan is no finite number"),
        (("--bake", 3601), "3601 is not in the range 60<=x<=3600"),
        (("--linear", 10, "--bake", 3600), "10 steps take 10 h of waiting, SageMaker allows less than 8 h"),
        (("--instance-count", 1, "--canary", 50), "--canary needs at least 2 instances"),
        (("--job", "a", "--model-data", MODEL), "--model-data and --job exclude each other"),
        (("--approved", "g", "--model-data", MODEL), "--model-data and --approved exclude each other"),
        (("--approved", "g", "--job-file", "j.json"), "--approved and --job-file exclude each other"),
        (("--model-data", "model.tar.gz"), "expected s3://BUCKET/KEY"),
        (("--job-file", "/nowhere.json"), "/nowhere.json does not exist"),
        (("--image", IMAGE.replace("us-east-1", "eu-west-1")), "the region in use is us-east-1"),
    ],
)
def test_options_that_do_not_fit(account: Account, options: tuple[Any, ...], words: str) -> None:
    assert words in refusal(account, NAME, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--instance-count", 2), "--instance-count: traffic-signs-small is serverless and has no instances"),
        (("--model-data", NEXT_MODEL, "--canary", 20), "--canary: a serverless endpoint is updated all at once"),
    ],
)
def test_options_that_a_serverless_endpoint_lacks(account: Account, options: tuple[Any, ...], words: str) -> None:
    account.create("traffic-signs-small", ServerlessConfig={"MemorySizeInMB": 2048, "MaxConcurrency": 5})
    assert words in refusal(account, "traffic-signs-small", *options)


def test_one_model_is_no_folder_of_models(account: Account) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/models/", "Mode": "MultiModel"}
    account.sagemaker.create_model(ModelName=NAME, PrimaryContainer=container)
    error = refusal(account, NAME, "--model-data", NEXT_MODEL)
    assert f"{NAME} serves the models in s3://bucket/models/, not one" in error


def test_an_endpoint_that_deploy_did_not_make(account: Account) -> None:
    variants = [account.variant(NAME) | {"VariantName": name} for name in "AB"]
    account.sagemaker.create_endpoint_config(EndpointConfigName="two", ProductionVariants=variants)
    account.sagemaker.create_endpoint(EndpointName="two", EndpointConfigName="two")
    account.hosting.endpoints["two"].status = "InService"
    assert "configuration two has 2 variants" in refusal(account, "two", "--image", NEXT_IMAGE)


def test_names_that_are_nowhere(account: Account) -> None:
    assert refusal(account, "traffic-signs-gone") == "Error: us-east-1 has no endpoint traffic-signs-gone"
    del account.hosting.configurations[NAME]
    account.hosting.endpoints[NAME].counts = {}


def test_a_name_too_long_for_its_updates(account: Account) -> None:
    name = f"traffic-signs-{'x' * 40}"
    account.create(name)
    assert "54 characters; names of updates add 16, and SageMaker allows 63" in refusal(
        account, name, "--instance-count", 3
    )
