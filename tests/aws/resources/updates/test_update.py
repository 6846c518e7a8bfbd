"""An endpoint is updated: what AWS is asked for, how the traffic moves, what is left."""

import json
import re
from typing import Any

import pytest

from tests.aws.account.test_iam import denied
from tests.aws.cloud import IMAGE, MODEL, ROLE
from tests.aws.options.test_json import FIELDS
from tests.aws.resources.updates.conftest import NAME, NEXT_IMAGE, NEXT_MODEL, Account, let_a_second_pass

ALARMS = [f"{NAME}-5xx", f"{NAME}-errors", f"{NAME}-p95"]


def size(percent: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": percent}


def blue_green(routing: dict[str, Any], bake: int, limit: int) -> dict[str, Any]:
    limits = {"TerminationWaitInSeconds": bake, "MaximumExecutionTimeoutInSeconds": limit}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **limits}}


def test_a_canary_shows_the_share_of_the_traffic_and_ends_with_the_new_model(account: Account) -> None:
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--model-data", NEXT_MODEL, "--canary", 50, "--yes")
    assert done.returncode == 0, done.stderr
    configuration = account.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"]
    assert re.fullmatch(rf"{NAME}-u\d{{14}}", configuration)
    share = rf"Updating: (\d+) % \((\d) of 2 instances\) of the traffic on {configuration}; (\w+)"
    assert re.findall(share, done.stdout) == [
        ("50", "1", "Activating"), ("50", "1", "Baking"), ("100", "2", "Activating"), ("100", "2", "Baking")
    ]  # fmt: skip
    assert done.stdout.endswith(f"in service with {configuration}; back to {NAME}: python -m scripts.rollback {NAME}\n")
    variant = account.variant(configuration)
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.c5.large", 2)
    model = account.sagemaker.describe_model(ModelName=variant["ModelName"])
    assert model["PrimaryContainer"] == {"Image": NEXT_IMAGE, "ModelDataUrl": NEXT_MODEL, "Environment": {}}
    assert model["ExecutionRoleArn"] == ROLE
    assert not denied(account.calls())


def test_what_changes_is_shown_before_anything_is_asked_for_or_done(account: Account) -> None:
    account.hosting.digests[IMAGE] = f"sha256:{'1a2b' * 16}"
    done = account.run("update", NAME, "--model-data", NEXT_MODEL, "--instance-count", 3)
    assert done.returncode == 2
    assert "cannot ask for confirmation without a terminal" in done.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line[0] == "│"]
    assert rows == [
        ["image", "traffic-signs:abc sha256:1a2b1a2b1a2b", "the same"],
        ["model", MODEL, NEXT_MODEL],
        ["instance type", "ml.c5.large", "the same"],
        ["instances", "2", "3"],
    ]
    assert "3 x ml.c5.large and, while the update runs, up to 2 x ml.c5.large besides, as long as" in done.stdout
    assert account.changed() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), blue_green({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}, 300, 3900)),
        (
            ("--canary", 25, "--bake", 600),
            blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 600, "CanarySize": size(25)}, 600, 4800),
        ),
        (
            ("--linear", 50, "--bake", 60),
            blue_green({"Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": size(50)}, 60, 3720),
        ),
        (
            ("--rolling", 50),
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": size(50),
                    "WaitIntervalInSeconds": 300,
                    "MaximumExecutionTimeoutInSeconds": 4200,
                }
            },
        ),
    ],
)
def test_each_way_of_shifting_traffic_names_the_alarms(
    account: Account, options: tuple[Any, ...], expected: dict[str, Any]
) -> None:
    done = account.run("update", NAME, "--instance-count", 4, *options, "--yes")
    assert done.returncode == 0, done.stderr
    [update] = account.sent("UpdateEndpoint")
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in ALARMS]}}
    assert update["DeploymentConfig"] == {**expected, **rollback}


