"""`inventory`: what runs, its cost, what is idle, and its deletion."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

from tests.aws.account.test_iam import denied
from tests.aws.cloud import REGION, ROLE, Cloud, patch_created
from tests.aws.fake import services

SIZE = {"InstanceType": "ml.c5.large", "InitialInstanceCount": 1}


def variant(**more: Any) -> dict[str, Any]:
    return {"VariantName": "AllTraffic", "ModelName": "traffic-signs-m", **more}


def make_endpoint(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str, *variants: Any, **more: Any) -> None:
    """Make an endpoint that has been there for 100 hours."""
    created = datetime.now(UTC) - timedelta(hours=100)
    patch_created(monkeypatch, sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_endpoint", creation_time=created)
    cloud.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **more)
    cloud.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def listed(done: "subprocess.CompletedProcess[str]") -> dict[tuple[str, str], dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return {(item["kind"], item["name"]): item for item in json.loads(done.stdout)["items"]}


def test_endpoints_cost_what_their_instances_cost_and_are_idle_without_requests(
    account: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = {"InstanceType": "ml.c5.large", "InitialInstanceCount": 2}
    make_endpoint(account, monkeypatch, "traffic-signs-idle", variant(**size))
    make_endpoint(account, monkeypatch, "traffic-signs-busy", variant(**size))
    make_endpoint(
        account,
        monkeypatch,
        "traffic-signs-less",
        variant(ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 5}),
    )
    output = {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}
    make_endpoint(account, monkeypatch, "traffic-signs-later", variant(**size), AsyncInferenceConfig=output)
    make_endpoint(account, monkeypatch, "somebody-elses", variant(**size))
    for name, hours, value in (("busy", 2, 40.0), ("busy", 3, 2.0), ("idle", 25, 7.0)):
        account.client("cloudwatch").put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[{
                "MetricName": "Invocations", "Value": value, "Timestamp": datetime.now(UTC) - timedelta(hours=hours),
                "Dimensions": [{"Name": "EndpointName", "Value": f"traffic-signs-{name}"},
                               {"Name": "VariantName", "Value": "AllTraffic"}],
            }],
        )  # fmt: skip
    done = account.run("inventory", "--json")
    found = listed(done)
    assert {name for kind, name in found if kind == "endpoint"} == {
        f"traffic-signs-{name}" for name in ("idle", "busy", "less", "later")
    }
    idle, busy, less, later = (found["endpoint", f"traffic-signs-{name}"] for name in ("idle", "busy", "less", "later"))
    assert (idle["usd_per_hour"], idle["usd_per_month"]) == (0.204, 148.92)
    assert idle["usd_so_far"] == pytest.approx(20.4, abs=0.05)
    assert (idle["requests"], idle["idle"]) == (0, True)
    assert (busy["requests"], busy["idle"]) == (42, False)
    assert (less["usd_per_hour"], less["idle"]) == (0, False)
    assert later["usd_per_hour"] == 0.206
    assert listed(account.run("inventory", "--json", "--hours", 48))["endpoint", "traffic-signs-idle"]["requests"] == 7
    assert not denied(account.calls())

    lines = account.run("inventory").stdout.splitlines()
    place = lines.index("endpoint traffic-signs-idle: InService, 2 x ml.c5.large, 4.2 d old")
    assert lines[place + 1] == "  20.40 USD so far, 148.92 USD a month; idle: 0 requests in 24 h"
    assert lines[-1] == "together 0.61 USD an hour; endpoints 448.22 USD a month"


def test_without_the_price_list_the_rest_is_listed(account: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    make_endpoint(account, monkeypatch, "traffic-signs-a", variant(InstanceType="ml.c5.large", InitialInstanceCount=1))

    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise services.RefusalError("AccessDeniedException")

    with services.serving("pricing", GetProducts=refuse) as url:
        done = account.run("inventory", AWS_ENDPOINT_URL_PRICING=url)
    assert done.returncode == 0, done.stderr
    assert "prices are unknown: these credentials lack the permission pricing:GetProducts" in done.stderr
    assert "1 x ml.c5.large" in done.stdout
    assert "and 1 of unknown price" in done.stdout


def test_an_instance_type_that_the_price_list_lacks_has_no_price(
    account: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_endpoint(account, monkeypatch, "traffic-signs-a", variant(InstanceType="ml.r5.large", InitialInstanceCount=1))
    found = listed(account.run("inventory", "--json"))["endpoint", "traffic-signs-a"]
    assert (found["usd_per_hour"], found["usd_per_month"]) == (None, None)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"OnDemand": {}},
        {"OnDemand": {"a": {"priceDimensions": {"b": {"pricePerUnit": {"CNY": "1"}}}}}},
        {"OnDemand": {"a": {"priceDimensions": {n: {"pricePerUnit": {"USD": "1"}} for n in ("b", "c")}}}},
    ],
)
def test_a_product_without_one_price_in_dollars_is_of_unknown_price(
    account: Cloud, monkeypatch: pytest.MonkeyPatch, terms: dict[str, Any]
) -> None:
    make_endpoint(account, monkeypatch, "traffic-signs-a", variant(**SIZE))
    product = {"product": {"attributes": {"usagetype": "USE1-Host:ml.c5.large"}}, "terms": terms}
    with services.serving("pricing", GetProducts=lambda _: {"PriceList": [json.dumps(product)]}) as url:
        found = listed(account.run("inventory", "--json", AWS_ENDPOINT_URL_PRICING=url))
    assert found["endpoint", "traffic-signs-a"]["usd_per_hour"] is None


def test_an_account_with_nothing_says_so(account: Cloud) -> None:
    account.sagemaker.delete_model(ModelName="traffic-signs-m")
    assert account.run("inventory").stdout == f"{REGION}: nothing of traffic-signs is there\n"


def test_what_is_named_is_deleted_with_its_parts_and_nothing_else(
    account: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_endpoint(account, monkeypatch, "traffic-signs-a", variant(InstanceType="ml.c5.large", InitialInstanceCount=1))
    account.sagemaker.create_endpoint_config(
        EndpointConfigName="traffic-signs-left", ProductionVariants=[variant(**SIZE)]
    )
    account.sagemaker.create_model(ModelName="traffic-signs-left", ExecutionRoleArn=ROLE)
    for options in ((), ("--yes", "--delete", "traffic-signs-typo")):
        refused = account.run("inventory", "--delete", "traffic-signs-a", *options)
        assert refused.returncode == 2
        assert refused.stderr.count("Error: ") == 1
    assert set(listed(account.run("inventory", "--json"))) == {
        ("endpoint", "traffic-signs-a"), ("configuration", "traffic-signs-left"), ("model", "traffic-signs-left")
    }  # fmt: skip

    done = account.run("inventory", "--delete", "traffic-signs-left", "--yes")
    assert "delete: configuration traffic-signs-left\ndelete: model traffic-signs-left\n" in done.stderr
    assert set(listed(account.run("inventory", "--json"))) == {("endpoint", "traffic-signs-a")}
    done = account.run("inventory", "--delete", "traffic-signs-a", "--yes")
    assert "endpoint traffic-signs-a: deleted" in done.stdout, done.stderr
    assert account.run("inventory").stdout == f"{REGION}: nothing of traffic-signs is there\n"
    assert not denied(account.calls())


def test_a_dry_run_prints_what_would_be_deleted(account: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    make_endpoint(account, monkeypatch, "traffic-signs-a", variant(**SIZE))
    done = account.run("inventory", "--delete", "traffic-signs-a", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["operation"] for line in done.stdout.splitlines()] == [
        "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"
    ]  # fmt: skip
    assert ("endpoint", "traffic-signs-a") in listed(account.run("inventory", "--json"))
