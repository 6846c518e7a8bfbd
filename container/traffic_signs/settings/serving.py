"""Environment variables -> ServingSettings; a bad value is named with its variable."""

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
    """What the serving stack reads from the variables that SageMaker and its SDK set."""

    port: int = setting(8080, **whole(1, 65_535), variables=("SAGEMAKER_BIND_TO_PORT",))
    """The only port that the server opens."""
    workers: int | None = setting(None, **whole(1, 1_024), variables=("SAGEMAKER_MODEL_SERVER_WORKERS",))
    """Processes, each with a copy of the model. Unset: one a core that the container may use, fewer with little memory;
    with TensorFlow one a GPU."""
    engine: str = setting("auto", **one_of("auto", "litert", "tensorflow"), variables=("SERVING_ENGINE",))
    """What runs the network. `auto`: TensorFlow where there is a GPU and the gpu image, else LiteRT."""
    timeout_seconds: int | None = setting(
        None,
        **whole(1, 3_600),
        variables=("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"),
    )
    """Seconds that a client waits. A request that would queue for half of it is refused at once. Unset: 60; in batch
    transform 600, for which the platform waits by default."""
    max_payload_mb: int | None = setting(None, **whole(0, 1_024), variables=("SAGEMAKER_MAX_PAYLOAD_IN_MB",))
    """Largest body of a request; a larger one gets 413. Unset, or 0: 25; in batch transform 100, the platform's
    maximum."""
    log_level: int = setting(20, **whole(0, 50), variables=("SAGEMAKER_CONTAINER_LOG_LEVEL",))
    """Level of Python's logging. 10 adds a line for every request that succeeds."""
    default_accept: str | None = setting(
        None,
        **one_of("application/json", "application/jsonlines", "text/csv", "application/x-npy"),
        variables=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    """Format of the answer where `Accept` leaves it open, for the next container of a pipeline. Unset:
    application/json; in batch transform CSV for CSV and JSON lines for JSON lines."""
    multi_model: bool = setting(
        False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_MULTI_MODEL",)
    )
    """Serve the models that the platform loads and unloads through `/models`, instead of one."""
    safe_port_range: str = setting(
        "", _is_port_range, "two ports, as 9000-9999", variables=("SAGEMAKER_SAFE_PORT_RANGE",)
    )
    """Where a second port would have to be. The server opens none, so the value is only checked."""
    batch: bool = setting(False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_BATCH",))
    """The server runs in a batch transform job, which sets this."""
    batch_strategy: str | None = setting(
        None, **one_of("SINGLE_RECORD", "MULTI_RECORD"), variables=("SAGEMAKER_BATCH_STRATEGY",)
    )
    """Set by a batch transform job; returned by `/execution-parameters`. Unset: MULTI_RECORD."""
    max_concurrent_transforms: int | None = setting(
        None, **whole(0, 1_024), variables=("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",)
    )
    """Requests that a batch transform job sends at a time, and the most processes that then start. Unset, or 0:
    `/execution-parameters` decides."""
    program: str | None = setting(
        None, lambda value: Path(value).name == value and value.endswith(".py"), "the name of a .py file, no folders",
        variables=("SAGEMAKER_PROGRAM",),
    )  # fmt: skip
    """File with the model's hooks. The SDK sets it for a Model with an `entry_point`. Unset: inference.py, if the model
    has one."""
    submit_directory: str | None = setting(
        None, lambda value: value.startswith("/"), "a folder in the container, such as /opt/ml/model/code: give the "
        "SDK's Model a source_dir too, and it packs the code into the model", variables=("SAGEMAKER_SUBMIT_DIRECTORY",),
    )  # fmt: skip
    """Folder of that file. Unset: `code` in the model's folder."""
    precision: str = setting("auto", **one_of("auto", "float32", "int8"), variables=("TRAFFIC_SIGNS_PRECISION",))
    """Numbers that LiteRT computes in. `auto`: int8 where the model has it and the CPU has VNNI instructions."""
    head_seconds: int = setting(10, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_HEAD_SECONDS",))
    """Seconds for the head of a request, then 408; and for the first byte of a connection, which then closes."""
    head_kb: int = setting(64, **whole(1, 1_024), variables=("TRAFFIC_SIGNS_HEAD_KB",))
    """Largest head of a request; a larger one gets 431."""
    body_seconds: int = setting(20, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_BODY_SECONDS",))
    """Seconds for the body of a request, besides the time that what has arrived takes at the lowest speed; then 408."""
    answer_seconds: int = setting(20, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_ANSWER_SECONDS",))
    """Seconds in which a client has to read of its answer at the lowest speed; then the connection closes."""
    kb_per_second: int = setting(64, **whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_KB_PER_SECOND",))
    """The lowest speed: of the slowest client that the server waits for."""
    keep_alive_seconds: int = setting(75, **whole(1, 3_600), variables=("TRAFFIC_SIGNS_KEEP_ALIVE_SECONDS",))
    """Seconds that an idle connection stays open. A proxy or the platform keeps idle ones for a minute, and might send
    just when a shorter time ends."""
    connections: int = setting(1_000, **whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_CONNECTIONS",))
    """Open connections of a process. One more closes the connection that has been idle for longest; where none is
    idle, its requests get 503."""
    queue_length: int = setting(128, **whole(1, 100_000), variables=("TRAFFIC_SIGNS_QUEUE_LENGTH",))
    """Requests of a process that may wait for a thread; one more gets 503."""
    streams: int = setting(32, **whole(0, 100_000), variables=("TRAFFIC_SIGNS_STREAMS",))
    """Open WebSockets of a process; one more gets 503."""

    @property
    def payload_mb(self) -> int:
        """Largest body of a request."""
        return self.max_payload_mb or (100 if self.batch else 25)

    @property
    def patience_seconds(self) -> int:
        """What the platform waits for an answer, as far as we know."""
        return self.timeout_seconds or (600 if self.batch else 60)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ServingSettings":
        """Read the variables, each of them optional.

        Raises:
            SettingsError: a value that is not allowed, named with its variable, or two names with two values.
        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            for variable in item.metadata["variables"]:
                if text := environment.get(variable):
                    value = read(cls, item.name, variable, text)
                    if values.setdefault(item.name, value) != value:
                        names = " and ".join(item.metadata["variables"])
                        raise SettingsError(f"{variable} = {text!r} contradicts another name of it; set one of {names}")
        return cls(**values)
