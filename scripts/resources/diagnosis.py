"""Why an endpoint did not come into service, or a transform job failed.

SageMaker's reason + the container's last log lines -> the likely cause, as one text for people
"""

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_LINES = 15
_CAUSES = (
    (
        r"\.py, line \d+: \w+|defines none of model_fn",
        "the model's own code (entry_point, code/): the log names the place",
    ),
    (
        r"cuInit|CUDA driver version|driver.*insufficient|forward compat",
        "the host's NVIDIA driver is too old for the image's CUDA: a newer InferenceAmiVersion, or the cpu image",
    ),
    (r"exec format error", "the image is not linux/amd64: build it with make build, then make push"),
    (r"manifest|media type", "the image's manifest is not a Docker one: make push builds and checks it"),
    (
        r"No space left|OutOfMemory|OOM|MemoryError|Killed",
        "too little memory or disk: a larger --instance-type or --memory-mb",
    ),
    (r"model\.tar\.gz|model data|ModelDataUrl|artifact", "the model is missing, or the role may not read it from S3"),
    (
        r"role|AssumeRole|not authorized|AccessDenied",
        "the execution role: compare scripts/iam/execution-role-policy.json",
    ),
    (
        r"ResourceLimitExceeded|InsufficientInstanceCapacity|capacity",
        "no quota or no machine of this type: another one",
    ),
    (r"ping", "the container never answered 200 on /ping: the log says why; try the same model with make local-serve"),
)


def last_lines(boto: Any, endpoint: str) -> list[str]:
    """Return the last lines that the endpoint's newest container logged; none if there is no log to read."""
    return _last_lines(boto, f"/aws/sagemaker/Endpoints/{endpoint}", orderBy="LastEventTime", descending=True, limit=1)


def last_lines_of_transform(boto: Any, job: str) -> list[str]:
    """Return the last lines of each log of a transform job: the containers', and the platform's about the data."""
    return _last_lines(boto, "/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{job}/", limit=4)


def _last_lines(boto: Any, group: str, **streams: Any) -> list[str]:
    client = boto.client("logs")
    try:
        names = [
            stream["logStreamName"]
            for stream in client.describe_log_streams(logGroupName=group, **streams)["logStreams"]
        ]
        logs = [
            client.get_log_events(logGroupName=group, logStreamName=name, limit=_LINES, startFromHead=False)
            for name in names
        ]
    except (BotoCoreError, ClientError):
        return []  # the failure is the news, a log that cannot be read is not
    return [event["message"].rstrip() for log in logs for event in log["events"]]


def likely_cause(reason: str, lines: list[str]) -> str:
    """Name what usually stands behind *reason* and the log *lines*."""
    # the log is nearer to the cause than the reason, which is "ping" for almost everything
    for text in ("\n".join(lines), reason):
        for pattern, cause in _CAUSES:
            if re.search(pattern, text, re.IGNORECASE):
                return cause
    return "not one of the usual ones; the log in CloudWatch has the rest"


def report(endpoint: str, reason: str, lines: list[str]) -> str:
    """Put an endpoint's reason, log and cause together."""
    return "\n".join(
        (
            f"{endpoint} did not come into service: {reason}",
            *_log_and_cause(reason, lines),
            f"then remove what is left: python -m scripts.delete_endpoint {endpoint}",
        )
    )


def report_transform(job: str, status: str, reason: str, lines: list[str]) -> str:
    """Put a transform job's reason, log and cause together."""
    return "\n".join((f"{job} ended as {status}: {reason}", *_log_and_cause(reason, lines)))


def _log_and_cause(reason: str, lines: list[str]) -> tuple[str, str]:
    log = "\n".join(f"  | {line}" for line in lines) or "  | (the container has logged nothing)"
    return log, f"likely cause: {likely_cause(reason, lines)}"
