"""Fixture: an account with nothing of the project in it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

from tests.aws.cloud import REGION, ROLE, Cloud
from tests.aws.fake import services

PRICES = {
    "USE1-Host:ml.c5.large": 0.102, "USE1-Host:ml.c5.large.elastic": 9.0, "USE1-AsyncInf:ml.c5.large": 0.103,
    "USE1-Train:ml.g4dn.xlarge": 0.7364, "USE1-Tsform:ml.c5.large": 0.102, "USE1-Spot-Host:ml.c5.large": 9.0,
    "USE1-Processing:ml.m5.xlarge": 0.23,
}  # fmt: skip


@pytest.fixture
def account(cloud: Cloud) -> Iterator[Cloud]:
    """An account with nothing of the project in it, and AWS's price list."""
    client = cloud.sagemaker
    with ExitStack() as stack:
        url = stack.enter_context(services.serving("pricing", GetProducts=services.price_list(PRICES, REGION)))
        cloud.environment["AWS_ENDPOINT_URL_PRICING"] = url
        backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
        for kind in (
            "endpoints",
            "endpoint_configs",
            "_models",
            "training_jobs",
            "transform_jobs",
            "hyper_parameter_tuning_jobs",
            "processing_jobs",
        ):
            resources = getattr(backend, kind)
            kept = dict(resources)
            resources.clear()
            stack.callback(resources.update, kept)
            stack.callback(resources.clear)
        client.create_model(ModelName="traffic-signs-m", ExecutionRoleArn=ROLE)
        yield cloud
