"""Table of the 40 items of the checklist: which points check each, and what is not checked and why.

points of all scenarios, reasons  ->  table  ->  one Row per item
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local_test.check.core.points import Point

ITEMS = {
    "T1": "docker run IMAGE train",
    "T2": "ContainerEntrypoint and ContainerArguments; SDK v3's driver",
    "T3": "/opt/ml belongs to the platform",
    "T4": "files in /opt/ml/input/config, known and unknown",
    "T5": "hyperparameters: strings, in three encodings",
    "T6": "channels: File, FastFile, Pipe",
    "T7": "fewer configuration keys in local mode",
    "T8": "resourceconfig.json: hosts, instance groups, names that do not resolve",
    "T9": "environment variables of a training job",
    "T10": "script mode: the SDK's entry_point",
    "T11": "model, output, failure",
    "T12": "exit code",
    "T13": "stop: SIGTERM, SIGKILL 120 s later",
    "T14": "checkpoints",
    "T15": "log, and metrics read from it by regular expressions",
    "T16": "TensorBoard, debugger, profiler",
    "T17": "scratch space, newer fields of CreateTrainingJob",
    "T18": "GPU: CUDA in the image, the driver on the host",
    "T19": "network isolation",
    "T20": "size and address of the image",
    "H1": "docker run IMAGE serve, as root",
    "H2": "0.0.0.0:8080, SAGEMAKER_BIND_TO_PORT",
    "H3": "/ping",
    "H4": "/invocations: connection, time, headers",
    "H5": "size of request bodies",
    "H6": "headers of InvokeEndpoint",
    "H7": "error responses, which become ModelError",
    "H8": "stop: SIGTERM, SIGKILL 30 s later",
    "H9": "/opt/ml/model is read-only",
    "H10": "environment variables of an endpoint",
    "H11": "batch transform",
    "H12": "multi-model endpoints",
    "H13": "asynchronous endpoints",
    "H14": "serverless endpoints",
    "H15": "data capture, /metrics",
    "H16": "streamed responses",
    "H17": "bidirectional streaming",
    "H18": "GPU: driver of the host",
    "H19": "network isolation",
    "H20": "routing among instances",
}


@dataclass(frozen=True)
class Row:
    """An item of the checklist."""

    number: str
    demand: str
    points: tuple[Point, ...]
    """Points that check it."""
    reason: str
    """Why the item, or a part of it, is not checked; empty if all of it is checked."""


def table(points: Sequence[Point], reasons: Mapping[str, str]) -> list[Row]:
    """Return a row for every item, in the order of the checklist.

    Args:
        points: all points of all scenarios; each name begins with its item.
        reasons: by item, why it or a part of it is not checked.
    """
    return [
        Row(
            number,
            demand,
            tuple(point for point in points if point.name.partition("-")[0] == number),
            reasons.get(number, ""),
        )
        for number, demand in ITEMS.items()
    ]
