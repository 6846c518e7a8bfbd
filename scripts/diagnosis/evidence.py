"""Evidence of a failure: lines of logs and descriptions, each with the place that it comes from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.errors import Failure

_MAX_BYTES = 50 * 2**20
_REASONS = ("FailureReason", "SecondaryStatus", "StatusMessage", "ErrorMessage", "Message")
HEALTHY = frozenset({"InService", "Completed", "InProgress", "Creating", "Updating", "SystemUpdating"})
"""Statuses of resources that have not failed."""


@dataclass(frozen=True)
class Line:
    """A line of text, and where it was found."""

    place: str
    """Such as "FailureReason" or "log algo-1"."""
    text: str


@dataclass(frozen=True)
class Evidence:
    """All that is known of one job or endpoint."""

    name: str
    """Its name, or the file's."""
    lines: tuple[Line, ...]
    """Descriptions first, then logs, each in its own order."""
    status: str = ""
    """The platform's word, such as "Failed"; empty for a log."""
    known: Mapping[str, str] = field(default_factory=dict)
    """Words that remedies may name: IMAGE, NAME, REGION."""

    @property
    def is_healthy(self) -> bool:
        """Whether the platform says that nothing has failed."""
        return self.status in HEALTHY

    @property
    def has_failed(self) -> bool:
        """Whether the platform says that it has failed; a log alone does not say."""
        return "Failed" in self.status or self.status == "OutOfService"


def read(path: Path) -> Evidence:
    """Read a saved log, or the JSON of an `aws sagemaker describe-...` command.

    Raises:
        Failure: the file cannot be read, or has more than 50 MB.
    """
    try:
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise Failure(f"{path} has {size / 2**20:.0f} MB: save the last {_MAX_BYTES >> 20} MB of it, with tail -c")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):  # JSON lines, say
        content = None
    if isinstance(content, dict) and any(key.endswith(("Status", "Arn")) for key in content):
        return described(path.name, content)
    return Evidence(path.name, tuple(Line("log", line) for line in text.splitlines()))


def described(name: str, description: Mapping[str, Any]) -> Evidence:
    """Return the evidence in the answer of a Describe call."""
    keys = ("TrainingJobStatus", "EndpointStatus", "TransformJobStatus", "HyperParameterTuningJobStatus")
    status = next((description[key] for key in keys if key in description), "")
    return Evidence(name, tuple(_reasons(description)), status, dict(_known(description)))


def _reasons(value: Any) -> Iterator[Line]:
    """Yield the texts below *value* that say what happened, whatever holds them."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if key in _REASONS and isinstance(inner, str):
            yield Line(key, f"{key}: {inner}")
        yield from _reasons(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _reasons(inner)


def _known(description: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("TrainingJobName", "EndpointName", "TransformJobName"):
        if key in description:
            yield "NAME", description[key]
    specification = description.get("AlgorithmSpecification", {})
    variants = description.get("ProductionVariants") or [{}]
    images = variants[0].get("DeployedImages") or [{}]
    if image := specification.get("TrainingImage") or images[0].get("SpecifiedImage"):
        yield "IMAGE", image
    if role := description.get("RoleArn"):
        yield "ROLE", role
