"""gunicorn's configuration, and the application for its workers; `docker/serve` starts it.

Nothing is loaded before the fork: TensorFlow and CUDA do not survive one, and LiteRT loads in
milliseconds. A wrong setting or model ends the server at once, with one line that says why.
"""

import gc
import logging
import os
import sys
from typing import Any

from traffic_signs import artifact
from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import hardware, plan
from traffic_signs.settings import ServingSettings

try:
    _settings = ServingSettings.from_environment()
except TrafficSignsError as error:
    sys.exit(f"serve: {error}")
_plan = plan.of_this_machine(_settings)

wsgi_app = "traffic_signs.serving.gunicorn_conf:application()"
bind = f"0.0.0.0:{_settings.port}"
worker_class = "traffic_signs.serving.worker.Worker"
workers = _plan.workers
threads = _plan.threads
# a proxy or the platform keeps idle connections for a minute and may send just when we close
keepalive = 75
timeout = _settings.timeout_seconds
# SageMaker sends SIGKILL 30 s after SIGTERM
graceful_timeout = 25
# the root file system may be read-only (serverless): heartbeat files go to memory, no control socket
worker_tmp_dir = "/dev/shm"  # noqa: S108 - not a file of ours, gunicorn makes a private one
control_socket_disable = True
logger_class = "traffic_signs.serving.logs.Logger"
# no proxy stands before us: from 127.0.0.1, trusted as a rule, a header SCRIPT_NAME is answered with 500
forwarded_allow_ips = ""
loglevel = logging.getLevelName(_settings.log_level).lower()
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}},
    "root": {"level": _settings.log_level, "handlers": ["out"]},
    "loggers": {
        name: {"level": _settings.log_level, "propagate": True} for name in ("gunicorn.error", "gunicorn.access")
    },
}


def on_starting(server: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Look at the model before any worker starts, so that the reason is told once."""
    try:
        artifact.read(OptMl.from_environment().model)
    except TrafficSignsError as error:
        sys.exit(f"serve: {error}")
    logging.getLogger(__name__).info("%s", _plan)


def post_fork(server: Any, worker: Any) -> None:
    """Give each worker a GPU of its own; one that replaces another takes the one that has become free."""
    worker.inline = _plan.engine == "litert"  # on a GPU, requests are to meet in a batch
    if gpus := hardware.gpus():
        taken = {getattr(other, "gpu", None) for other in server.WORKERS.values()}
        worker.gpu = min(set(range(gpus)) - taken, default=worker.age % gpus)
        os.environ["CUDA_VISIBLE_DEVICES"] = str(worker.gpu)


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn's hook
    """Let nothing hold up the thread that accepts connections and hands out requests.

    Python stops all threads while it looks for garbage in the lists of a large JSON body, again and
    again; and by default a busy thread may go on for 5 ms when another one wants to run.
    """
    sys.setswitchinterval(0.001)
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


def application() -> Any:
    """Build a worker's application."""
    from gunicorn.arbiter import Arbiter  # noqa: PLC0415 - the workers' side of this file

    from traffic_signs.serving.app import create_app  # noqa: PLC0415 - not before the fork

    try:
        return create_app(OptMl.from_environment(), _settings, _plan.engine)
    except TrafficSignsError as error:
        logging.getLogger(__name__).critical("%s", error)
        sys.exit(Arbiter.APP_LOAD_ERROR)  # gunicorn then ends the server instead of starting workers for ever
