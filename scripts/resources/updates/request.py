"""A request to AWS as data, so that it can be shown before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request to AWS.

    Attributes:
        service: Name of boto3's client.
        operation: Name of its method.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]

    def send(self, boto: Any) -> None:
        """Send it with the login of the session *boto*."""
        getattr(boto.client(self.service), self.operation)(**self.parameters)
