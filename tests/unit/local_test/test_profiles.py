"""What an endpoint's kind and an instance's type mean for the image."""

import botocore.session
import pytest

from local_test.platform.container import endpoint_in_container
from local_test.platform.profiles import Conditions, InstanceType, Profile


def types(of: str) -> list[str]:
    """The types that the API accepts."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return list(model.shape_for(of).enum)


def test_every_type_of_the_api_is_read() -> None:
    for of in ("ProductionVariantInstanceType", "TrainingInstanceType", "TransformInstanceType"):
        assert [InstanceType(name).name for name in types(of)] == types(of)


def test_only_hosting_has_graviton() -> None:
    hosting = [InstanceType(name) for name in types("ProductionVariantInstanceType")]
    graviton = {each.name.split(".")[1] for each in hosting if each.graviton}
    assert {"c6g", "c7g", "c8g", "m6gd", "r8g"} <= graviton
    assert not graviton & {"g4dn", "g5", "g6e", "m5", "p6-b200"}
    others = [InstanceType(name) for of in ("TrainingInstanceType", "TransformInstanceType") for name in types(of)]
    assert not [each for each in others if each.graviton]


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("ml.m5.large", "linux/amd64"),
        ("ml.c7g.2xlarge", "linux/arm64"),
        ("ml.g5.xlarge", "linux/amd64"),
        ("ml.p6-b200.48xlarge", "linux/amd64"),
        ("ml.p6e-gb200.36xlarge", "linux/arm64"),
    ],
)
def test_the_platform_is_read_from_the_name(name: str, platform: str) -> None:
    assert InstanceType(name).platform == platform


@pytest.mark.parametrize("name", ["m5.large", "ml.m5", "ml.m5.lagre", "local", "ml.m5.large ", ""])
def test_an_unknown_instance_type_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no instance type, such as ml"):
        InstanceType(name)


@pytest.mark.parametrize("profile", Profile)
def test_only_a_serverless_endpoint_has_no_gpu_and_a_read_only_root(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.exists", lambda _: True)  # as on a host with NVIDIA's devices
    words = endpoint_in_container("x", None, "bridge", Conditions.of(profile, {})).command
    serverless = profile is Profile.SERVERLESS
    assert ("--gpus" in words) is not serverless
    assert ("--read-only" in words) is serverless
