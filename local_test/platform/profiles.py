"""Kinds of endpoints and transform jobs: what the platform grants a container and what it withholds.

Profile  ->  LIMITS, Conditions.of
a client's headers  ->  forwarded_headers  ->  those that reach the container
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

MB = 10**6
"""The guide does not say which; a body that is within this one is within either."""


class Profile(enum.StrEnum):
    """The kinds of endpoints and jobs, each with limits of its own."""

    REAL_TIME = "real-time"
    SERVERLESS = "serverless"
    ASYNC = "async"
    BATCH = "batch"
    MULTI_MODEL = "multi-model"


@dataclass(frozen=True)
class Limits:
    """What the platform grants a container of one kind, in seconds and bytes."""

    body_bytes: int
    startup_seconds: float = 8 * 60
    answer_seconds: float = 60
    ping_seconds: float = 2
    accept_seconds: float = 0.25
    stop_seconds: float = 30


LIMITS = {
    Profile.REAL_TIME: Limits(25 * MB),
    Profile.SERVERLESS: Limits(4 * MB, startup_seconds=3 * 60),
    Profile.ASYNC: Limits(1000 * MB, answer_seconds=3600),
    Profile.BATCH: Limits(100 * MB, answer_seconds=3600),
    Profile.MULTI_MODEL: Limits(25 * MB),
}
DEFAULT_PORT = 8080
MODEL_NAME = "first"
"""Where an endpoint of many models has the one that is given."""
_PLATFORM = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EXECUTION_ENV": "AWS_ECS_EC2"}
_SDK = {"SAGEMAKER_CONTAINER_LOG_LEVEL": "20", "SAGEMAKER_REGION": "us-east-1"}
_PROFILE_VARIABLES: dict[Profile, dict[str, str]] = {
    Profile.REAL_TIME: {},
    Profile.SERVERLESS: {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "MODEL_SERVER_WORKERS": "1"},
    Profile.ASYNC: {},
    Profile.BATCH: {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100",
    },
    Profile.MULTI_MODEL: {"SAGEMAKER_MULTI_MODEL": "true"},
}
_SERVERLESS_MEMORY = 2048 * 2**20
"""What the SDK's ServerlessInferenceConfig asks for by default."""
_FORWARDED = ("content-type", "accept", "content-length", "transfer-encoding", "x-amzn-sagemaker-")


@dataclass(frozen=True)
class Conditions:
    """What a container finds around it; by default what the strictest endpoint of its kind has."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """The kind's variables and the user's."""
    sdk_variables: bool = True
    """Those that the SDK's Model sets."""
    model_path: str = "model"
    """Below /opt/ml."""
    model_read_only: bool = True
    root_read_only: bool = False
    """With a /tmp that can be written, as serverless endpoints have it."""
    memory_bytes: int | None = None
    root: bool = True
    """Its processes are, as everywhere but on serverless endpoints."""
    shared_memory: bool = True
    """There is a /dev/shm."""
    network: bool = True
    tmp_bytes: int | None = None
    """The size of /tmp, if it is to be full soon."""
    port: int = DEFAULT_PORT

    @classmethod
    def of(cls, profile: Profile, user: Mapping[str, str]) -> "Conditions":
        """Those of a kind of endpoint, with the user's variables."""
        serverless = profile is Profile.SERVERLESS
        return cls(
            environment={**_PROFILE_VARIABLES[profile], **user},
            model_path=f"models/{MODEL_NAME}/model" if profile is Profile.MULTI_MODEL else "model",
            root_read_only=serverless,
            memory_bytes=_SERVERLESS_MEMORY if serverless else None,
        )

    @property
    def variables(self) -> dict[str, str]:
        """All of them together."""
        return {**_PLATFORM, **(_SDK if self.sdk_variables else {}), **self.environment}


def forwarded_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what InvokeEndpoint passes on of a client's headers, with those that the platform adds."""
    kept = {name: value for name, value in headers.items() if name.lower().startswith(_FORWARDED)}
    return {"User-Agent": "AHC/2.0", **kept}
