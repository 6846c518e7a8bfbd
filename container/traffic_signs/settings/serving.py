"""Strings from SageMaker -> frozen dataclasses, parsed once; a bad value is named with its key.

    hyperparameters.json -> TrainingSettings
    environment          -> ServingSettings

A field's type says how its string is read, its `check` what is allowed, the docstring below it what it means.
docs/configuration.md is made of them. Plain dataclasses, because a validation library would be loaded anew, with its
memory, by every serving worker.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from traffic_signs.errors import SettingsError

Settings = TypeVar("Settings", "TrainingSettings", "ServingSettings")


def _setting(default: Any, check: Callable[[Any], bool], rule: str, variables: tuple[str, ...] = ()) -> Any:
    """Declare a field: its default, the test of its value, the rule in words, its variables."""
    return field(default=default, metadata={"check": check, "rule": rule, "variables": variables})


def _whole(minimum: int, maximum: int) -> dict[str, Any]:
    return {"check": lambda value: minimum <= value <= maximum, "rule": f"a whole number from {minimum} to {maximum}"}


def _one_of(*names: str) -> dict[str, Any]:
    return {"check": lambda value: value in names, "rule": "one of " + ", ".join(names)}


def _is_port_range(text: str) -> bool:
    ports = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text, re.ASCII)
    return ports is not None and 1 <= int(ports[1]) <= int(ports[2]) <= 65_535


@dataclass(frozen=True)
class TrainingSettings:
    """What a training job can be told; None leaves a value to the preset."""

    preset: str = _setting("lenet", lambda value: value.isidentifier(), "the name of a preset")
    """Network and recipe."""
    epochs: int | None = _setting(None, **_whole(1, 10_000))
    """Passes over the training images."""
    batch_size: int | None = _setting(None, **_whole(1, 65_536))
    """Images a step, over all GPUs and hosts together."""
    learning_rate: float | None = _setting(None, lambda value: 0 < value <= 10, "a number above 0 and at most 10")
    """Highest learning rate of the schedule."""
    final: bool = _setting(False, lambda value: isinstance(value, bool), "true or false")
    """Train on the validation images too, once a preset is chosen. Nothing is held out; the last epoch's weights
    are kept."""
    temperature: float = _setting(1.0, lambda value: 0.05 <= value <= 20, "a number from 0.05 to 20")
    """With `final`: the temperature that an earlier job with validation images found."""
    seed: int = _setting(1, **_whole(0, 2**32 - 1))
    """Seed of everything random. On one machine's CPU the same seed gives the same weights."""
    split: str = _setting("track", **_one_of("track", "random"))
    """How validation images are split off where the job has none: whole tracks, or single images at random."""
    validation_fraction: float = _setting(0.2, lambda value: 0 < value < 1, "a number between 0 and 1")
    """Share of the training images that is split off for validation where the job has none."""
    require_gpu: bool = _setting(False, lambda value: isinstance(value, bool), "true or false")
    """Fail at the start if TensorFlow sees no GPU."""

    @classmethod
    def from_file(cls, path: Path) -> "TrainingSettings":
        r"""Read hyperparameters.json; a job without hyperparameters may have none.

        Values are strings in one of two encodings, `"adam"` (SDK v3, boto3, Step Functions) and
        `"\"adam\""` (SDK v2); both are understood. Names that start with `sagemaker_` or `_`
        are the platform's own (script mode, tuning) and are passed over.

        Raises:
            SettingsError: no JSON object, an unknown name, or a value that is not allowed.
        """
        try:
            raw = json.loads(path.read_bytes()) if path.exists() else {}
        except (ValueError, RecursionError) as error:  # the second of thousands of brackets
            raise SettingsError(f"{path.name} is not JSON: {error}") from error
        if not isinstance(raw, dict):
            raise SettingsError(f"{path.name} holds {type(raw).__name__}; expected an object of strings")
        return _parse(
            cls,
            "hyperparameter",
            {key: _unquote(value) for key, value in raw.items() if not key.startswith(("sagemaker_", "_"))},
        )


