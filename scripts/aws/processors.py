"""Processors of SageMaker's instances, and the check that an image runs on them.

platform of the image, instance type -> require_processor
"""

import re
from pathlib import Path

from scripts.errors import Failure

X86, ARM = "linux/amd64", "linux/arm64"
PUSHED = {X86: Path("results/image-uri.txt"), ARM: Path("results/image-uri-arm64.txt")}
"""Files with the URI of the image that was pushed last, by its platform."""
_ARM_TYPES = re.compile(r"ml\.([a-z]+\d+g[a-z]*\.|p6e-gb)")
"""Graviton and Grace, such as ml.c7g, ml.m6gd and ml.p6e-gb200: ProductionVariantInstanceType in the API model."""


def require_type(instance_type: str) -> None:
    """Reject what is no name of an instance type; whether SageMaker has the type, only AWS knows.

    Raises:
        Failure: it has another form.
    """
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", instance_type):
        raise Failure(f"{instance_type} is no instance type of SageMaker: expected one such as ml.c5.large")


def platform_of(instance_type: str) -> str:
    """Return the platform that an image needs on instances of the type."""
    return ARM if _ARM_TYPES.match(instance_type) else X86


def require_job_type(instance_type: str) -> None:
    """Reject Graviton for a job. Source: TrainingInstanceType and TransformInstanceType in the API model.

    Raises:
        Failure: the instances are for endpoints only.
    """
    if platform_of(instance_type) == ARM and "-gb" not in instance_type:
        raise Failure(
            f"--instance-type {instance_type}: Graviton instances run endpoints only; training, processing and"
            " batch transform are on x86-64, such as ml.m5.large"
        )


def require_processor(platform: str, image: str, instance_type: str, *, job: bool = False) -> None:
    """Reject an image for another processor: its job or endpoint would fail late, with "exec format error" in its log.

    Args:
        platform: Of the image, such as "linux/amd64".
        image: Its name.
        instance_type: Such as "ml.c7g.large".
        job: For training, processing or batch transform, which have no Graviton instances.

    Raises:
        Failure: the instances have another processor.
    """
    needed = platform_of(instance_type)
    if platform == needed:
        return
    mismatch = f"--instance-type {instance_type} needs an image for {needed}, {image} is for {platform}"
    build = "push one with make push TARGET=cpu PLATFORM=linux/arm64" if needed == ARM else "push one with make push"
    if job and platform == ARM:
        raise Failure(f"{mismatch}, for endpoints on Graviton instances only: {build}")
    other = "an Arm one, such as ml.c7g.large" if platform == ARM else "another"
    raise Failure(f"{mismatch}: choose {other}, or {build}")
