"""Capacity plan of the server: settings and hardware -> engine, processes and threads.

    hardware        engine        processes                         predicting threads of each
    no GPU          LiteRT        one per core, if memory allows    8
    GPUs            TensorFlow    one per GPU                       16, whose requests are batched

A multi-model endpoint runs LiteRT everywhere: TensorFlow does not free the memory of an unloaded model.
A batch transform job gets no more processes than the concurrent requests that it sets.

A process on a CPU computes on one core, so that all together do not use more cores than there are. There, batching
requests saves no time.
"""

import importlib.util
from dataclasses import dataclass

from traffic_signs.errors import SettingsError
from traffic_signs.serving.engine import hardware
from traffic_signs.settings.serving import ServingSettings

_LITERT_MB, _TENSORFLOW_MB = 200, 1_500
"""Memory that a process needs, a few large requests included."""


@dataclass(frozen=True)
class Plan:
    """Engine and size of the server."""

    engine: str
    """ "litert" or "tensorflow"."""
    workers: int
    threads: int
    """Predicting threads of a worker."""


def plan(settings: ServingSettings, *, cores: int, memory_mb: int, gpus: int) -> Plan:
    """Choose what *settings* leave open.

    Raises:
        SettingsError: the engine cannot serve a multi-model endpoint.
    """
    engine = settings.engine
    if settings.multi_model:
        if engine == "tensorflow":
            raise SettingsError("SERVING_ENGINE = 'tensorflow'; with SAGEMAKER_MULTI_MODEL expected auto or litert")
        engine = "litert"
    if engine == "auto":
        # the cpu image on a host with a GPU has a TensorFlow that cannot use it
        engine = "tensorflow" if gpus and importlib.util.find_spec("nvidia") else "litert"
    max_workers = (settings.max_concurrent_transforms if settings.batch else None) or max(cores, gpus)
    if engine == "litert":
        return Plan(engine, settings.workers or max(1, min(cores, max_workers, memory_mb // _LITERT_MB)), 8)
    return Plan(engine, settings.workers or max(1, min(gpus, max_workers, memory_mb // _TENSORFLOW_MB)), 16)


def plan_for_host(settings: ServingSettings) -> Plan:
    """Return the plan for this container."""
    return plan(settings, cores=hardware.cores(), memory_mb=hardware.memory_mb(), gpus=len(hardware.gpus()))
