"""Profiles of endpoints and transform jobs: limits, and conditions of the container.

Profile  ->  LIMITS, Conditions.of
a client's headers  ->  forward_headers  ->  those that reach the container
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MB = 10**6
"""The guide does not say whether MB is 10**6 or 2**20 bytes; the smaller one is within both."""


class Profile(enum.StrEnum):
    """Kinds of endpoints and jobs, each with its own limits."""

    REAL_TIME = "real-time"
    SERVERLESS = "serverless"
    ASYNC = "async"
    BATCH = "batch"
    MULTI_MODEL = "multi-model"


@dataclass(frozen=True)
class InstanceType:
    """Type of an instance, such as ml.c7g.large."""

    name: str

    def __post_init__(self) -> None:
        """Raise ValueError unless *name* has the form of an instance type."""
        if not re.fullmatch(r"ml\.[a-z]+\d+[a-z0-9-]*\.(medium|large|\d*xlarge|metal(-\d+xl)?)", self.name):
            raise ValueError(f"{self.name!r} is no instance type, such as ml.m5.large or ml.c7g.2xlarge")

    @property
    def graviton(self) -> bool:
        """Whether its processor is Graviton, which a g after the generation says; only hosting has it."""
        return re.match(r"ml\.[a-z]+\d+g", self.name) is not None

    @property
    def platform(self) -> str:
        """Platform of the images that it runs; Grace, in gb200, is 64-bit Arm, too."""
        return "linux/arm64" if self.graviton or "-gb" in self.name else "linux/amd64"


@dataclass(frozen=True)
class Limits:
    """The platform's limits for a container, in seconds and bytes."""

    body_bytes: int
    startup_seconds: float = 8 * 60
    answer_seconds: float = 60
    default_answer_seconds: float = 60
    """What the platform waits for an answer if the job or endpoint does not set another time, up to answer_seconds."""
    ping_seconds: float = 2
    accept_seconds: float = 0.25
    stop_seconds: float = 30


LIMITS = {
    Profile.REAL_TIME: Limits(25 * MB),
    Profile.SERVERLESS: Limits(4 * MB, startup_seconds=3 * 60),
    Profile.ASYNC: Limits(1000 * MB, answer_seconds=3600, default_answer_seconds=15 * 60),
    Profile.BATCH: Limits(100 * MB, answer_seconds=3600, default_answer_seconds=10 * 60),
    Profile.MULTI_MODEL: Limits(25 * MB),
}
DEFAULT_PORT = 8080
MODEL_NAME = "first"
"""Name of the given model on a multi-model endpoint."""
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
"""Default of the SDK's ServerlessInferenceConfig."""
LAMBDA_TMP = 512 * 2**20
"""What AWS Lambda, on which serverless endpoints run, gives a function in /tmp unless it asks for more."""
_FORWARDED = ("content-type", "accept", "content-length", "transfer-encoding", "x-amzn-sagemaker-")


@dataclass(frozen=True)
class Conditions:
    """Conditions under which a container runs; the defaults are the platform's strictest."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the profile and of the user."""
    sdk_variables: bool = True
    """The variables that the SDK's Model sets are present."""
    model_path: str = "model"
    """Path of the model below /opt/ml."""
    model_read_only: bool = True
    root_read_only: bool = False
    """The file system is read-only except for /tmp, as on serverless endpoints."""
    memory_bytes: int | None = None
    root: bool = True
    """The container runs as root, as everywhere except on serverless endpoints."""
    shared_memory: bool = True
    """The container has /dev/shm."""
    network: bool = True
    tmp_bytes: int | None = None
    """Size limit of /tmp."""
    gpu: bool = True
    """The container gets the host's GPUs, if there are any."""
    port: int = DEFAULT_PORT

    @classmethod
    def of(cls, profile: Profile, user: Mapping[str, str]) -> "Conditions":
        """Return the conditions of *profile*, with the user's variables."""
        serverless = profile is Profile.SERVERLESS
        return cls(
            environment={**_PROFILE_VARIABLES[profile], **user},
            model_path=f"models/{MODEL_NAME}/model" if profile is Profile.MULTI_MODEL else "model",
            root_read_only=serverless,
            memory_bytes=_SERVERLESS_MEMORY if serverless else None,
            gpu=not serverless,
        )

    @property
    def variables(self) -> dict[str, str]:
        """All environment variables: of the platform, the SDK, the profile and the user."""
        return {**_PLATFORM, **(_SDK if self.sdk_variables else {}), **self.environment}


def forward_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the client's headers that InvokeEndpoint forwards, with those that the platform adds."""
    kept = {name: value for name, value in headers.items() if name.lower().startswith(_FORWARDED)}
    return {"User-Agent": "AHC/2.0", **kept}
