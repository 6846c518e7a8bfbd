"""Batch transform: how a job should send its requests, and the form of the answers.

The platform starts the container as for an endpoint, with SAGEMAKER_BATCH=true, asks
`/execution-parameters` and cuts the files of the input into requests accordingly. What the job
itself says goes before: it comes as variables, and what is left open is computed to fit them.

Source: "Use Your Own Inference Code with Batch Transform" in the developer guide.
"""

import time

import numpy as np

from traffic_signs.images import preprocessing
from traffic_signs.serving.engine import capacity, hardware
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.settings.serving import ServingSettings

_MAX_TOTAL_MB = 100
"""The platform's bound on MaxConcurrentTransforms x MaxPayloadInMB."""
_MEMORY_FACTOR = 8
"""Memory that a request takes for each byte of its body: measured 2 for CSV and JSON lines, 3 for npy, 8 for JSON."""
_WORKER_MB = 100
_TIMEOUT_FRACTION = 0.2
"""Of the seconds that the platform waits, what a request may need by computation: the machine may be a busy one."""
_IMAGES_PER_MB = 2**20 // preprocessing.SIZE**2
_PROBE_IMAGES = 64


def execution_parameters(settings: ServingSettings, predictor: Predictor) -> dict[str, int | str]:
    """Answer GET `/execution-parameters` for the container that this runs in; takes the time of two batches."""
    return compute(
        settings,
        workers=capacity.plan_for_host(settings).workers,
        memory_mb=hardware.memory_mb(),
        seconds_per_image=_seconds_per_image(predictor),
    )


def compute(
    settings: ServingSettings, *, workers: int, memory_mb: int, seconds_per_image: float
) -> dict[str, int | str]:
    """Compute what the platform should do, as far as the job leaves it open.

    Two requests a worker, so that one is received and decoded while the other is predicted. The
    payload is as large as the platform, the memory and the model's speed let it be: a request of
    nothing but pixels has to be answered long before the platform gives up.
    """
    max_requests = _MAX_TOTAL_MB // min(settings.max_payload_mb or 1, _MAX_TOTAL_MB)
    requests = min(settings.max_concurrent_transforms or 2 * workers, max_requests)
    memory = (memory_mb - workers * _WORKER_MB) / _MEMORY_FACTOR / requests
    seconds_per_mb = _IMAGES_PER_MB * seconds_per_image * max(1, requests / workers)
    speed = _TIMEOUT_FRACTION * settings.patience_seconds / seconds_per_mb
    payload = settings.max_payload_mb or max(1, int(min(_MAX_TOTAL_MB / requests, memory, speed)))
    return {
        "MaxConcurrentTransforms": requests,
        "BatchStrategy": settings.batch_strategy or "MULTI_RECORD",
        "MaxPayloadInMB": payload,
    }


def _seconds_per_image(predictor: Predictor) -> float:
    pixels = np.zeros((_PROBE_IMAGES, *preprocessing.SHAPE), np.uint8)
    predictor.predict(pixels)  # memory for a batch of this size
    started = time.perf_counter()
    predictor.predict(pixels)
    return (time.perf_counter() - started) / _PROBE_IMAGES
