"""Points of the image, for what is checked of it; their mutants are in the table, and run in tests/slow/check."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Part, Subject, Verdict
from local_test.check.core.run import applicable, applies, run
from local_test.check.hosting import scenarios
from local_test.check.image import inspection
from local_test.platform.engine import DOCKER
from local_test.platform.profiles import InstanceType, Profile
from tests.contract.check import images
from tests.contract.check.inspection import unusual
from tests.contract.check.mutants.run import faults, findings

pytestmark = pytest.mark.engine


def inspected(image: str) -> Mapping[str, Finding]:
    return findings(inspection.SCENARIOS, Subject(image, Path("/nonexistent")))


TRAINING, HOSTING = frozenset({Part.IMAGE, Part.TRAINING}), frozenset({Part.IMAGE, Part.HOSTING})


@pytest.mark.parametrize(
    ("architecture", "parts", "profile", "verdict", "words"),
    [
        ("arm64", HOSTING, Profile.REAL_TIME, Verdict.PASSED, "for Graviton only, such as ml.c7g"),
        ("arm64", HOSTING, Profile.BATCH, Verdict.BROKEN, "batch transform is on x86-64"),
        ("arm64", HOSTING, Profile.SERVERLESS, Verdict.INCONCLUSIVE, "not documented"),
        ("arm64", TRAINING, Profile.REAL_TIME, Verdict.BROKEN, "training is on x86-64, but for ml.p6e-gb200"),
        ("s390x", HOSTING, Profile.REAL_TIME, Verdict.BROKEN, "linux/s390x"),
    ],
)
def test_the_processor_is_judged_by_what_the_image_is_for(
    architecture: str, parts: frozenset[Part], profile: Profile, verdict: Verdict, words: str
) -> None:
    subject = Subject(unusual.other_platform(architecture), Path("/nonexistent"), parts, profile)
    found = findings(inspection.SCENARIOS, subject)["T1-platform"]
    assert found.verdict is verdict
    assert words in found.observed


@pytest.mark.parametrize(
    ("instances", "verdict", "words"),
    [
        ("ml.c7g.large", Verdict.PASSED, "linux/arm64; ml.c7g.large runs linux/arm64"),
        ("ml.m5.large", Verdict.BROKEN, "linux/arm64; ml.m5.large runs linux/amd64"),
    ],
)
def test_the_processor_must_be_that_of_the_named_instances(instances: str, verdict: Verdict, words: str) -> None:
    subject = Subject(
        unusual.other_platform("arm64"), Path("/nonexistent"), HOSTING, instance_type=InstanceType(instances)
    )
    found = findings(inspection.SCENARIOS, subject)["T1-platform"]
    assert (found.verdict, found.observed) == (verdict, words)


@pytest.mark.skipif(any(Path("/proc/sys/fs/binfmt_misc").glob("qemu-s390x*")), reason="this machine runs the image")
def test_an_image_that_this_machine_cannot_run_is_not_called_broken_for_it(tmp_path: Path) -> None:
    image = images.own_name("foreign")
    dockerfile = 'FROM scratch\nENTRYPOINT ["/serve"]\n'
    command = [DOCKER, "build", "--quiet", "--platform", "linux/s390x", "--tag", image, "-"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    subprocess.run(command, input=dockerfile.encode(), check=True, capture_output=True, env=environment)
    subject = Subject(image, tmp_path, HOSTING)
    found = run(applicable(scenarios.SCENARIOS, subject), subject)
    assert {finding.verdict for finding in found} == {Verdict.INCONCLUSIVE}
    assert {finding.observed.partition(":")[0] for finding in found} == {"this machine does not run linux/s390x"}


def test_the_good_image_holds_them_all() -> None:
    found = inspected(images.build("good"))
    assert not faults(found)
    others = {name: finding.verdict for name, finding in found.items() if finding.verdict is not Verdict.PASSED}
    unused = dict.fromkeys(("H12-label", "H18-cuda-label"), Verdict.NOT_APPLICABLE)
    assert others == {"T20-manifest": Verdict.INCONCLUSIVE, **unused}


def test_points_of_a_part_or_profile_that_is_not_asked_for_are_left_out() -> None:
    points = [point for scenario in inspection.SCENARIOS for point in scenario.points]
    subject = Subject("x", Path("/nonexistent"), frozenset({Part.IMAGE, Part.TRAINING}))
    assert not [point.name for point in points if applies(point, subject) and point.name.startswith(("H2-", "H14-"))]
    subject = Subject("x", Path("/nonexistent"), frozenset({Part.IMAGE, Part.HOSTING}), Profile.SERVERLESS)
    named = {point.name for point in points if applies(point, subject)}
    assert {"H14-size", "H1-user"} <= named
    assert "T1-train-there" not in named
