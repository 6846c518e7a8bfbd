"""Diagnosis of failed endpoints and transform jobs.

SageMaker's failure reason + the container's last log lines -> report with the likely cause
"""

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_LOG_LINES = 15
_CAUSES = (
    (
        r"\.py, line \d+: \w+|defines none of model_fn",
        "an error in the model's own code (entry_point, code/): see file and line in the log",
    ),
    (
        r"cuInit|CUDA driver version|driver.*insufficient|forward compat",
        "the host's NVIDIA driver is too old for the image's CUDA: set a new InferenceAmiVersion or use the cpu image",
    ),
    (r"exec format error", "the image is for another processor than the instance: use make build and make push"),
    (r"manifest|media type", "the image's manifest is not a Docker manifest: push it with make push, which checks it"),
    (
        r"No space left|OutOfMemory|OOM|MemoryError|Killed",
        "too little memory or disk: choose a larger --instance-type or --memory-mb",
    ),
    (
        r"model\.tar\.gz|model data|ModelDataUrl|artifact",
        "the model is missing, or the role cannot read it from S3",
    ),
    (
        r"role|AssumeRole|not authorized|AccessDenied",
        "the execution role lacks permissions: compare scripts/iam/execution-role-policy.json",
    ),
    (
        r"ResourceLimitExceeded|InsufficientInstanceCapacity|capacity",
        "no quota or no capacity for this instance type: choose another one",
    ),
    (r"ping", "the container never answered 200 on /ping: see its log; try the same model with make local-serve"),
)


def endpoint_log_tail(boto: Any, endpoint: str) -> list[str]:
    """Return the last log lines of the endpoint's newest container; none, if the log cannot be read."""
    return _log_tail(boto, f"/aws/sagemaker/Endpoints/{endpoint}", orderBy="LastEventTime", descending=True, limit=1)


def transform_log_tail(boto: Any, job: str) -> list[str]:
    """Return the last lines of each log of a transform job: the containers', and the platform's about the data."""
    return _log_tail(boto, "/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{job}/", limit=4)


def _log_tail(boto: Any, group: str, **streams: Any) -> list[str]:
    client = boto.client("logs")
    try:
        names = [
            stream["logStreamName"]
            for stream in client.describe_log_streams(logGroupName=group, **streams)["logStreams"]
        ]
        logs = [
            client.get_log_events(logGroupName=group, logStreamName=name, limit=_LOG_LINES, startFromHead=False)
            for name in names
        ]
    except (BotoCoreError, ClientError):
        return []  # an error about the log would hide the failure itself
    return [event["message"].rstrip() for log in logs for event in log["events"]]


def likely_cause(reason: str, lines: list[str]) -> str:
    """Return the usual cause of a failure with this *reason* and these log *lines*."""
    # the log first: the reason is a failed ping for almost everything
    for text in ("\n".join(lines), reason):
        for pattern, cause in _CAUSES:
            if re.search(pattern, text, re.IGNORECASE):
                return cause
    return "unknown; see the whole log in CloudWatch"


def report(endpoint: str, reason: str, lines: list[str]) -> str:
    """Return the report on a failed endpoint: reason, log, likely cause."""
    return "\n".join(
        (
            f"{endpoint} did not come into service: {reason}",
            *_log_and_cause(reason, lines),
            f"then delete what was created: python -m scripts.delete_endpoint {endpoint}",
        )
    )


def report_transform(job: str, status: str, reason: str, lines: list[str]) -> str:
    """Return the report on a failed transform job: reason, log, likely cause."""
    return "\n".join((f"{job} ended as {status}: {reason}", *_log_and_cause(reason, lines)))


def _log_and_cause(reason: str, lines: list[str]) -> tuple[str, str]:
    log = "\n".join(f"  | {line}" for line in lines) or "  | (the log is empty)"
    return log, f"likely cause: {likely_cause(reason, lines)}"
