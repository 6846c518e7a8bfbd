"""What a training job tells about its model, read from its archives in S3 without unpacking them.

.../output/model.tar.gz   -> artifact.json: labels, figures, fingerprint of the training data
.../output/output.tar.gz  -> metrics.json: settings, confusion matrix, accuracy per class; if it is there
"""

import contextlib
import json
import math
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.errors import Failure

_MAX_BYTES = 10_000_000
"""Largest description that is read; one of 1,000 classes with its confusion matrix has 5 MB."""
_FINGERPRINT = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Summary:
    """What is known about a trained model; empty for what its archives do not tell.

    Attributes:
        labels: Name of each class.
        metrics: Headline figures, such as validation_accuracy; finite numbers only.
        fingerprints: Part of the data set, such as "training" -> SHA-256 of its images, labels and names.
        versions: Package -> version.
        settings: Hyperparameters and recipe.
        confusion: Images [C][C], true class by predicted class.
        accuracy_per_class: Label -> share; classes without images are missing.
    """

    labels: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    accuracy_per_class: Mapping[str, float] = field(default_factory=dict)


def read(s3: Any, model_data: str) -> Summary | None:
    """Read the description of the model in *model_data*; None if the archive has none, as another program's may.

    Args:
        s3: boto3's client for S3.
        model_data: URI of model.tar.gz; output.tar.gz is looked for beside it.

    Raises:
        Failure: an archive or a description is damaged.
        botocore.exceptions.ClientError: S3 refuses to send the model.
    """
    artifact = _json_member(s3, model_data, "artifact.json")
    if artifact is None:
        return None
    report_uri = f"{model_data.rpartition('/')[0]}/output.tar.gz"
    try:
        report = _json_member(s3, report_uri, "metrics.json") or {}
    except s3.exceptions.NoSuchKey:
        report = {}
    try:
        return _summary(artifact, report)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Failure(f"{model_data} and its report are no description of a model: {error!r}") from error


def _summary(artifact: Mapping[str, Any], report: Mapping[str, Any]) -> Summary:
    labels = tuple(map(str, artifact["labels"]))
    fingerprints = {"training": artifact["data_fingerprint"], **report.get("fingerprints", {})}
    if unreadable := [value for value in fingerprints.values() if not _FINGERPRINT.fullmatch(value)]:
        raise ValueError(f"fingerprint {unreadable[0]!r}")
    confusion = tuple(tuple(map(int, row)) for row in report.get("confusion_matrix", ()))
    if confusion and {len(confusion), *map(len, confusion)} != {len(labels)}:
        raise ValueError(f"confusion matrix of {len(confusion)} classes, not {len(labels)}")
    return Summary(
        labels=labels,
        metrics=_finite(artifact["metrics"]),
        fingerprints=fingerprints,
        versions={str(name): str(version) for name, version in artifact.get("versions", {}).items()},
        settings=dict(report.get("settings", {})),
        confusion=confusion,
        accuracy_per_class=_finite(report.get("accuracy_per_class", {})),
    )


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that are numbers; a class without images has None, and JSON for AWS has no NaN."""
    return {str(name): float(value) for name, value in values.items() if value is not None and math.isfinite(value)}


def _json_member(s3: Any, uri: str, name: str) -> dict[str, Any] | None:
    """Return the JSON object in the file *name* of the archive at *uri*; None if the archive lacks it."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    try:
        with contextlib.closing(body), tarfile.open(fileobj=body, mode="r|gz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream and member.name.removeprefix("./") == name:
                    if member.size > _MAX_BYTES:
                        raise Failure(f"{name} in {uri} has {member.size} bytes; expected {_MAX_BYTES} at most")
                    content = json.loads(stream.read())
                    if not isinstance(content, dict):
                        raise TypeError("no object")
                    return content
    except (tarfile.TarError, EOFError, ValueError, TypeError, RecursionError) as error:
        raise Failure(f"cannot read {name} in {uri}: {error}") from error
    return None
