"""Settings of the server, parsed from environment variables."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from traffic_signs.errors import SettingsError
from traffic_signs.settings.parsing import one_of, read, setting, whole


def _is_port_range(text: str) -> bool:
    ports = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text, re.ASCII)
    return ports is not None and 1 <= int(ports[1]) <= int(ports[2]) <= 65_535


@dataclass(frozen=True)
class ServingSettings:
    """Settings from environment variables that SageMaker, its SDK or the user set."""

    port: int = setting(8080, **whole(1, 65_535), variables=("SAGEMAKER_BIND_TO_PORT",))
    """The only port that the server opens."""
    workers: int | None = setting(None, **whole(1, 1_024), variables=("SAGEMAKER_MODEL_SERVER_WORKERS",))
    """Number of worker processes, each with a copy of the model. Unset: one per core that the container may use, fewer
    if memory is short; with TensorFlow one per GPU."""
    engine: str = setting("auto", **one_of("auto", "litert", "tensorflow"), variables=("SERVING_ENGINE",))
    """Inference engine. `auto`: TensorFlow in the gpu image on a machine with a GPU, else LiteRT."""
    timeout_seconds: int | None = setting(
        None,
        **whole(1, 3_600),
        variables=("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"),
    )
    """Seconds that a client waits for an answer. A request that would queue for half of it is refused immediately.
    Unset: 60; in batch transform 600, the platform's default timeout."""
    max_payload_mb: int | None = setting(None, **whole(0, 1_024), variables=("SAGEMAKER_MAX_PAYLOAD_IN_MB",))
    """Largest body of a request in MB; a larger one gets 413. Unset, or 0: 25; in batch transform 100, the platform's
    maximum."""
    log_level: int = setting(20, **whole(0, 50), variables=("SAGEMAKER_CONTAINER_LOG_LEVEL",))
    """Level of Python's logging. 10 also logs a line for every successful request."""
    default_accept: str | None = setting(
        None,
        **one_of("application/json", "application/jsonlines", "text/csv", "application/x-npy"),
        variables=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    """Format of the answer if `Accept` does not choose one, for the next container of a pipeline. Unset:
    application/json; in batch transform CSV for CSV and JSON lines for JSON lines."""
    multi_model: bool = setting(
        False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_MULTI_MODEL",)
    )
    """Serve the models that the platform loads and unloads through `/models`, instead of a single one."""
    safe_port_range: str = setting(
        "", _is_port_range, "two ports, as 9000-9999", variables=("SAGEMAKER_SAFE_PORT_RANGE",)
    )
    """Range for further ports. The server opens none, so the value is only checked."""
    batch: bool = setting(False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_BATCH",))
    """The server runs in a batch transform job. The platform sets this variable."""
    batch_strategy: str | None = setting(
        None, **one_of("SINGLE_RECORD", "MULTI_RECORD"), variables=("SAGEMAKER_BATCH_STRATEGY",)
    )
    """Batch strategy that `/execution-parameters` returns. A batch transform job sets it. Unset: MULTI_RECORD."""
    max_concurrent_transforms: int | None = setting(
        None, **whole(0, 1_024), variables=("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",)
    )
    """Concurrent requests of a batch transform job, and the maximum of worker processes in it. Unset, or 0:
    `/execution-parameters` decides."""
    program: str | None = setting(
        None, lambda value: Path(value).name == value and value.endswith(".py"), "the name of a .py file, no folders",
        variables=("SAGEMAKER_PROGRAM",),
    )  # fmt: skip
    """File with the model's hooks. The SDK sets it for a Model with an `entry_point`. Unset: inference.py, if the model
    has this file."""
    submit_directory: str | None = setting(
        None, lambda value: value.startswith("/"), "a folder in the container, such as /opt/ml/model/code: give the "
        "SDK's Model a source_dir too, and it packs the code into the model", variables=("SAGEMAKER_SUBMIT_DIRECTORY",),
    )  # fmt: skip
    """Folder of the file with the hooks. Unset: `code` in the model's folder."""
    precision: str = setting("auto", **one_of("auto", "float32", "int8"), variables=("TRAFFIC_SIGNS_PRECISION",))
    """Number format in which LiteRT computes. `auto`: int8 if the model has it and the CPU has VNNI instructions."""
    head_seconds: int = setting(10, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_HEAD_SECONDS",))
    """Timeout in seconds for the head of a request, which then gets 408, and for the first byte of a connection, which
    then closes."""
    head_kb: int = setting(64, **whole(1, 1_024), variables=("TRAFFIC_SIGNS_HEAD_KB",))
    """Largest head of a request in KB; a larger one gets 431."""
    body_seconds: int = setting(20, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_BODY_SECONDS",))
    """Timeout in seconds for the body of a request, plus the time that the received bytes take at the lowest speed;
    then it gets 408."""
    answer_seconds: int = setting(20, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_ANSWER_SECONDS",))
    """Seconds in which a client must read of its answer at the lowest speed; then the connection closes."""
    kb_per_second: int = setting(64, **whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_KB_PER_SECOND",))
    """Speed in KB/s of the slowest client that the server waits for."""
    keep_alive_seconds: int = setting(75, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_KEEP_ALIVE_SECONDS",))
    """Seconds that an idle connection stays open. A proxy or the platform keeps idle connections for a minute; with a
    shorter time it could send a request just as the server closes one."""
    connections: int = setting(1_000, **whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_CONNECTIONS",))
    """Maximum of open connections per process. A further one closes the connection that has been idle longest; if none
    is idle, its requests get 503."""
    queue_length: int = setting(128, **whole(1, 100_000), variables=("TRAFFIC_SIGNS_QUEUE_LENGTH",))
    """Maximum of queued requests per process; a further one gets 503."""
    streams: int = setting(32, **whole(0, 100_000), variables=("TRAFFIC_SIGNS_STREAMS",))
    """Maximum of open WebSockets per process; a further one gets 503."""

    @property
    def payload_mb(self) -> int:
        """Largest body of a request in MB."""
        return self.max_payload_mb or (100 if self.batch else 25)

    @property
    def answer_timeout_seconds(self) -> int:
        """Seconds that the platform waits for an answer, as far as the settings tell."""
        return self.timeout_seconds or (600 if self.batch else 60)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ServingSettings":
        """Read the variables, each of them optional.

        Raises:
            SettingsError: a value is not allowed, or two variables of one setting have different values.
        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            for variable in item.metadata["variables"]:
                if text := environment.get(variable):
                    value = read(cls, item.name, variable, text)
                    if values.setdefault(item.name, value) != value:
                        names = " and ".join(item.metadata["variables"])
                        raise SettingsError(
                            f"{variable} = {text!r} contradicts its other name; set only one of {names}"
                        )
        return cls(**values)
