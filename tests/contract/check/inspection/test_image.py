"""Points of the image: the good one holds all, and each mutant of it breaks exactly one."""

import dataclasses
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Part, Subject, Verdict
from local_test.check.core.run import applicable, applies, run
from local_test.check.hosting import scenarios
from local_test.check.image import inspection
from local_test.check.image.docker_image import docker, open_image
from local_test.platform.engine import DOCKER
from local_test.platform.profiles import InstanceType, Profile
from tests.contract.check import images
from tests.contract.check.mutants import Mutant, faults, findings

pytestmark = pytest.mark.engine

OCI = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIGURATIONS = {
    MANIFEST: "application/vnd.docker.container.image.v1+json",
    OCI: "application/vnd.oci.image.config.v1+json",
}


def inspected(image: str) -> Mapping[str, Finding]:
    return findings(inspection.SCENARIOS, Subject(image, Path("/nonexistent")))


def other_platform(architecture: str = "arm64") -> str:
    """The good image's files and configuration, said to be for another processor."""
    image = f"{images.REPOSITORY}:t1-platform"
    images.built.add(image)
    dockerfile = (
        f"FROM --platform=linux/amd64 {images.build('good')} AS good\nFROM scratch\nCOPY --from=good / /\n"
        'ENV PYTHONUNBUFFERED=1\nCMD ["train"]\n'
    )
    command = [DOCKER, "build", "--quiet", "--platform", f"linux/{architecture}", "--tag", image, "-"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    subprocess.run(command, input=dockerfile.encode(), check=True, capture_output=True, env=environment)
    return image


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
    subject = Subject(other_platform(architecture), Path("/nonexistent"), parts, profile)
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
def test_the_processor_is_judged_by_the_instances_that_are_named(instances: str, verdict: Verdict, words: str) -> None:
    subject = Subject(other_platform(), Path("/nonexistent"), HOSTING, instance_type=InstanceType(instances))
    found = findings(inspection.SCENARIOS, subject)["T1-platform"]
    assert (found.verdict, found.observed) == (verdict, words)


@pytest.mark.skipif(any(Path("/proc/sys/fs/binfmt_misc").glob("qemu-s390x*")), reason="this machine runs the image")
def test_an_image_that_this_machine_cannot_run_is_not_called_broken_for_it(tmp_path: Path) -> None:
    image = f"{images.REPOSITORY}:foreign"
    images.built.add(image)
    dockerfile = 'FROM scratch\nENTRYPOINT ["/serve"]\n'
    command = [DOCKER, "build", "--quiet", "--platform", "linux/s390x", "--tag", image, "-"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    subprocess.run(command, input=dockerfile.encode(), check=True, capture_output=True, env=environment)
    subject = Subject(image, tmp_path, HOSTING)
    found = run(applicable(scenarios.SCENARIOS, subject), subject)
    assert {finding.verdict for finding in found} == {Verdict.INCONCLUSIVE}
    assert {finding.observed.partition(":")[0] for finding in found} == {"this machine does not run linux/s390x"}


def long_name() -> str:
    image = f"{'long/' * 35}{images.REPOSITORY}:{'x' * 100}"
    images.built.add(image)
    docker("tag", images.build("good"), image)
    return image


def test_an_image_with_an_oci_manifest_breaks_that_point_alone() -> None:
    for media_type, verdict in ((MANIFEST, Verdict.PASSED), (OCI, Verdict.BROKEN)):
        with registry(media_type) as host:
            image = f"{host}/good:latest"
            docker("tag", images.build("good"), image)
            try:
                found = inspected(image)
            finally:
                docker("rmi", image)
        assert found["T20-manifest"].verdict is verdict
        assert media_type in found["T20-manifest"].observed
        assert set(faults(found)) <= {"T20-manifest"}


def test_an_image_too_large_for_serverless_breaks_that_point_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size alone is made up, because an image of 11 GB takes minutes."""

    @contextmanager
    def large(name: str) -> Iterator[object]:
        with open_image(name) as image:
            yield dataclasses.replace(image, config={**image.config, "Size": 11_000_000_000})

    monkeypatch.setattr(inspection, "open_image", large)
    assert faults(inspected(images.build("good"))) == {"H14-size": "11.00 GB unpacked"}


MUTANTS: dict[str, Mutant | Callable[..., object]] = {
    "T1-platform": other_platform,
    "T20-manifest": test_an_image_with_an_oci_manifest_breaks_that_point_alone,
    "T20-address": long_name,
    "T1-exec-form": Mutant(lines=["ENTRYPOINT exec train"]),
    "T1-no-init": Mutant(
        lines=["COPY tini /usr/bin/tini", 'ENTRYPOINT ["tini", "--"]'], files={"tini": "#!/bin/sh\nexec train\n"}
    ),
    "T1-train-there": Mutant(lines=["RUN rm /usr/local/bin/train"]),
    "H1-serve-there": Mutant(lines=["RUN rm /usr/local/bin/serve"]),
    "T1-run-bit": Mutant(lines=["RUN chmod 644 /usr/local/bin/serve"]),
    "T1-line-ends": Mutant(files={"train": (images.GOOD / "train").read_text().replace("\n", "\r\n")}),
    "T1-interpreter": Mutant(files=images.changed("serve", ("#!/usr/bin/env python3", "#!/opt/venv/bin/python3"))),
    "T1-default-command": Mutant(lines=['CMD ["bash"]']),
    "T3-opt-ml-empty": Mutant(lines=["COPY train /opt/ml/code/train.py"]),
    "T10-no-baked-program": Mutant(lines=["ENV SAGEMAKER_PROGRAM=train.py"]),
    "T15-unbuffered": Mutant(lines=["ENV PYTHONUNBUFFERED="]),
    "H1-user": Mutant(lines=["USER 1000"]),
    "H2-labels": Mutant(lines=["LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=yes"]),
    "H3-no-healthcheck": Mutant(lines=["HEALTHCHECK CMD python3 -c pass"]),
    "H14-size": test_an_image_too_large_for_serverless_breaks_that_point_alone,
    "H18-cuda-label": Mutant(lines=["ENV CUDA_VERSION=12.9.1"]),
}
MADE = {point: mutant for point, mutant in MUTANTS.items() if not getattr(mutant, "__name__", "").startswith("test_")}


@contextmanager
def registry(media_type: str) -> Iterator[str]:
    """A registry that has one manifest, of *media_type*, under every name; its host and port."""
    configuration = b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}'
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {
            "mediaType": CONFIGURATIONS[media_type],
            "size": len(configuration),
            "digest": f"sha256:{hashlib.sha256(configuration).hexdigest()}",
        },
        "layers": [],
    }

    class Handler(BaseHTTPRequestHandler):
        default_request_version = "HTTP/1.0"  # docker tries TLS first, and HTTP when it sees an HTTP answer

        def do_GET(self) -> None:
            body = configuration if "/blobs/" in self.path else json.dumps(manifest).encode()
            self.send_response(200)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Type", media_type if "/manifests/" in self.path else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_good_image_holds_them_all() -> None:
    found = inspected(images.build("good"))
    assert not faults(found)
    others = {name: finding.verdict for name, finding in found.items() if finding.verdict is not Verdict.PASSED}
    assert others == {"T20-manifest": Verdict.INCONCLUSIVE, "H18-cuda-label": Verdict.NOT_APPLICABLE}


@pytest.mark.parametrize("point", MADE)
def test_a_mutant_breaks_its_point_and_no_other(point: str) -> None:
    mutant = MADE[point]
    image = mutant.image(point) if isinstance(mutant, Mutant) else str(mutant())
    found = inspected(image)
    assert set(faults(found)) == {point}
    assert found[point].observed


def test_points_of_a_part_or_profile_that_is_not_asked_for_are_left_out() -> None:
    points = [point for scenario in inspection.SCENARIOS for point in scenario.points]
    subject = Subject("x", Path("/nonexistent"), frozenset({Part.IMAGE, Part.TRAINING}))
    assert not [point.name for point in points if applies(point, subject) and point.name.startswith(("H2-", "H14-"))]
    subject = Subject("x", Path("/nonexistent"), frozenset({Part.IMAGE, Part.HOSTING}), Profile.SERVERLESS)
    named = {point.name for point in points if applies(point, subject)}
    assert {"H14-size", "H1-user"} <= named
    assert "T1-train-there" not in named
