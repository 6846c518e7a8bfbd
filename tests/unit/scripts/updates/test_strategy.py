"""Traffic shifting: the limits of SageMaker, and the share of the traffic in what it says."""

import math
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import Failure
from scripts.resources.updates import progress
from scripts.resources.updates.strategy import Strategy
from tests.aws.account import limits

UPDATE = botocore.session.get_session().get_service_model("sagemaker").operation_model("UpdateEndpoint").input_shape
BAKING = "Baking for 600 seconds (TerminationWaitInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
ACTIVATING = "Activating traffic on canary capacity of 1 instance(s)."


@given(
    kind=st.sampled_from(["canary", "linear", "rolling", ""]), percent=st.integers(10, 50), bake=st.integers(60, 3600)
)
def test_every_strategy_is_one_that_aws_accepts_or_is_refused_for_its_length(
    kind: str, percent: int, bake: int
) -> None:
    chosen = {"canary": None, "linear": None, "rolling": None} | ({kind: percent} if kind else {})
    steps = {"canary": 2, "": 1}.get(kind, math.ceil(100 / percent))
    if steps * bake >= 28_800:
        with pytest.raises(Failure, match="SageMaker allows less than 8 h"):
            Strategy.parse(**chosen, bake=bake)
        return
    request: dict[str, Any] = {"EndpointName": "e", "EndpointConfigName": "c"}
    request |= {"DeploymentConfig": Strategy.parse(**chosen, bake=bake).request(["a"])}
    assert not ParamValidator().validate(request, UPDATE).has_errors()
    assert limits.violations("sagemaker:UpdateEndpoint", request) == []
    [policy] = [value for key, value in request["DeploymentConfig"].items() if key.endswith("Policy")]
    assert policy["MaximumExecutionTimeoutInSeconds"] > steps * bake


def variant(status: str = "", message: str = "", **counts: int) -> dict[str, object]:
    stage = {"VariantStatus": [{"Status": status, "StatusMessage": message}]} if status else {}
    return {"VariantName": "AllTraffic", **counts, **stage}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (  # AWS's own example of a canary
            variant("Baking", BAKING, CurrentInstanceCount=1, DesiredInstanceCount=3),
            f"Updating: 33 % (1 of 3 instances) of the traffic on new; {BAKING}",
        ),
        (  # the whole new fleet runs, one instance has traffic
            variant("ActivatingTraffic", ACTIVATING, CurrentInstanceCount=4, DesiredInstanceCount=4),
            f"Updating: 25 % (1 of 4 instances) of the traffic on new; {ACTIVATING}",
        ),
        (  # no message
            variant("Baking", CurrentInstanceCount=1, DesiredInstanceCount=2),
            "Updating: 50 % (1 of 2 instances) of the traffic on new; Baking",
        ),
        (  # instances that start have no traffic yet
            variant("Creating", "Launching 4 instance(s).", CurrentInstanceCount=3, DesiredInstanceCount=4),
            "Updating: to new; Launching 4 instance(s).",
        ),
        (variant("Baking"), "Updating: to new; Baking"),  # serverless: no instances
        (variant(), "Updating: to new"),
    ],
)
def test_the_share_of_the_traffic_is_that_of_the_instances_that_have_some(found: dict[str, object], line: str) -> None:
    pending = {"EndpointConfigName": "new", "ProductionVariants": [found]}
    description = {"EndpointStatus": "Updating", "EndpointConfigName": "old", "PendingDeploymentSummary": pending}
    assert progress.describe(description) == line
