"""A dry run: requests to AWS that would change something are printed and not sent; those that only read are sent.

boto3's session -> `Recorder.attach` -> events of its clients: one has the parameters, the next answers in AWS's place

The handlers are on the session, so that clients of SageMaker's SDK have them, too. An answer has a placeholder for each
text that AWS would return. Waiting for what was not created ends the command, by `Over`.
"""

import contextlib
import io
import json
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

import click

from scripts.errors import Failure

if TYPE_CHECKING:
    import boto3

_KEY = __name__
_READS = ("BatchDescribe", "BatchGet", "Describe", "Filter", "Get", "Head", "List", "Query", "Search", "Select")
"""Verbs of operations that change nothing; any other is taken for a change."""
_LOGINS = ("signin", "sso", "sso-oidc", "sts")
"""Services that botocore itself calls for credentials."""


class Over(SystemExit):
    """The end of a dry run; no Exception, because SageMaker's SDK catches those."""


class Recorder:
    """Prints and answers the requests that a dry run does not send.

    Args:
        stream: Where each request is printed, as a line of JSON; None: nowhere.

    Attributes:
        requests: All requests so far, in the order of the calls.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self.requests: list[dict[str, Any]] = []
        self._stream = stream
        self._made: set[tuple[str, str]] = set()

    def attach(self, boto: "boto3.Session") -> None:
        """Answer in place of AWS what the clients of *boto* would change."""
        boto.events.register_last("before-parameter-build", self._keep_parameters)
        boto.events.register("before-call", self._answer)

    def record(self, **request: Any) -> None:
        """Print a request, or another step, that is not sent."""
        self.requests.append(json.loads(json.dumps(request, default=_described)))
        if self._stream:
            click.echo(json.dumps(self.requests[-1], ensure_ascii=False), file=self._stream)

    def _keep_parameters(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context[_KEY] = params

    def _answer(self, model: Any, context: Mapping[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
        """Return botocore's pair of response and parsed answer; None to send the request."""
        service, operation = model.service_model.service_name, model.name
        parameters = context[_KEY]
        noun = re.sub("^[A-Z][a-z]+", "", operation)
        if service in _LOGINS or operation.startswith(_READS):
            if operation.startswith("Describe") and self._made & {(noun, str(each)) for each in parameters.values()}:
                raise Over(0)
            return None
        self.record(service=service, operation=operation, parameters=parameters)
        answer = _placeholders(model.output_shape)
        if not operation.startswith("Delete"):
            self._made |= {(noun, str(each)) for each in (*parameters.values(), *answer.values())}
        return SimpleNamespace(status_code=200, headers={}), answer


def start(context: click.Context, stream: IO[str] | None) -> Recorder:
    """Make the command of *context* a dry run."""
    recorder: Recorder = context.meta.setdefault(_KEY, Recorder(stream))
    return recorder


def recorder() -> Recorder | None:
    """Return the recorder of the dry run; None if this is none."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_KEY) if context else None


def is_on() -> bool:
    """Return whether the command is a dry run."""
    return recorder() is not None


def require(value: object, option: str) -> None:
    """Reject a dry run without an option.

    Raises:
        Failure: *value* is empty; no request would go to AWS.
    """
    if is_on() and not value:
        raise Failure(f"--dry-run needs {option}: without it nothing is asked of AWS")


def end() -> None:
    """End the command here if it is a dry run: what follows needs what AWS would have answered."""
    if is_on():
        raise Over(0)


def skipped_waiting() -> contextlib.AbstractContextManager[None]:
    """Let the command go on after a block that waits, in which a dry run would end."""
    return contextlib.suppress(Over)


def _placeholders(shape: Any) -> dict[str, Any]:
    """Return an answer of *shape* with `<NAME>` for each text in it."""
    found: dict[str, Any] = {}
    for name, member in shape.members.items() if shape else ():
        if member.type_name == "string":
            found[name] = f"<{name}>"
        elif member.type_name == "structure":
            found[name] = {key: f"<{key}>" for key, each in member.members.items() if each.type_name == "string"}
        elif member.type_name == "blob":
            found[name] = io.BytesIO()
    return found


def _described(value: Any) -> str:
    """Return what stands in JSON for a body or a time."""
    from botocore.utils import determine_content_length

    length = determine_content_length(value)
    return str(value) if length is None else f"<{length} bytes>"
