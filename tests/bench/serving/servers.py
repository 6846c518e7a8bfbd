"""The servers of the benchmark: how each starts, and the path that tells that it is ready.

`uvicorn-empty` and `ceiling` answer without a prediction. The first measures the cost of HTTP alone with gunicorn's
ASGI worker, the second the largest rate that the load generators can send.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_PEERS_FOLDER = "/opt/peers"


@dataclass(frozen=True)
class Server:
    """A server on $PORT. `title` is its row in tables."""

    title: str
    command: tuple[str, ...]
    """Command in the image; $PORT is replaced."""
    ready: str = "/ping"
    """Path that answers 200 when the server is ready."""
    path: str = "/invocations"
    """Path of predictions."""
    model: str = "/opt/ml/model"
    """Folder of the model in the container."""
    image: str = "bench"
    """"bench", "current" or "baseline": the peers' image, or this project's of this commit or of an earlier one."""
    answers: bool = True
    """Answers with predictions; the other servers only measure HTTP."""
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    """Folder of the environment in the benchmark's image, then the packages whose versions are recorded."""


SERVERS = {
    "ours": Server("this server", ("serve",), image="current", environment={"SAGEMAKER_BIND_TO_PORT": "$PORT"}),
    "baseline": Server("baseline", ("serve",), image="baseline", environment={"SAGEMAKER_BIND_TO_PORT": "$PORT"}),
    "multi": Server(
        "this one, multi-model",
        ("serve",),
        path="/models/signs/invoke",
        model="/opt/ml/models/signs/model",
        image="current",
        environment={"SAGEMAKER_BIND_TO_PORT": "$PORT", "SAGEMAKER_MULTI_MODEL": "true"},
    ),
    "uvicorn-empty": Server(
        "uvicorn, empty application",
        (
            "/opt/uvicorn/bin/gunicorn",
            "--worker-class",
            "limits.empty.Worker",
            "--bind",
            "0.0.0.0:$PORT",
            "limits.empty:app",
        ),
        answers=False,
        packages=("uvicorn", "uvicorn", "uvicorn-worker", "httptools", "uvloop", "gunicorn"),
    ),
    "ceiling": Server("nginx, fixed answer", ("/opt/peers/limits/ceiling.sh",), answers=False),
    "predict": Server(
        "Flask + model.predict",
        ("/opt/predict/bin/gunicorn", "--bind", "0.0.0.0:$PORT", "predict:app"),
        environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
        packages=("predict", "flask", "gunicorn", "tensorflow_cpu", "keras"),
    ),
    "aws": Server(
        "nginx + gevent + Flask",
        ("/opt/peers/aws.sh",),
        packages=("aws", "flask", "gunicorn", "gevent"),
    ),
    "mms": Server(
        "multi-model-server",
        ("/opt/mms/bin/python", "toolkit.py"),
        environment={
            "SAGEMAKER_BIND_TO_PORT": "$PORT",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            "SAGEMAKER_PROGRAM": "toolkit.py",
            "PATH": "/opt/mms/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": _PEERS_FOLDER,
        },
        packages=("mms", "multi_model_server", "sagemaker_inference"),
    ),
    "litserve": Server(
        "LitServe", ("/opt/litserve/bin/python", "lit.py"), "/health", packages=("litserve", "litserve", "fastapi")
    ),
    "bentoml": Server(
        "BentoML",
        ("/opt/bentoml/bin/bentoml", "serve", "bento:Signs", "--port", "$PORT"),
        "/readyz",
        environment={"BENTOML_DO_NOT_TRACK": "true", "PATH": "/opt/bentoml/bin:/usr/bin:/bin"},
        packages=("bentoml", "bentoml"),
    ),
    "mlserver": Server(
        "MLServer",
        ("/opt/mlserver/bin/mlserver", "start", "."),
        "/v2/health/ready",
        environment={"MLSERVER_HTTP_PORT": "$PORT"},
        packages=("mlserver", "mlserver", "fastapi"),
    ),
    "mosec": Server(
        "mosec",
        ("/opt/mosec/bin/python", "mosec_server.py", "--port", "$PORT"),
        "/",
        packages=("mosec", "mosec"),
    ),
    "mosec-batch": Server(
        "mosec, batches of 16",
        ("/opt/mosec/bin/python", "mosec_server.py", "--port", "$PORT"),
        "/",
        environment={"BATCH": "16"},
    ),
}
PEERS = tuple(name for name, server in SERVERS.items() if server.image == "bench" and server.answers)
"""Servers that compete with this project's."""
