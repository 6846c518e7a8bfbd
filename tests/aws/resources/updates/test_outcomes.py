"""An update that does not succeed: alarms, a container that does not start, a mix, AWS's refusals, Ctrl-C."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.cloud import IMAGE
from tests.aws.resources.updates.conftest import NAME, NEXT_IMAGE, NEXT_MODEL, Account

NOT_STARTED = "The container did not pass the ping health check."


def configurations(account: Account) -> list[str]:
    return sorted(name for name in account.hosting.configurations if name.startswith(NAME))


def test_an_alarm_sends_the_update_back_and_is_named(account: Account) -> None:
    reason = "Threshold Crossed: 1 datapoint [0.5] was greater than the threshold (0.01)."

    def trip() -> None:
        account.cloudwatch.set_alarm_state(AlarmName=f"{NAME}-5xx", StateValue="ALARM", StateReason=reason)

    account.hosting.before_baking = trip
    done = account.run("update", NAME, "--model-data", NEXT_MODEL, "--canary", 50, "--yes")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"Error: SageMaker rolled {NAME} back to {NAME}: {NAME}-5xx ALARM: Threshold Crossed" in done.stderr
    assert f"{NAME} is in service as before the update" in done.stderr
    assert "100 %" not in done.stdout
    assert account.status() == "InService"
    # nothing of it is left
    assert configurations(account) == [NAME]
    [made] = account.sent("CreateModel")
    with pytest.raises(account.sagemaker.exceptions.ClientError, match="Could not find model"):
        account.sagemaker.describe_model(ModelName=made["ModelName"])
    assert account.cloudwatch.describe_alarms(AlarmNames=[f"{NAME}-5xx"])["MetricAlarms"] == []


def test_a_container_that_does_not_start_leaves_the_endpoint_as_it_was(account: Account) -> None:
    account.hosting.outcomes[NEXT_IMAGE] = ("InService", NOT_STARTED)
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert done.returncode == 1
    assert f"Error: SageMaker rolled {NAME} back to {NAME}: {NOT_STARTED}" in done.stderr
    assert "likely cause:" in done.stderr
    assert configurations(account) == [NAME]


def test_a_mix_of_configurations_is_told_and_repaired(account: Account) -> None:
    account.hosting.outcomes[NEXT_IMAGE] = ("UpdateRollbackFailed", "no capacity")
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--rolling", 50, "--yes")
    assert done.returncode == 1
    assert f"{NAME} is in service with a mix of old and new configuration: no capacity" in done.stderr
    assert f"python -m scripts.rollback --to CONFIGURATION {NAME}" in done.stderr
    assert len(configurations(account)) == 2  # both are in use
    unsure = account.run("rollback", NAME, "--yes")
    assert unsure.returncode == 2
    assert f"say which it shall have, --to {NAME}" in unsure.stderr
    assert account.run("status", NAME).returncode == 1
    repaired = account.run("rollback", "--to", NAME, NAME, "--yes")
    assert repaired.returncode == 0, repaired.stderr
    assert account.status() == "InService"


def test_an_endpoint_that_failed_is_told(account: Account) -> None:
    account.hosting.outcomes[NEXT_IMAGE] = ("Failed", "no capacity")
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert done.returncode == 1
    assert f"{NAME} is Failed after the update to {NAME}-u" in done.stderr
    assert f"then delete it: python -m scripts.delete_endpoint {NAME}" in done.stderr


def test_what_aws_refuses_leaves_nothing_behind(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's update began in between."""
    describe = account.hosting.describe_endpoint

    def busy_from_now_on(request: dict[str, str]) -> object:
        answer = describe(request)
        account.hosting.endpoints[NAME].status = "SystemUpdating"
        account.hosting.paused = True
        return answer

    monkeypatch.setattr(account.hosting, "describe_endpoint", busy_from_now_on)
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert done.returncode == 1
    assert "sagemaker:UpdateEndpoint: ValidationException: Cannot update in-progress endpoint" in done.stderr
    assert configurations(account) == [NAME]
    removed = [name.partition(":")[2] for name in account.changed()][-3:]
    assert removed == ["DeleteAlarms", "DeleteEndpointConfig", "DeleteModel"]


def test_ctrl_c_before_the_update_leaves_nothing_behind(account: Account) -> None:
    code, error = account.interrupt("CreateModel", "update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert (code, error) == (130, f"Error: interrupted; {NAME} is as before, and nothing is left of the update\n")
    assert configurations(account) == [NAME]
    assert account.status() == "InService"
    assert not account.sent("UpdateEndpoint")
    assert account.sent("DeleteModel")


def test_ctrl_c_during_the_update_says_what_goes_on(account: Account) -> None:
    code, error = account.interrupt("UpdateEndpoint", "update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert (code, error) == (
        130, f"Error: interrupted; SageMaker may be updating {NAME}: see python -m scripts.status {NAME}\n"
    )  # fmt: skip
    assert len(configurations(account)) == 2
    followed = account.run("status", "--follow", NAME)
    assert followed.returncode == 0, followed.stderr
    assert "100 % (2 of 2 instances)" in followed.stdout
    assert f"image          {NEXT_IMAGE}" in followed.stdout
    assert IMAGE not in followed.stdout


@pytest.mark.parametrize(("command", "operation"), [("update", "DeleteAlarms"), ("rollback", "DescribeAlarms")])
def test_ctrl_c_after_the_update_does_not_say_that_nothing_has_changed(
    account: Account, command: str, operation: str
) -> None:
    change: tuple[str, ...] = ("update", NAME, "--image", NEXT_IMAGE, "--yes")
    account.cloudwatch.delete_alarms(AlarmNames=[f"{NAME}-{what}" for what in ("5xx", "errors", "p95")])  # stale ones
    if command == "rollback":
        assert account.run(*change).returncode == 0
        change = ("rollback", NAME, "--yes")
    code, error = account.interrupt(operation, *change)
    assert (code, error) == (
        130, f"Error: interrupted; see what {NAME} runs now: python -m scripts.status {NAME}\n"
    )  # fmt: skip


def test_a_refused_name_is_not_deleted_because_another_update_has_it(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise ValidationError("Cannot create already existing model")

    monkeypatch.setattr(SageMakerResponse, "create_model", refuse)
    done = account.run("update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert done.returncode == 1
    assert "Cannot create already existing model" in done.stderr
    assert not account.sent("DeleteModel", "DeleteEndpointConfig")
