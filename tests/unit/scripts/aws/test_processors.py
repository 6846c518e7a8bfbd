"""Which instances have Arm processors, against the instance types of the API model."""

import botocore.session
import pytest

from scripts.aws.processors import ARM, X86, platform_of, require_job_type, require_processor
from scripts.errors import Failure

GRAVITON = {"c6g", "c6gd", "c6gn", "c7g", "c8g", "m6g", "m6gd", "m8g", "r6g", "r6gd", "r7gd", "r8g"}


def arm_families(enumeration: str) -> set[str]:
    types = botocore.session.get_session().get_service_model("sagemaker").shape_for(enumeration).enum
    assert len(types) > 100
    return {name.split(".")[1] for name in types if platform_of(name) == ARM}


def test_endpoints_may_run_on_graviton_but_jobs_may_not() -> None:
    """EC2's documentation names these families; a new one in the model is looked up there and added."""
    assert arm_families("ProductionVariantInstanceType") == GRAVITON | {"p6e-gb200"}
    assert arm_families("TrainingInstanceType") == {"p6e-gb200"}
    assert arm_families("TransformInstanceType") == set()


@pytest.mark.parametrize("name", ["ml.m7g.large", "ml.r7g.xlarge", "ml.c8gn.large", "ml.g5g.xlarge"])
def test_families_to_come_are_known_by_their_letter(name: str) -> None:
    assert platform_of(name) == ARM


@pytest.mark.parametrize("name", ["ml.g4dn.xlarge", "ml.g6e.xlarge", "ml.p6-b200.48xlarge", "ml.inf2.xlarge"])
def test_gpus_and_accelerators_beside_intel_and_amd_are_x86(name: str) -> None:
    assert platform_of(name) == X86


def test_a_refusal_says_what_to_choose() -> None:
    with pytest.raises(Failure, match=r"needs an image for linux/amd64, mine is for linux/arm64: choose an Arm one"):
        require_processor(ARM, "mine", "ml.c5.large")
    require_processor(ARM, "mine", "ml.c7g.large")
    with pytest.raises(Failure, match=r"mine is for linux/amd64: .* make push TARGET=cpu PLATFORM=linux/arm64$"):
        require_processor(X86, "mine", "ml.c7g.large")


def test_a_job_is_never_told_to_choose_graviton() -> None:
    with pytest.raises(Failure, match=r"for endpoints on Graviton instances only: push one with make push$"):
        require_processor(ARM, "mine", "ml.m5.large", job=True)
    with pytest.raises(Failure, match=r"Graviton instances run endpoints only; .* such as ml\.m5\.large$"):
        require_job_type("ml.c7g.large")
    require_job_type("ml.p6e-gb200.36xlarge")
    require_job_type("ml.g5.xlarge")
