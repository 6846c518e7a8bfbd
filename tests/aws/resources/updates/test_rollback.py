"""Back to the configuration before an update, the state of an endpoint, and its end."""

import json

from tests.aws.account.test_iam import denied
from tests.aws.cloud import IMAGE, MODEL
from tests.aws.options.test_json import FIELDS
from tests.aws.resources.updates.conftest import NAME, NEXT_IMAGE, NEXT_MODEL, Account, let_a_second_pass


def update(account: Account, *options: object) -> str:
    done = account.run("update", NAME, *options, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["configuration"])


def current(account: Account) -> str:
    return str(account.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"])


def test_an_update_is_undone_step_by_step_and_done_again(account: Account) -> None:
    first = update(account, "--image", NEXT_IMAGE)
    let_a_second_pass()
    second = update(account, "--instance-count", 3)
    done = account.run("rollback", NAME, "--yes")
    assert done.returncode == 0, done.stderr
    assert current(account) == first
    assert done.stdout.endswith(f"forward again: python -m scripts.rollback --to {second} {NAME}\n")
    assert account.sent("UpdateEndpoint")[-1] == {"EndpointName": NAME, "EndpointConfigName": first}
    assert account.run("rollback", NAME, "--yes").returncode == 0
    assert current(account) == NAME
    over = account.run("rollback", NAME, "--yes")
    assert over.returncode == 2
    assert f"{NAME} had no configuration before {NAME}" in over.stderr
    again = account.run("rollback", "--to", second, NAME, "--yes")
    assert again.returncode == 0, again.stderr
    assert current(account) == second
    assert account.run("rollback", "--to", second, NAME, "--yes").returncode == 2
    assert not denied(account.calls())


def test_a_rollback_keeps_the_number_of_instances_that_autoscaling_chose(account: Account) -> None:
    update(account, "--image", NEXT_IMAGE)
    account.hosting.endpoints[NAME].counts = {"AllTraffic": 7}
    done = account.run("rollback", NAME, "--yes")
    assert done.returncode == 0, done.stderr
    assert "7 x ml.c5.large" in done.stdout
    [variant] = account.sagemaker.describe_endpoint(EndpointName=NAME)["ProductionVariants"]
    assert variant["DesiredInstanceCount"] == 7


def test_lineage_follows_the_model(account: Account) -> None:
    arn = account.hosting.endpoints[NAME].arn

    def lineage() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in account.sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    old = [{"Key": "training-job", "Value": "old"}, {"Key": "team", "Value": "signs"}]
    for kind in ("endpoint", "endpoint-config"):
        account.hosting.tags[f"{account.hosting.prefix}:{kind}/{NAME}"] = old
    update(account, "--instance-count", 3)
    assert lineage() == {"training-job": "old", "team": "signs"}
    assert account.run("rollback", NAME, "--yes").returncode == 0
    let_a_second_pass()
    update(account, "--model-data", NEXT_MODEL)
    assert lineage() == {"team": "signs"}
    assert account.run("rollback", NAME, "--yes").returncode == 0
    assert lineage() == {"team": "signs", "training-job": "old"}
    assert not denied(account.calls())


def test_the_newest_approved_version_comes_with_its_lineage(account: Account) -> None:
    group = "traffic-signs-updates"
    account.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn = account.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"training-job": "new", "data-fingerprint": "f00d"},
        InferenceSpecification={
            "Containers": [{"Image": NEXT_IMAGE, "ModelDataUrl": NEXT_MODEL}],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.c5.large"],
        },
    )["ModelPackageArn"]
    configuration = update(account, "--approved", group)
    lineage = {"training-job": "new", "data-fingerprint": "f00d", "model-package": arn}
    for name in (f"endpoint/{NAME}", f"endpoint-config/{configuration}"):
        tags = account.sagemaker.list_tags(ResourceArn=f"{account.hosting.prefix}:{name}")["Tags"]
        assert lineage.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items()
    other = account.run("update", NAME, "--approved", group, "--instance-type", "ml.c5.xlarge", "--yes")
    assert other.returncode == 2
    assert "is registered for ml.c5.large, not for ml.c5.xlarge" in other.stderr


def test_a_configuration_that_is_gone_is_told(account: Account) -> None:
    update(account, "--image", NEXT_IMAGE)
    account.sagemaker.delete_endpoint_config(EndpointConfigName=NAME)
    done = account.run("rollback", NAME, "--yes")
    assert done.returncode == 2
    assert done.stderr == f"Error: us-east-1 has no configuration {NAME}\n"


def test_status_says_what_runs_and_what_was_before(account: Account) -> None:
    done = account.run("status", NAME, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["digest"].startswith("sha256:")
    assert set(found) == FIELDS["status"]
    assert {**found, "digest": "", "changed": ""} == {
        "endpoint": NAME, "status": "InService", "reason": None, "image": IMAGE, "digest": "", "model": MODEL,
        "instances": "2 x ml.c5.large", "configuration": NAME, "previous": None, "expiry": None, "changed": "",
        "alarms": {}, "doing": f"InService with {NAME}",
    }  # fmt: skip
    update(account, "--model-data", NEXT_MODEL)
    lines = account.run("status", NAME).stdout.splitlines()
    assert f"previous       {NAME}" in lines
    assert f"model          {NEXT_MODEL}" in lines


def test_an_expiry_that_cannot_be_read_does_not_hide_the_endpoint(account: Account) -> None:
    nobody = "http://127.0.0.1:9"  # the discard port
    done = account.run("status", NAME, AWS_ENDPOINT_URL_SCHEDULER=nobody, AWS_MAX_ATTEMPTS="1")
    assert done.returncode == 0, done.stderr
    assert f"image          {IMAGE}\n" in done.stdout
    assert "expiry         unknown: " in done.stdout


def test_status_shows_the_share_of_the_traffic_during_an_update(account: Account) -> None:
    code, _ = account.interrupt("UpdateEndpoint", "update", NAME, "--model-data", NEXT_MODEL, "--canary", 50, "--yes")
    assert code == 130
    for _ in range(2):
        account.status()
    account.hosting.paused = True
    done = account.run("status", NAME)
    assert done.returncode == 0, done.stderr
    assert "Updating: 50 % (1 of 2 instances) of the traffic on" in done.stdout
    assert f"alarm {NAME}-p95" in done.stdout
    account.hosting.paused = False


def test_deletion_finds_the_configurations_and_models_of_all_updates(account: Account) -> None:
    account.create(f"{NAME}-too")
    updated = update(account, "--image", NEXT_IMAGE)
    done = account.run("delete_endpoint", NAME)
    assert done.returncode == 0, done.stderr
    assert set(account.hosting.configurations) == {f"{NAME}-too"}
    for part in (f"configuration {NAME}", f"configuration {updated}", f"model {NAME}", f"model {updated}"):
        assert f"{part}: deleted\n" in done.stdout
    assert account.status(f"{NAME}-too") == "InService"
    assert not denied(account.calls())
