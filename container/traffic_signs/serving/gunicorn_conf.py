"""gunicorn's configuration, and the factory of the workers' application; `docker/serve` starts it.

Nothing is loaded before the fork: TensorFlow and CUDA do not survive one, and LiteRT loads in
milliseconds. A wrong setting or model ends the server at once, with the reason in one log line.
"""

import gc
import logging
import logging.config
import os
import shutil
import sys
from typing import Any, NoReturn

from traffic_signs.errors import TrafficSignsError
from traffic_signs.model import artifact, own_code
from traffic_signs.paths import OptMl
from traffic_signs.serving.engine import capacity, hardware
from traffic_signs.serving.hooks import loader
from traffic_signs.serving.multi_model import registry
from traffic_signs.serving.telemetry import logs
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.settings.serving import ServingSettings

_log = logging.getLogger(__name__)


def _exit(error: TrafficSignsError) -> NoReturn:
    _log.critical("serve: %s", error)
    sys.exit(1)


logging.config.dictConfig(logs.configuration(logging.INFO))  # until the level is known
logs.log_uncaught_errors()
try:
    _settings = ServingSettings.from_environment()
    _plan = capacity.plan_for_host(_settings)
except TrafficSignsError as error:
    _exit(error)
_slots = 2 * _plan.workers + 1
"""Slots of workers: a reload starts new workers before the old ones end."""
_metrics = Metrics(_slots)
_workers: list[Any] = []
"""Holds the worker itself, in a worker's process."""
_registry_folder = registry.create() if _settings.multi_model else None
"""The registry of loaded models, which all workers share."""

wsgi_app = "traffic_signs.serving.gunicorn_conf:application()"
bind = f"0.0.0.0:{_settings.port}"
worker_class = "traffic_signs.serving.http.worker.Worker"
workers = _plan.workers
timeout = _settings.answer_timeout_seconds
# SageMaker sends SIGKILL 30 s after SIGTERM
graceful_timeout = 25
# the root file system may be read-only (serverless), so heartbeat files go to memory and there is no control socket;
# Lambda, on which serverless endpoints run, has no /dev/shm, so there they go to /tmp
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's own private file
control_socket_disable = True
logger_class = "traffic_signs.serving.telemetry.logs.Logger"
# no proxy is in front; by default gunicorn trusts 127.0.0.1, and answers its header SCRIPT_NAME with 500
forwarded_allow_ips = ""
logconfig_dict = logs.configuration(_settings.log_level)


def on_starting(server: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Check the model before any worker starts, so that the error is logged once."""
    model = OptMl.from_environment().model
    try:
        # a multi-model endpoint has no models yet, and hooks may load another kind of model
        if not _registry_folder:
            program = loader.find(model, _settings)
            own_code.log_unused(model, program)
            if program is None:
                artifact.read(model)
                if (model / "code").is_dir():
                    _log.warning("%s has no inference.py: nothing in it is used", model / "code")
    except TrafficSignsError as error:
        _exit(error)
    _log.info("%s", _plan)


def pre_fork(server: Any, worker: Any) -> None:
    """Give each worker a slot; a worker that replaces another takes the slot that is free."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = min(set(range(_slots)) - taken, default=worker.age % _slots)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Give the worker the metrics row and, if there are GPUs, the GPU of its slot."""
    _workers[:] = [worker]
    _metrics.attach(worker.slot)
    if gpus := hardware.gpus():
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[worker.slot % len(gpus)]


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Remove a worker that has ended, for whatever reason, from the metrics and the registry."""
    _metrics.detach(worker.slot)
    if _registry_folder:
        registry.remove_worker(_registry_folder, worker.pid)


def on_exit(server: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Remove the registry from /dev/shm."""
    if _registry_folder:
        shutil.rmtree(_registry_folder, ignore_errors=True)


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Keep pauses of the event loop short.

    Python's garbage collector stops all threads while it scans the lists of a large JSON body, again and again;
    and by default a busy thread may run for 5 ms while another one waits.
    """
    sys.setswitchinterval(0.001)
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


def application() -> Any:
    """Build the application of a worker."""
    from gunicorn.arbiter import Arbiter  # noqa: PLC0415 - the workers' side of this file

    from traffic_signs.serving.app import create_app  # noqa: PLC0415 - not before the fork
    from traffic_signs.serving.http.application import Application  # noqa: PLC0415 - the same
    from traffic_signs.serving.multi_model.manager import ModelManager  # noqa: PLC0415 - the same

    paths = OptMl.from_environment()
    try:
        models = None
        if _registry_folder:
            models = ModelManager(paths.models, _registry_folder, _plan.workers, _metrics, _settings.precision)
        flask_app = create_app(paths, _settings, _plan.engine, _metrics, models)
        return Application(flask_app, _settings, _plan, _metrics, _workers[0].notify)
    except TrafficSignsError as error:
        _log.critical("%s", error)
        sys.exit(Arbiter.APP_LOAD_ERROR)  # so that gunicorn ends the server instead of restarting workers forever
