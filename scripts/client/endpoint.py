"""An endpoint to send requests to: a container on this machine by its URL, or SageMaker's by its name."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from scripts.errors import Failure, Refused

_Ask = Callable[[bytes, str], bytes]


class Endpoint:
    """The serving container at *url* or, with *name*, SageMaker's endpoint of that name.

    With *target*, one model of a multi-model endpoint: for SageMaker, its file below the endpoint's S3 folder;
    for a container, the name under which it was loaded.
    """

    def __init__(self, url: str, name: str | None = None, target: str | None = None) -> None:
        path = f"/models/{quote(target, safe='')}/invoke" if target else "/invocations"
        self._ask = _hosted(name, target) if name else _container(url.rstrip("/") + path)

    def predict(self, body: bytes, content_type: str) -> list[dict[str, Any]]:
        """Send one request.

        Returns:
            A dict an image, in order: class_id, name, probability, probabilities.

        Raises:
            Failure: no answer, or an error, with the endpoint's own words.
        """
        return predictions(self._ask(body, content_type))


def predictions(content: bytes) -> list[dict[str, Any]]:
    """Return what an endpoint's answer says of each image, in order.

    Raises:
        Failure: it holds no predictions; with its own words, which may be the endpoint's error.
    """
    try:
        found: list[dict[str, Any]] = json.loads(content)["predictions"]
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"an answer holds no predictions: {content[:500].decode(errors='replace')}") from error
    return found


def _container(url: str) -> _Ask:
    connection = requests.Session()
    # busy (503) is worth another try; an error of the request is not
    retry = Retry(5, backoff_factor=0.5, status_forcelist=[503], allowed_methods=None, raise_on_status=False)
    connection.mount("http", HTTPAdapter(max_retries=retry))

    def ask(body: bytes, content_type: str) -> bytes:
        try:
            headers = {"Content-Type": content_type}
            response = connection.post(url, data=body, headers=headers, timeout=60)
        except requests.RequestException as error:
            raise Failure(f"no answer from {url}; is it running (make local-serve)? {error}") from error
        if not response.ok:
            raise Refused(f"{response.status_code} from {url}: {response.text[:500]}")
        return response.content

    return ask


def _hosted(name: str, target: str | None) -> _Ask:
    try:
        # the platform gives a container 60 s; a request that it refused is tried again when that can help
        client = boto3.client("sagemaker-runtime", config=Config(read_timeout=70, retries={"mode": "standard"}))
    except BotoCoreError as error:
        raise Failure(f"AWS is not set up: {error}; AWS_PROFILE and AWS_DEFAULT_REGION say whom to ask") from error

    model = {"TargetModel": target} if target else {}

    def ask(body: bytes, content_type: str) -> bytes:
        try:
            response = client.invoke_endpoint(
                EndpointName=name, Body=body, ContentType=content_type, Accept="application/json", **model
            )
            content: bytes = response["Body"].read()
        except ClientError as error:
            # ModelError carries what the container said
            words = error.response.get("OriginalMessage") or error.response["Error"].get("Message")
            raise Refused(f"{error.response['Error'].get('Code')} from endpoint {name}: {words}") from error
        except BotoCoreError as error:
            raise Failure(f"no answer from endpoint {name}: {error}") from error
        return content

    return ask
