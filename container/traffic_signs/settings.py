"""Strings from SageMaker -> frozen dataclasses, parsed once; a bad value is named with its key.

    hyperparameters.json -> TrainingSettings
    environment          -> ServingSettings

A field's type says how its string is read, its `check` what is allowed. Plain dataclasses,
because a validation library would be loaded anew, with its memory, by every serving worker.
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
    epochs: int | None = _setting(None, **_whole(1, 10_000))
    batch_size: int | None = _setting(None, **_whole(1, 65_536))
    """Images in a step, of all GPUs and hosts together."""
    learning_rate: float | None = _setting(None, lambda value: 0 < value <= 10, "a number above 0 and at most 10")
    """The highest of the schedule."""
    final: bool = _setting(False, lambda value: isinstance(value, bool), "true or false")
    """Train on the validation images too, for what is served once a preset is chosen: nothing is
    held out, and the last epoch's weights are kept."""
    temperature: float = _setting(1.0, lambda value: 0.05 <= value <= 20, "a number from 0.05 to 20")
    """With `final`: what the job that had validation images found, since this one cannot."""
    seed: int = _setting(1, **_whole(0, 2**32 - 1))
    split: str = _setting("track", **_one_of("track", "random"))
    validation_fraction: float = _setting(0.2, lambda value: 0 < value < 1, "a number between 0 and 1")
    require_gpu: bool = _setting(False, lambda value: isinstance(value, bool), "true or false")

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
    workers: int | None = _setting(None, **_whole(1, 1_024), variables=("SAGEMAKER_MODEL_SERVER_WORKERS",))
    """Processes; None leaves their number to the hardware."""
    engine: str = _setting("auto", **_one_of("auto", "litert", "tensorflow"), variables=("SERVING_ENGINE",))
    timeout_seconds: int | None = _setting(
        None,
        **_whole(1, 3_600),
        variables=("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"),
    )
    """None: 60; in batch transform 600, for which the platform waits by default."""
    max_payload_mb: int | None = _setting(None, **_whole(0, 1_024), variables=("SAGEMAKER_MAX_PAYLOAD_IN_MB",))
    """None, and 0 by which a job says that it sets no limit: 25; in batch transform 100, the platform's most."""
    log_level: int = _setting(20, **_whole(0, 50), variables=("SAGEMAKER_CONTAINER_LOG_LEVEL",))
    default_accept: str | None = _setting(
        None,
        **_one_of("application/json", "application/jsonlines", "text/csv", "application/x-npy"),
        variables=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    """How predictions come where a request does not say: what the next container of a pipeline reads.
    None: JSON; in batch transform lines for lines."""
    multi_model: bool = _setting(
        False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_MULTI_MODEL",)
    )
    """Serve the models that the platform loads and unloads by /models, instead of one."""
    safe_port_range: str = _setting(
        "", _is_port_range, "two ports, as 9000-9999", variables=("SAGEMAKER_SAFE_PORT_RANGE",)
    )
    """Where a second port would have to lie; there is none, so it is only checked."""
    batch: bool = _setting(
        False, lambda value: isinstance(value, bool), "true or false", variables=("SAGEMAKER_BATCH",)
    )
    """The server runs for a batch transform job."""
    batch_strategy: str | None = _setting(
        None, **_one_of("SINGLE_RECORD", "MULTI_RECORD"), variables=("SAGEMAKER_BATCH_STRATEGY",)
    )
    max_concurrent_transforms: int | None = _setting(
        None, **_whole(0, 1_024), variables=("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",)
    )
    """Requests that the job sends at a time; None or 0 leaves their number to `/execution-parameters`."""
    program: str | None = _setting(
        None, lambda value: Path(value).name == value and value.endswith(".py"), "the name of a .py file, no folders",
        variables=("SAGEMAKER_PROGRAM",),
    )  # fmt: skip
    """The file with the model's hooks; the SDK sets both where a Model has an `entry_point`."""
    submit_directory: str | None = _setting(
        None, lambda value: value.startswith("/"), "a folder in the container, such as /opt/ml/model/code: give the "
        "SDK's Model a source_dir too, and it packs the code into the model", variables=("SAGEMAKER_SUBMIT_DIRECTORY",),
    )  # fmt: skip
    """Where it is."""
    precision: str = _setting("auto", **_one_of("auto", "float32", "int8"), variables=("TRAFFIC_SIGNS_PRECISION",))
    """What LiteRT computes in; auto: int8 where the model has it and the CPU is faster in it."""
    head_seconds: int = _setting(10, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_HEAD_SECONDS",))
    """For a request's head; also for the first byte of a connection."""
    head_kb: int = _setting(64, **_whole(1, 1_024), variables=("TRAFFIC_SIGNS_HEAD_KB",))
    body_seconds: int = _setting(20, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_BODY_SECONDS",))
    """For a request's body, and what it takes to send as much as has come at `kb_per_second`."""
    answer_seconds: int = _setting(20, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_ANSWER_SECONDS",))
    """In which a client has to read of its answer at `kb_per_second`."""
    kb_per_second: int = _setting(64, **_whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_KB_PER_SECOND",))
    """The slowest client that is waited for."""
    keep_alive_seconds: int = _setting(75, **_whole(1, 3_600), variables=("TRAFFIC_SIGNS_KEEP_ALIVE_SECONDS",))
    """For the next request of a connection. A proxy or the platform keeps idle ones for a minute, and may send just
    when we close."""
    connections: int = _setting(1_000, **_whole(1, 1_000_000), variables=("TRAFFIC_SIGNS_CONNECTIONS",))
    """Of a worker; beyond, the one that has been idle for longest is closed, and where none is, requests get a 503."""
    queue_length: int = _setting(128, **_whole(1, 100_000), variables=("TRAFFIC_SIGNS_QUEUE_LENGTH",))
    """Requests of a worker that may wait for a thread."""
    streams: int = _setting(32, **_whole(0, 100_000), variables=("TRAFFIC_SIGNS_STREAMS",))
    """WebSockets of a worker."""

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
