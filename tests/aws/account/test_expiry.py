"""`deploy --expires`: AWS itself deletes the endpoint when its time is over."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.scheduler.models import scheduler_backends

from scripts import deploy
from scripts.aws.session import Account
from scripts.billing import expiry
from tests.aws.account.test_iam import allows, denied
from tests.aws.cloud import ACCOUNT, REGION, Cloud

SCHEDULER = f"arn:aws:iam::{ACCOUNT}:role/traffic-signs-scheduler"


def account_of(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Account:
    for key, value in cloud.environment.items():
        monkeypatch.setenv(key, value)
    return Account(boto3.Session(region_name=REGION), REGION, ACCOUNT)


def test_an_endpoint_expires_and_its_deletion_takes_the_schedule_away(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, before = "traffic-signs-short", datetime.now(UTC).replace(microsecond=0)
    done = cloud.deploy(name, "--expires", "2h", SCHEDULER_ROLE=SCHEDULER)
    assert done.returncode == 0, done.stderr
    assert "1 x ml.c5.large, for at most 2 h" in done.stdout
    schedule = cloud.client("scheduler").get_schedule(Name=name)
    at = datetime.strptime(schedule["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert before <= at - timedelta(hours=2) <= datetime.now(UTC)
    assert f"expires: {at:%Y-%m-%d %H:%M} UTC, in 2 h 0 min" in done.stdout
    assert (schedule["ScheduleExpressionTimezone"], schedule["ActionAfterCompletion"]) == ("UTC", "DELETE")
    assert schedule["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"
    # what EventBridge Scheduler would do at that time, with that role
    assert allows(["scheduler-role-policy.json"], "sagemaker:DeleteEndpoint",
                  f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}")  # fmt: skip
    account = account_of(cloud, monkeypatch)
    assert expiry.describe(account, name).startswith(f"{at:%Y-%m-%d %H:%M} UTC, in ")
    operations = [name for name, _ in cloud.calls()]
    assert operations.index("scheduler:CreateSchedule") < operations.index("sagemaker:CreateModel")
    assert not denied(cloud.calls())

    assert f"expiry of {name}: deleted" in cloud.run("delete_endpoint", name).stdout
    assert expiry.describe(account, name) == ""
    assert "expiry" not in cloud.run("delete_endpoint", name).stdout
    assert json.loads(schedule["Target"]["Input"]) == {"EndpointName": name}


def test_a_schedule_that_is_left_does_not_delete_a_later_endpoint_of_the_name(cloud: Cloud) -> None:
    name = "traffic-signs-again"
    client = cloud.client("scheduler")
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint", "RoleArn": SCHEDULER, "Input": "{}"}
    client.create_schedule(Name=name, ScheduleExpression="at(2100-01-01T00:00:00)", ScheduleExpressionTimezone="UTC",
                           FlexibleTimeWindow={"Mode": "OFF"}, Target=target)  # fmt: skip
    done = cloud.deploy(name)
    assert done.returncode == 2
    assert f"a schedule deletes {name} 2100-01-01 00:00 UTC: choose another name, or python -m" in done.stderr
    assert not [operation for operation, _ in cloud.calls() if ":Create" in operation]
    client.delete_schedule(Name=name)


def test_a_role_that_the_scheduler_must_not_take_stops_the_command_before_anything_bills(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.scheduler.exceptions import ValidationException  # noqa: PLC0415 # slow

    def refuse(**_: Any) -> None:
        raise ValidationException("The execution role you provide must allow AWS EventBridge Scheduler to assume it.")

    monkeypatch.setattr(scheduler_backends[DEFAULT_ACCOUNT_ID][REGION], "create_schedule", refuse)
    done = cloud.deploy("traffic-signs-norole", "--expires", "2h", "--scheduler-role", SCHEDULER)
    assert done.returncode == 1
    assert "execution role you provide must allow" in done.stderr
    assert "; no endpoint was created; a schedule may be left, remove it: python -m" in done.stderr
    assert not [name for name, _ in cloud.calls() if name.startswith("sagemaker:Create")]


def test_a_schedule_of_another_time_than_asked_for_is_an_error(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = scheduler_backends[DEFAULT_ACCOUNT_ID][REGION]
    create = backend.create_schedule

    def later(**parameters: Any) -> Any:
        return create(**parameters | {"schedule_expression": "at(2100-01-01T00:00:00)"})

    monkeypatch.setattr(backend, "create_schedule", later)
    done = cloud.deploy("traffic-signs-other", "--expires", "2h", "--scheduler-role", SCHEDULER)
    assert done.returncode == 1
    assert "the schedule traffic-signs-other is not what was asked for: at(2100-01-01T00:00:00)" in done.stderr
    assert done.stderr.endswith("remove it: python -m scripts.delete_endpoint traffic-signs-other\n")
    assert not [name for name, _ in cloud.calls() if name.startswith("sagemaker:Create")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--expires", "2"), "--expires 2: expected 15m to 365d"),
        (("--expires", "14m"), "--expires 14m: expected 15m to 365d"),
        (("--expires", "999999d"), "--expires 999999d: expected 15m to 365d"),
        (("--expires", "2h"), "--expires needs --scheduler-role ARN or SCHEDULER_ROLE"),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused_at_once(options: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(deploy.main, [*options, "--yes"], env={"SCHEDULER_ROLE": ""})
    assert done.exit_code == 2
    assert words in done.output


def test_a_dry_run_prints_the_schedule_and_makes_none(cloud: Cloud) -> None:
    name = "traffic-signs-dry"
    done = cloud.deploy(name, "--expires", "2h", "--scheduler-role", SCHEDULER, "--dry-run")
    assert done.returncode == 0, done.stderr
    requests = [json.loads(line) for line in done.stdout.splitlines()]
    assert [request["operation"] for request in requests] == [
        "CreateSchedule", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"
    ]  # fmt: skip
    assert not [each for each in cloud.client("scheduler").list_schedules()["Schedules"] if each["Name"] == name]
    assert cloud.run("delete_endpoint", name, "--dry-run").stdout.count("Schedule") == 0
