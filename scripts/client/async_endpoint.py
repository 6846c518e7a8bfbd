"""Predictions from any endpoint; asynchronous ones take requests and give answers through S3.

body -> s3://BUCKET/traffic-signs/async/SHA-256 -> the endpoint's queue -> its output folder -> answer

The endpoint's configuration says whether it is asynchronous.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlparse

from scripts import dry_run
from scripts.aws.session import PREFIX, boto_session, readable_errors
from scripts.client.endpoint import Endpoint, predictions
from scripts.errors import EndpointError, OperationError

_POLL_SECONDS = 1
TIMEOUT_SECONDS = 900
"""Timeout for an answer: SageMaker's own default for one request."""


def predict_all(
    url: str,
    name: str | None,
    requests: Iterable[tuple[bytes, str]],
    timeout: float = TIMEOUT_SECONDS,
    target: str | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """Send requests to any endpoint; an asynchronous one gets all of them before the first answer is read.

    Args:
        url: URL of the container, if *name* is None.
        name: Name of a SageMaker endpoint of any kind.
        requests: Body and content type of each request.
        timeout: Seconds to wait for each answer of an asynchronous endpoint, from the answer before it.
        target: Model of a multi-model endpoint.

    Yields:
        The result of `Endpoint.predict` for each request, in order.

    Raises:
        OperationError: the endpoint does not answer, or answers with an error, which is quoted.
    """
    folder = _output_folder(name) if name else None
    if name and folder:
        yield from _predict_async(name, urlparse(folder).netloc, requests, timeout)
    else:
        endpoint = Endpoint(url, name, target)
        for body, content_type in requests:
            yield endpoint.predict(body, content_type)


def _output_folder(name: str) -> str | None:
    """Return the S3 folder of the answers; None, if the endpoint is not asynchronous."""
    with readable_errors("sagemaker"):
        client = boto_session().client("sagemaker")
        configuration = client.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        description = client.describe_endpoint_config(EndpointConfigName=configuration)
    folder: str | None = description.get("AsyncInferenceConfig", {}).get("OutputConfig", {}).get("S3OutputPath")
    return folder


def _predict_async(
    name: str, bucket: str, requests: Iterable[tuple[bytes, str]], timeout: float
) -> Iterator[list[dict[str, Any]]]:
    """Upload to the bucket of the answers, because it exists and the endpoint's role can use it."""
    folder = f"s3://{bucket}/{PREFIX}/async/"
    leftover = f"requests may be in the queue of {name}, and at {folder}; remove them: aws s3 rm --recursive {folder}"
    with readable_errors(next_step=leftover):
        boto = boto_session()
        s3, runtime = boto.client("s3"), boto.client("sagemaker-runtime")
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
        dry_run.end()
        for response in pending:
            answer = _wait(s3, name, response["OutputLocation"], response.get("FailureLocation"), timeout)
            yield predictions(answer)


def _wait(s3: Any, name: str, output: str, failure: str | None, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    while True:
        answer = _read(s3, output)
        if answer is not None:
            return answer
        if failure:
            message = _read(s3, failure)
            if message is not None:
                raise EndpointError(f"endpoint {name} failed: {message.decode(errors='replace')[:500]}")
        if time.monotonic() > deadline:
            raise OperationError(
                f"no answer from endpoint {name} after {timeout:g} s; it is expected at {output}; "
                f"see the CloudWatch log group /aws/sagemaker/Endpoints/{name}"
            )
        time.sleep(_POLL_SECONDS)


def _read(s3: Any, uri: str) -> bytes | None:
    """Return the object at *uri*; None, if it does not exist yet."""
    location = urlparse(uri)
    try:
        content: bytes = s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return content
