"""Processors of SageMaker's instances, and the check that an image runs on them.

platform of the image, instance type -> require_processor
"""

import re

from scripts.errors import Failure

X86, ARM = "linux/amd64", "linux/arm64"
_ARM_TYPES = re.compile(r"ml\.([a-z]+\d+g[a-z]*\.|p6e-gb)")
"""Graviton and Grace, such as ml.c7g, ml.m6gd and ml.p6e-gb200: ProductionVariantInstanceType in the API model."""


def platform_of(instance_type: str) -> str:
    """Return the platform that an image needs on instances of the type."""
    return ARM if _ARM_TYPES.match(instance_type) else X86


def require_processor(platform: str, image: str, instance_type: str) -> None:
    """Reject an image for another processor: its job or endpoint would fail late, with "exec format error" in its log.

    Args:
        platform: Of the image, such as "linux/amd64".
        image: Its name.
        instance_type: Such as "ml.c7g.large".

    Raises:
        Failure: the instances have another processor.
    """
    needed = platform_of(instance_type)
    if platform != needed:
        other = "an Arm one, such as ml.c7g.large" if platform == ARM else "another"
        raise Failure(
            f"--instance-type {instance_type} needs an image for {needed}, {image} is for {platform}:"
            f" choose {other}, or build with --platform {needed}"
        )
