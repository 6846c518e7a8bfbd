"""Settings and hardware -> engine, processes and threads of the server.

    hardware        engine        processes                    threads that predict, each
    no GPU          LiteRT        one a core, as memory goes   8
    GPUs            TensorFlow    one a GPU                    16, whose requests are joined into batches

A multi-model endpoint runs LiteRT everywhere: TensorFlow keeps the memory of a model that was unloaded.
A batch transform job that says how many requests it sends at a time gets no more processes than that.

A process on a CPU computes on one core, so that all of them together do not ask for more cores
than there are. There a batch of several requests takes as long as the requests one by one.
"""

import importlib.util
from dataclasses import dataclass

from traffic_signs.errors import SettingsError
from traffic_signs.serving.engine import hardware
from traffic_signs.settings.serving import ServingSettings

_LITERT_MB, _TENSORFLOW_MB = 200, 1_500
"""Memory that a process has to have, with room for a few large requests."""


@dataclass(frozen=True)
class Plan:
    """How the server runs."""

    engine: str
    """ "litert" or "tensorflow"."""
    workers: int
    threads: int
    """Predicting threads of a worker."""


def plan(settings: ServingSettings, *, cores: int, memory_mb: int, gpus: int) -> Plan:
    """Decide, as far as *settings* leave it open.

    Raises:
        SettingsError: an engine that does not serve many models.
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
    """Decide for the container that this runs in."""
    return plan(settings, cores=hardware.cores(), memory_mb=hardware.memory_mb(), gpus=len(hardware.gpus()))
