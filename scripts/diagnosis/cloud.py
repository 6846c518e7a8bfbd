"""Collection of evidence from AWS: the description of a job or endpoint, its image's manifest, and its logs.

name or ARN  ->  Describe call of the kind that has it  ->  Evidence
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts.aws import registry, session
from scripts.aws.ecr import ImageName
from scripts.diagnosis import quotas
from scripts.diagnosis.evidence import Evidence, Line, described
from scripts.diagnosis.kinds import KINDS, Kind
from scripts.errors import Failure

_LOG_LINES = 500
_STREAMS = 4
_RETRIES = Config(retries={"mode": "adaptive", "max_attempts": 10})
"""CloudWatch allows 25 reads of a log in a second, for the whole account."""


def collect(boto: boto3.Session, name: str, kind: str = "") -> Evidence:
    """Collect the description, the image's manifest and the logs of a job or endpoint.

    Args:
        boto: the login; only Describe, List and Get calls are made.
        name: name of the resource.
        kind: a key of KINDS; empty to try all.

    Raises:
        Failure: nothing has this name, or AWS refuses the call.
    """
    client = boto.client("sagemaker", config=_RETRIES)
    for found in [KINDS[kind]] if kind else KINDS.values():
        with session.readable_errors("sagemaker"):
            try:
                description = getattr(client, found.operation)(**{found.key: name})
            except ClientError as error:
                if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
                    continue
                raise
        evidence = described(name, description)
        known = {"REGION": boto.region_name, "NAME": name, **evidence.known}
        if image := known.get("IMAGE") or _image(client, description):
            known["IMAGE"] = image
        lines = [*evidence.lines, *_manifest(boto, image), *_log(boto, found, name)]
        return quotas.with_code(replace(evidence, lines=tuple(lines), known=known), boto)
    kinds = kind or ", ".join(KINDS)
    raise Failure(f"{boto.region_name} has no {kinds} named {name}; another region: AWS_DEFAULT_REGION=...")


def _image(client: Any, description: Mapping[str, Any]) -> str:
    """Return the image of an endpoint that never had an instance, which only its configuration names."""
    try:
        configuration = client.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
        model = client.describe_model(ModelName=configuration["ProductionVariants"][0]["ModelName"])
        return str(model["PrimaryContainer"]["Image"])
    except (BotoCoreError, ClientError, KeyError):
        return ""


def _manifest(boto: boto3.Session, image: str) -> Iterator[Line]:
    """Yield the media types of the image's manifest and its parts, if this login may read it."""
    if not (found := ImageName.parse(image)):
        return
    key = "imageDigest" if "@" in image else "imageTag"
    client = boto.client("ecr", config=_RETRIES)
    with contextlib.suppress(BotoCoreError, ClientError):
        answer = client.batch_get_image(
            repositoryName=found.repository,
            imageIds=[{key: found.reference}],
            registryId=found.account,
            acceptedMediaTypes=registry.MEDIA_TYPES,
        )
        for one in answer["images"]:
            manifest = json.loads(one["imageManifest"])
            parts = [manifest.get("config", {}), *manifest.get("layers", [])]
            kinds = [one.get("imageManifestMediaType"), *(part.get("mediaType") for part in parts)]
            yield from (Line("registry", f"image manifest: {kind}") for kind in dict.fromkeys(filter(None, kinds)))
        for failure in answer["failures"]:
            if failure.get("failureCode") == "ImageNotFound":
                yield Line("registry", f"requested image {image} was not found")


def _log(boto: boto3.Session, kind: Kind, name: str) -> Iterator[Line]:
    """Yield the last lines of each container's log, or a line that says why there are none."""
    group, client = kind.group.format(name=name), boto.client("logs", config=_RETRIES)
    order: Mapping[str, Any] = (
        {"logStreamNamePrefix": kind.prefix.format(name=name)}
        if kind.prefix
        else {"orderBy": "LastEventTime", "descending": True}
    )
    try:
        streams = client.describe_log_streams(logGroupName=group, limit=_STREAMS, **order)["logStreams"]
        found = [(stream["logStreamName"], list(_tail(client, group, stream["logStreamName"]))) for stream in streams]
    except client.exceptions.ResourceNotFoundException:
        found = []
    except (BotoCoreError, ClientError) as error:  # an error about the log would hide the failure itself
        yield Line("log", f"the log cannot be read: {error}")
        return
    if not any(texts for _, texts in found):
        yield Line("log", f"no log: {group} has no lines for it")
    for stream, texts in found:
        yield from (Line(f"log {stream}", text) for text in texts)


def _tail(client: Any, group: str, stream: str) -> list[str]:
    """Return the last lines of a stream; a page may be empty though there are more before it."""
    lines: list[str] = []
    token: dict[str, str] = {}
    while len(lines) < _LOG_LINES:
        page = client.get_log_events(
            logGroupName=group, logStreamName=stream, limit=_LOG_LINES, startFromHead=False, **token
        )
        lines = [event["message"].rstrip() for event in page["events"]] + lines
        if page["nextBackwardToken"] == token.get("nextToken"):
            break
        token = {"nextToken": page["nextBackwardToken"]}
    return lines[-_LOG_LINES:]
