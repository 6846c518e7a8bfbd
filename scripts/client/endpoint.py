"""Client of one endpoint: a container by its URL, or a SageMaker endpoint by its name."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from scripts import dry_run
from scripts.aws.session import boto_session
from scripts.errors import EndpointError, Failure, OperationError

_Send = Callable[[bytes, str], bytes]
"""Body, content type -> answer."""


class Endpoint:
    """An endpoint that answers prediction requests.

    Args:
        url: URL of a serving container; ignored with *name*.
        name: Name of a SageMaker endpoint.
        target: Model of a multi-model endpoint: for SageMaker, its file below the endpoint's S3 folder; for a
            container, the name under which it is loaded.
    """

    def __init__(self, url: str, name: str | None = None, target: str | None = None) -> None:
        path = f"/models/{quote(target, safe='')}/invoke" if target else "/invocations"
        self._send = _sagemaker_sender(name, target) if name else _container_sender(url.rstrip("/") + path)

    def predict(self, body: bytes, content_type: str) -> list[dict[str, Any]]:
        """Send one request.

        Returns:
            A dict for each image, in order: class_id, name, probability, probabilities. None in a dry run.

        Raises:
            OperationError: the endpoint does not answer, or answers with an error, which is quoted.
        """
        content = self._send(body, content_type)
        return [] if dry_run.is_on() else predictions(content)


def predictions(content: bytes) -> list[dict[str, Any]]:
    """Return the predictions in an endpoint's answer, one for each image, in order.

    Raises:
        OperationError: the answer has no predictions; it is quoted, because it may be an error.
    """
    try:
        found: list[dict[str, Any]] = json.loads(content)["predictions"]
    except (ValueError, KeyError, TypeError) as error:
        raise OperationError(f"the answer has no predictions: {content[:500].decode(errors='replace')}") from error
    return found


def _container_sender(url: str) -> _Send:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    connection = requests.Session()
    # 503 means busy; other errors would come again
    retry = Retry(5, backoff_factor=0.5, status_forcelist=[503], allowed_methods=None, raise_on_status=False)
    connection.mount("http", HTTPAdapter(max_retries=retry))

    def send(body: bytes, content_type: str) -> bytes:
        try:
            headers = {"Content-Type": content_type}
            response = connection.post(url, data=body, headers=headers, timeout=60)
        except requests.RequestException as error:
            raise OperationError(f"no answer from {url}; is it running (make local-serve)? {error}") from error
        if not response.ok:
            raise EndpointError(f"{response.status_code} from {url}: {response.text[:500]}")
        return response.content

    return send


def _sagemaker_sender(name: str, target: str | None) -> _Send:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        # the platform gives a container 60 s
        client = boto_session().client(
            "sagemaker-runtime", config=Config(read_timeout=70, retries={"mode": "standard"})
        )
    except BotoCoreError as error:
        raise Failure(f"AWS is not configured: {error}; set AWS_PROFILE and AWS_DEFAULT_REGION") from error

    model = {"TargetModel": target} if target else {}

    def send(body: bytes, content_type: str) -> bytes:
        try:
            response = client.invoke_endpoint(
                EndpointName=name, Body=body, ContentType=content_type, Accept="application/json", **model
            )
            content: bytes = response["Body"].read()
        except ClientError as error:
            # of a ModelError: the container's answer
            message = error.response.get("OriginalMessage") or error.response["Error"].get("Message")
            raise EndpointError(f"{error.response['Error'].get('Code')} from endpoint {name}: {message}") from error
        except BotoCoreError as error:
            raise OperationError(f"no answer from endpoint {name}: {error}") from error
        return content

    return send