def test_alarms_watch_the_new_instances_only_and_go_when_they_have_done_their_work(account: Account) -> None:
    limits = ("--max-5xx", 2, "--max-errors", 10, "--max-p95", 250)
    done = account.run("update", NAME, "--instance-count", 3, *limits, "--yes")
    assert done.returncode == 0, done.stderr
    [update] = account.sent("UpdateEndpoint")
    watched = account.sent("PutMetricAlarm")
    new = [
        {"Name": "EndpointName", "Value": NAME},
        {"Name": "VariantName", "Value": "AllTraffic"},
        {"Name": "EndpointConfigName", "Value": update["EndpointConfigName"]},
    ]
    assert [alarm["Dimensions"] for alarm in watched] == [new] * 3
    assert [(alarm["AlarmName"], alarm["MetricName"], alarm["Threshold"]) for alarm in watched] == [
        (ALARMS[0], "Invocation5XXErrors", 0.02),
        (ALARMS[1], "InvocationModelErrors", 0.1),
        (ALARMS[2], "ModelLatency", 250_000),  # microseconds
    ]
    assert [alarm.get("ExtendedStatistic", alarm.get("Statistic")) for alarm in watched] == ["Average"] * 2 + ["p95"]
    order = [name.partition(":")[2] for name in account.changed()]
    assert order == [
        "CreateEndpointConfig", *["PutMetricAlarm"] * 3, "UpdateEndpoint", "DeleteAlarms"
    ]  # fmt: skip


def test_an_alarm_of_an_earlier_update_does_not_stop_this_one(account: Account) -> None:
    """An alarm that is put anew keeps its state, which may be ALARM."""
    alarm = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Period": 60, "EvaluationPeriods": 1}
    alarm |= {"Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "ExtendedStatistic": "p95"}
    account.cloudwatch.put_metric_alarm(AlarmName=ALARMS[2], **alarm)
    account.cloudwatch.set_alarm_state(AlarmName=ALARMS[2], StateValue="ALARM", StateReason="slow")
    done = account.run("update", NAME, "--instance-count", 3, "--yes")
    assert done.returncode == 0, done.stderr


def test_what_no_option_names_stays_as_it_is(account: Account) -> None:
    """The count that autoscaling chose, the model, the tags, the host's image."""
    account.hosting.endpoints[NAME].counts["AllTraffic"] = 5
    done = account.run("update", NAME, "--instance-type", "ml.g4dn.xlarge", "--yes")
    assert done.returncode == 0, done.stderr
    [made] = account.sent("CreateEndpointConfig")
    assert made["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": NAME,
            "InstanceType": "ml.g4dn.xlarge",
            "InitialInstanceCount": 5,
            "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-3-1",
        }
    ]
    assert made["Tags"] == [{"Key": "team", "Value": "signs"}, {"Key": "previous-configuration", "Value": NAME}]
    assert not account.sent("CreateModel")
    let_a_second_pass()
    assert account.run("update", NAME, "--instance-type", "ml.c5.large", "--yes").returncode == 0
    assert "InferenceAmiVersion" not in account.sent("CreateEndpointConfig")[1]["ProductionVariants"][0]


def test_a_serverless_endpoint_is_updated_all_at_once_without_alarms(account: Account) -> None:
    name = "traffic-signs-small"
    account.create(name, ServerlessConfig={"MemorySizeInMB": 2048, "MaxConcurrency": 5})
    done = account.run("update", name, "--model-data", NEXT_MODEL, "--yes")
    assert done.returncode == 0, done.stderr
    assert "traffic: all at once, without alarms" in done.stdout
    assert "serverless, 2048 MB" in done.stdout
    [update] = account.sent("UpdateEndpoint")
    assert set(update) == {"EndpointName", "EndpointConfigName"}
    assert account.status(name) == "InService"


def test_deploy_with_update_is_the_same_command(account: Account) -> None:
    done = account.run("deploy", "--update", NAME, "--instance-count", 3, "--rolling", 33, "--yes")
    assert done.returncode == 0, done.stderr
    assert "RollingUpdatePolicy" in account.sent("UpdateEndpoint")[0]["DeploymentConfig"]


def test_without_an_option_the_last_trained_model_is_deployed(account: Account) -> None:
    job = {"name": "j", "status": "Completed", "image": NEXT_IMAGE, "role": ROLE, "artifact": NEXT_MODEL}
    path = account.folder / "training-job.json"
    path.write_text(json.dumps(job))
    done = account.run("update", NAME, "--job-file", path, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["previous"] == NAME
    assert result["changes"]["model"] == [MODEL, NEXT_MODEL]
    assert set(result["changes"]) == {"image", "model"}
    assert set(result) == FIELDS["update"]


def test_a_dry_run_prints_the_requests_and_sends_none(account: Account) -> None:
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--dry-run")
    assert done.returncode == 0, done.stderr
    requests = [json.loads(line) for line in done.stdout.splitlines()]
    assert [request["operation"] for request in requests] == [
        "CreateModel", "CreateEndpointConfig", *["PutMetricAlarm"] * 3, "UpdateEndpoint"
    ]  # fmt: skip
    assert (account.status(), list(account.hosting.configurations)) == ("InService", [NAME])
