"""An endpoint to send requests to: today a container on this machine, by its URL."""

from typing import Any

import click
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


class Failure(click.ClickException):
    """Ends the command with one line and exit code 2."""

    exit_code = 2


class Endpoint:
    """The serving container at *url*, over one connection that is kept alive."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        # busy (503) is worth another try; an error of the request is not
        retry = Retry(5, backoff_factor=0.5, status_forcelist=[503], allowed_methods=None, raise_on_status=False)
        self._session.mount("http", HTTPAdapter(max_retries=retry))

    def predict(self, body: bytes, content_type: str) -> list[dict[str, Any]]:
        """Send one request.

        Returns:
            A dict an image, in order: class_id, name, probability, probabilities.

        Raises:
            Failure: no answer, or an error, with the endpoint's own words.
        """
        try:
            response = self._session.post(
                f"{self._url}/invocations", data=body, headers={"Content-Type": content_type}, timeout=60
            )
        except requests.RequestException as error:
            raise Failure(f"no answer from {self._url}; is it running (make local-serve)? {error}") from error
        if not response.ok:
            raise Failure(f"{response.status_code} from {self._url}: {response.text[:500]}")
        predictions: list[dict[str, Any]] = response.json()["predictions"]
        return predictions
