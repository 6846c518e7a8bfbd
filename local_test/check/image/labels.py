"""Labels with which an image declares capabilities to the platform."""

import json
import subprocess

from local_test.check.core.points import Subject
from local_test.platform.engine import DOCKER

PREFIX = "com.amazonaws.sagemaker."
BIND_TO_PORT = f"{PREFIX}capabilities.accept-bind-to-port"
MULTI_MODELS = f"{PREFIX}capabilities.multi-models"
BIDIRECTIONAL = f"{PREFIX}capabilities.bidirectional-streaming"
CUDA = f"{PREFIX}inference.cuda.verified_versions"


def has_label(subject: Subject, label: str) -> bool:
    """Return whether the subject's image sets *label* to true; a program on the host has no labels."""
    if subject.image is None:
        return False
    words = [DOCKER, "image", "inspect", "--format", "{{json .Config.Labels}}", subject.image]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    labels: dict[str, str] = json.loads(done.stdout) or {}
    return labels.get(label, "").lower() == "true"
