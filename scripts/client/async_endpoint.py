"""Requests and answers by way of S3, for an asynchronous endpoint; the endpoint itself says whether it is one.

body -> s3://BUCKET/traffic-signs/async/SHA-256 -> queue of the endpoint -> its output folder -> answer
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlparse

import boto3

from scripts.aws.session import PREFIX, clear_errors
from scripts.client.endpoint import Endpoint, predictions
from scripts.errors import Failure, Refused

_POLL_SECONDS = 1
PATIENCE_SECONDS = 900
"""How long to wait for an answer: SageMaker's own default for one request."""


def predict_all(
    url: str,
    name: str | None,
    requests: Iterable[tuple[bytes, str]],
    patience: float = PATIENCE_SECONDS,
    target: str | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """Send requests to any endpoint; an asynchronous one gets all of them before the first answer is awaited.

    Args:
        url: Of the container, where *name* is None.
        name: SageMaker's endpoint, of any kind.
        requests: Body and content type of each.
        patience: Seconds to wait for each answer, counted from the answer before it.
        target: The model of a multi-model endpoint that the requests are for.

    Yields:
        For each request, in order, what `Endpoint.predict` returns.

    Raises:
        Failure: no answer, or an error, with the endpoint's own words.
    """
    folder = _output(name) if name else None
    if name and folder:
        yield from _by_s3(name, urlparse(folder).netloc, requests, patience)
    else:
        endpoint = Endpoint(url, name, target)
        for body, content_type in requests:
            yield endpoint.predict(body, content_type)


def _output(name: str) -> str | None:
    """Return the S3 folder of the answers, None for an endpoint that answers at once."""
    with clear_errors("sagemaker"):
        client = boto3.client("sagemaker")
        configuration = client.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        description = client.describe_endpoint_config(EndpointConfigName=configuration)
    folder: str | None = description.get("AsyncInferenceConfig", {}).get("OutputConfig", {}).get("S3OutputPath")
    return folder


def _by_s3(
    name: str, bucket: str, requests: Iterable[tuple[bytes, str]], patience: float
) -> Iterator[list[dict[str, Any]]]:
    """Upload to the bucket of the answers, which is there and which the endpoint's role may use."""
    with clear_errors():
        s3, runtime = boto3.client("s3"), boto3.client("sagemaker-runtime")
        pending = []
        for body, content_type in requests:
            key = f"{PREFIX}/async/{hashlib.sha256(body).hexdigest()}"
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            pending.append(
                runtime.invoke_endpoint_async(
                    EndpointName=name,
                    InputLocation=f"s3://{bucket}/{key}",
                    ContentType=content_type,
                    Accept="application/json",
                )
            )
        for place in pending:
            answer = _wait(s3, name, place["OutputLocation"], place.get("FailureLocation"), patience)
            yield predictions(answer)


def _wait(s3: Any, name: str, output: str, failure: str | None, patience: float) -> bytes:
    deadline = time.monotonic() + patience
    while True:
        answer = _read(s3, output)
        if answer is not None:
            return answer
        if failure:
            words = _read(s3, failure)
            if words is not None:
                raise Refused(f"endpoint {name} failed: {words.decode(errors='replace')[:500]}")
        if time.monotonic() > deadline:
            raise Failure(
                f"no answer from endpoint {name} after {patience:g} s; it is to come to {output}; "
                f"the log is at /aws/sagemaker/Endpoints/{name}"
            )
        time.sleep(_POLL_SECONDS)


def _read(s3: Any, uri: str) -> bytes | None:
    """Return the object at *uri*, None while there is none."""
    place = urlparse(uri)
    try:
        content: bytes = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return content
