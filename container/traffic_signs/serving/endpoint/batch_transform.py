"""Batch transform parameters: how a job should send its requests.

The platform starts the container as for an endpoint, with SAGEMAKER_BATCH=true, requests `/execution-parameters` and
splits the input files accordingly. What the job sets itself, passed as environment variables, takes precedence; the
remaining values are computed to fit.

Source: "Use Your Own Inference Code with Batch Transform" in the developer guide.
"""

import time

import numpy as np

from traffic_signs.images import preprocessing
from traffic_signs.serving.engine import capacity, hardware
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.settings.serving import ServingSettings

_MAX_TOTAL_MB = 100
"""The platform's limit of MaxConcurrentTransforms x MaxPayloadInMB."""
_MEMORY_FACTOR = 8
"""Memory of a request for each byte of its body: measured 2 for CSV and JSON lines, 3 for npy, 8 for JSON."""
_WORKER_MB = 100
_TIMEOUT_FRACTION = 0.2
"""Share of the platform's timeout that computing a request may take, because the machine may be busy."""
_IMAGES_PER_MB = 2**20 // preprocessing.SIZE**2
_PROBE_IMAGES = 64


def execution_parameters(settings: ServingSettings, predictor: Predictor) -> dict[str, int | str]:
    """Return the answer of GET `/execution-parameters` for this container; takes the time of two batches."""
    return compute(
        settings,
        workers=capacity.plan_for_host(settings).workers,
        memory_mb=hardware.memory_mb(),
        seconds_per_image=_seconds_per_image(predictor),
    )


def compute(
    settings: ServingSettings, *, workers: int, memory_mb: int, seconds_per_image: float
) -> dict[str, int | str]:
    """Compute the parameters that the job leaves open.

    There are two requests for each worker, so that one is received and decoded while the other is predicted. The
    payload is as large as the platform, the memory and the model's speed allow: a request that is all pixels must be
    answered long before the platform's timeout.
    """
    max_requests = _MAX_TOTAL_MB // min(settings.max_payload_mb or 1, _MAX_TOTAL_MB)
    requests = min(settings.max_concurrent_transforms or 2 * workers, max_requests)
    memory = (memory_mb - workers * _WORKER_MB) / _MEMORY_FACTOR / requests
    seconds_per_mb = _IMAGES_PER_MB * seconds_per_image * max(1, requests / workers)
    speed = _TIMEOUT_FRACTION * settings.answer_timeout_seconds / seconds_per_mb
    payload = settings.max_payload_mb or max(1, int(min(_MAX_TOTAL_MB / requests, memory, speed)))
    return {
        "MaxConcurrentTransforms": requests,
        "BatchStrategy": settings.batch_strategy or "MULTI_RECORD",
        "MaxPayloadInMB": payload,
    }


def _seconds_per_image(predictor: Predictor) -> float:
    pixels = np.zeros((_PROBE_IMAGES, *preprocessing.SHAPE), np.uint8)
    predictor.predict(pixels)  # allocates the memory of a batch of this size
    started = time.perf_counter()
    predictor.predict(pixels)
    return (time.perf_counter() - started) / _PROBE_IMAGES