@dataclass(frozen=True)
class ServingSettings:
    """What the serving stack reads from the variables that SageMaker and its SDK set."""

    port: int = _setting(8080, **_whole(1, 65_535), variables=("SAGEMAKER_BIND_TO_PORT",))
    """The only port that the server opens."""
    workers: int | None = _setting(None, **_whole(1, 1_024), variables=("SAGEMAKER_MODEL_SERVER_WORKERS",))
    """Processes, each with a copy of the model. Unset: one a core that the container may use, fewer with little memory;
    with TensorFlow one a GPU."""
    engine: str = _setting("auto", **_one_of("auto", "litert", "tensorflow"), variables=("SERVING_ENGINE",))
    """What runs the network. `auto`: TensorFlow where there is a GPU and the gpu image, else LiteRT."""
    timeout_seconds: int | None = _setting(
        None,
        **_whole(1, 3_600),
        variables=("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"),
    )
    """Seconds that a client waits. A request that would queue for half of it is refused at once. Unset: 60; in batch
    transform 600, for which the platform waits by default."""
    max_payload_mb: int | None = _setting(None, **_whole(0, 1_024), variables=("SAGEMAKER_MAX_PAYLOAD_IN_MB",))
    """Largest body of a request; a larger one gets 413. Unset, or 0: 25; in batch transform 100, the platform's
    maximum."""
    log_level: int = _setting(20, **_whole(0, 50), variables=("SAGEMAKER_CONTAINER_LOG_LEVEL",))
    """Level of Python's logging. 10 adds a line for every request that succeeds."""
    default_accept: str | None = _setting(
        None,
        **_one_of("application/json", "application/jsonlines", "text/csv", "application/x-npy"),
        variables=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    """Format of the answer where `Accept` leaves it open, for the next container of a pipeline. Unset:
    application/json; in batch transform CSV for CSV and JSON lines for JSON lines."""
    multi_model: bool = _setting(
        False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_MULTI_MODEL",)
    )
    """Serve the models that the platform loads and unloads through `/models`, instead of one."""
    safe_port_range: str = _setting(
        "", _is_port_range, "two ports, as 9000-9999", variables=("SAGEMAKER_SAFE_PORT_RANGE",)
    )
    """Where a second port would have to be. The server opens none, so the value is only checked."""
    batch: bool = _setting(
        False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_BATCH",)
    )
    """The server runs in a batch transform job, which sets this."""
    batch_strategy: str | None = _setting(
        None, **_one_of("SINGLE_RECORD", "MULTI_RECORD"), variables=("SAGEMAKER_BATCH_STRATEGY",)
    )
    """Set by a batch transform job; returned by `/execution-parameters`. Unset: MULTI_RECORD."""
    max_concurrent_transforms: int | None = _setting(
        None, **_whole(0, 1_024), variables=("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",)
    )
    """Requests that a batch transform job sends at a time, and the most processes that then start. Unset, or 0:
    `/execution-parameters` decides."""
    program: str | None = _setting(
        None, lambda value: Path(value).name == value and value.endswith(".py"), "the name of a .py file, no folders",
        variables=("SAGEMAKER_PROGRAM",),
    )  # fmt: skip
    """File with the model's hooks. The SDK sets it for a Model with an `entry_point`. Unset: inference.py, if the model
    has one."""
    submit_directory: str | None = _setting(
        None, lambda value: value.startswith("/"), "a folder in the container, such as /opt/ml/model/code: give the "
        "SDK's Model a source_dir too, and it packs the code into the model", variables=("SAGEMAKER_SUBMIT_DIRECTORY",),
    )  # fmt: skip
    """Folder of that file. Unset: `code` in the model's folder."""
    precision: str = _setting("auto", **_one_of("auto", "float32", "int8"), variables=("TRAFFIC_SIGNS_PRECISION",))
    """Numbers that LiteRT computes in. `auto`: int8 where the model has it and the CPU has VNNI instructions."""
    head_seconds: int = _setting(10, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_HEAD_SECONDS",))
    """Seconds for the head of a request, then 408; and for the first byte of a connection, which then closes."""
    head_kb: int = _setting(64, **_whole(1, 1_024), variables=("TRAFFIC_SIGNS_HEAD_KB",))
    """Largest head of a request; a larger one gets 431."""
    body_seconds: int = _setting(20, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_BODY_SECONDS",))
    """Seconds for the body of a request, besides the time that what has arrived takes at the lowest speed; then 408."""
    answer_seconds: int = _setting(20, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_ANSWER_SECONDS",))
    """Seconds in which a client has to read of its answer at the lowest speed; then the connection closes."""
    kb_per_second: int = _setting(64, **_whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_KB_PER_SECOND",))
    """The lowest speed: of the slowest client that the server waits for."""
    keep_alive_seconds: int = _setting(75, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_KEEP_ALIVE_SECONDS",))
    """Seconds that an idle connection stays open. A proxy or the platform keeps idle ones for a minute, and might send
    just when a shorter time ends."""
    connections: int = _setting(1_000, **_whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_CONNECTIONS",))
    """Open connections of a process. One more closes the connection that has been idle for longest; where none is
    idle, its requests get 503."""
    queue_length: int = _setting(128, **_whole(1, 100_000), variables=("TRAFFIC_SIGNS_QUEUE_LENGTH",))
    """Requests of a process that may wait for a thread; one more gets 503."""
    streams: int = _setting(32, **_whole(0, 100_000), variables=("TRAFFIC_SIGNS_STREAMS",))
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
                    value = _read(cls, item.name, variable, text)
                    if values.setdefault(item.name, value) != value:
                        names = " and ".join(item.metadata["variables"])
                        raise SettingsError(f"{variable} = {text!r} contradicts another name of it; set one of {names}")
        return cls(**values)


def _parse(cls: type[Settings], kind: str, raw: Mapping[str, str]) -> Settings:
    known = {item.name for item in fields(cls)}
    for key, value in raw.items():
        if key not in known:
            raise SettingsError(f"unknown {kind} {key} = {value!r}; known are {', '.join(sorted(known))}")
    return cls(**{key: _read(cls, key, f"{kind} {key}", value) for key, value in raw.items()})


def _read(cls: type[Settings], name: str, label: str, text: str) -> Any:
    """Turn *text* into the type of the field *name*, or say what it should have been."""
    item: Field[Any] = next(item for item in fields(cls) if item.name == name)
    try:
        kind: Any = next((kind for kind in get_args(item.type) if kind is not type(None)), item.type)
        # bool("false") is true; json reads true and false, and what else it reads fails the check
        value = json.loads(text.lower()) if kind is bool else kind(text)  # or a str, an int, a float
        allowed = item.metadata["check"](value)
    except (ValueError, RecursionError):
        allowed = False
    if not allowed:
        raise SettingsError(f"{label} = {text!r}; expected {item.metadata['rule']}")
    return value


def _unquote(value: object) -> str:
    """Undo SDK v2's json.dumps around strings; numbers look the same in both encodings."""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return decoded if isinstance(decoded, str) else text
