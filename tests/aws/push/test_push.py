"""`python -m scripts.push` with a real engine and a real registry under an ECR name."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from scripts.aws.registry import MANIFEST, require_supported
from scripts.aws.registry import Registry as Reader
from scripts.errors import Failure
from tests.aws.account.test_iam import denied
from tests.aws.cloud import MODEL, ROLE, Cloud
from tests.aws.push import ecr
from tests.support.helpers import free_port

ROOT = Path(__file__).resolve().parents[3]
DOCKER = os.environ.get("DOCKER", "docker")
IMAGE = "traffic-signs-push-test:tiny"
NAME = "push-test"
pytestmark = pytest.mark.engine


def docker(*arguments: str, text: str | None = None) -> str:
    # BuildKit, because the older builder ignores --platform
    variables = {**os.environ, "DOCKER_BUILDKIT": "1"}
    command = [DOCKER, *arguments]
    process = subprocess.run(command, check=True, capture_output=True, text=True, input=text, env=variables)
    return process.stdout.strip()


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments]
    # without the signatures and hooks of this machine's user
    variables = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=variables).stdout.strip()


@dataclass(frozen=True)
class Desk:
    """A git repository with one commit, and the environment of the user who pushes from it."""

    folder: Path
    environment: dict[str, str]

    @property
    def commit(self) -> str:
        return git(self.folder, "rev-parse", "--short", "HEAD")

    @property
    def result(self) -> Path:
        return self.folder / "results" / "image-uri.txt"

    def push(self, *arguments: str, repository: str = NAME, image: str = IMAGE, **environment: str | None) -> str:
        """Push successfully; return the output. None unsets a variable."""
        process = self.start(*arguments, repository=repository, image=image, **environment)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def refusal(
        self, *arguments: str, repository: str = NAME, image: str = IMAGE, code: int = 2, **environment: str | None
    ) -> str:
        """Fail to push with an exit code; return the one line of the error."""
        process = self.start(*arguments, repository=repository, image=image, **environment)
        assert process.returncode == code, process.stdout + process.stderr
        assert process.stderr.count("\n") == 1, process.stderr
        assert not self.result.exists()
        return process.stderr

    def start(
        self, *arguments: str, repository: str, image: str, **environment: str | None
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "scripts.push", "--image", image, "--repository", repository, *arguments]
        variables = {k: v for k, v in {**self.environment, **environment}.items() if v is not None}
        return subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture(scope="module", autouse=True)
def image() -> Iterator[None]:
    docker("build", "--tag", IMAGE, "-", text="FROM debian:bookworm-slim\nLABEL pushed=whole\n")
    yield
    # by id, which removes all tags
    docker("rmi", "--force", docker("image", "inspect", "--format", "{{.Id}}", IMAGE))


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ecr.moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ecr.Registry]:
    with ecr.registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def desk(tmp_path: Path, aws: str) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / ".gitignore").write_text("results/\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PYTHONPATH": str(ROOT),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        # without this machine's credentials
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    return Desk(folder, environment)


@pytest.fixture
def trusting(desk: Desk, registry: ecr.Registry) -> Desk:
    return Desk(desk.folder, {**desk.environment, "REQUESTS_CA_BUNDLE": str(registry.certificate)})


def test_a_pushed_image_is_pulled_by_digest_and_runs(trusting: Desk, aws: str) -> None:
    said = trusting.push()
    uri = trusting.result.read_text().strip()
    assert said.splitlines()[-1] == uri
    assert f"created repository {ecr.HOST}/{NAME}" in said
    assert f"{MANIFEST}, linux/amd64, " in said
    tag = f"{ecr.HOST}/{NAME}:tiny-{trusting.commit}"
    assert uri in json.loads(docker("image", "inspect", "--format", "{{json .RepoDigests}}", IMAGE))
    found = _client(aws, "ecr").describe_repositories(repositoryNames=[NAME])["repositories"][0]
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}

    docker("rmi", "--force", tag, IMAGE)
    docker("--config", trusting.environment["DOCKER_CONFIG"], "pull", uri)
    assert docker("run", "--rm", uri, "echo", "whole") == "whole"
    assert docker("image", "inspect", "--format", "{{.Config.Labels.pushed}}", uri) == "whole"
    docker("tag", uri, IMAGE)
    docker("rmi", uri)

    assert f"found repository {ecr.HOST}/{NAME}" in trusting.push(repository=f"{ecr.HOST}/{NAME}")
    assert trusting.result.read_text().strip() == uri


def test_uncommitted_changes_are_refused_or_named(trusting: Desk) -> None:
    (trusting.folder / "program.py").write_text("")
    line = trusting.refusal()
    assert "uncommitted changes, such as program.py" in line
    assert "ALLOW_DIRTY=1" in line
    assert f"{ecr.HOST}/{NAME}:tiny-{trusting.commit}-dirty" in trusting.push("--allow-dirty")


def test_an_engine_that_pushes_oci_manifests_is_detected(
    trusting: Desk, registry: ecr.Registry, tmp_path: Path
) -> None:
    """Debian's engine never pushes OCI manifests; this one pushes, then replaces the image by its OCI form."""
    engine = tmp_path / "engine"
    planted = f"""
import pathlib, subprocess, sys
from tests.aws.push.ecr import Registry
code = subprocess.run([{DOCKER!r}, *sys.argv[1:]]).returncode
if sys.argv[1] == "push":
    Registry(pathlib.Path({str(registry.certificate)!r})).put_image("oci", sys.argv[2].rpartition(":")[2], "oci")
sys.exit(code)
"""
    engine.write_text(f"#!{sys.executable}{planted}")
    engine.chmod(0o755)
    line = trusting.refusal(repository="oci", DOCKER=str(engine))
    assert f"oci:tiny-{trusting.commit} arrived as application/vnd.oci.image.manifest.v1+json" in line
    assert "--provenance=false --sbom=false --output type=docker,oci-mediatypes=false" in line


@pytest.mark.parametrize(
    ("kind", "architecture", "words"),
    [
        ("oci", "amd64", "arrived as application/vnd.oci.image.manifest.v1+json"),
        ("docker", "s390x", "is for linux/s390x"),
        ("index", "amd64", "arrived as application/vnd.oci.image.index.v1+json"),
        ("mixed", "amd64", "arrived as application/vnd.oci.image.layer.v1.tar+gzip"),
    ],
)
def test_verification_refuses_what_sagemaker_refuses(
    registry: ecr.Registry, monkeypatch: pytest.MonkeyPatch, kind: str, architecture: str, words: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(registry.certificate))
    digest = registry.put_image(
        "planted", "one", "docker" if kind == "mixed" else kind.replace("index", "oci"), architecture
    )
    if kind == "index":
        media_type = "application/vnd.oci.image.manifest.v1+json"
        content = registry.request("GET", f"planted/manifests/{digest}", "", {"Accept": media_type}).content
        single = {"mediaType": media_type, "digest": digest, "size": len(content)}
        attested = {**single, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [single, attested],
        }
        digest = registry.put_manifest("planted", "one", index)
    if kind == "mixed":
        manifest = registry.request("GET", f"planted/manifests/{digest}", "", {"Accept": MANIFEST}).json()
        layer = {**manifest["config"], "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
        digest = registry.put_manifest("planted", "one", {**manifest, "layers": [layer]})
    found = Reader(ecr.HOST, "AWS", ecr.PASSWORD).describe("planted", "one")
    assert found.digest == digest
    with pytest.raises(Failure, match="planted:one") as caught:
        require_supported(found, "planted:one")
    assert words in caught.value.message


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_verification_accepts_a_plain_image(
    registry: ecr.Registry, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(registry.certificate))
    registry.put_image("planted", "plain", "docker", architecture)
    require_supported(Reader(ecr.HOST, "AWS", ecr.PASSWORD).describe("planted", "plain"), "planted:plain")


@pytest.mark.parametrize(
    ("architecture", "instance_type", "words"),
    [
        ("arm64", "ml.c7g.large", ""),
        ("amd64", "ml.c5.large", ""),
        ("arm64", "ml.c5.large", "ml.c5.large needs an image for linux/amd64"),
        ("amd64", "ml.c7g.large", "ml.c7g.large needs an image for linux/arm64"),
    ],
)
def test_an_endpoint_gets_instances_of_the_processor_of_its_image(
    cloud: Cloud, registry: ecr.Registry, architecture: str, instance_type: str, words: str
) -> None:
    name, digest = f"traffic-signs-{architecture}", registry.put_image("planted", "built", "docker", architecture)
    for number, image in enumerate((f"{ecr.HOST}/planted:built", f"{ecr.HOST}/planted@{digest}")):
        done = cloud.deploy(
            f"{name}-{instance_type[3:5]}-{number}", "--image", image, "--instance-type", instance_type,
            REQUESTS_CA_BUNDLE=str(registry.certificate),
        )  # fmt: skip
        assert words in done.stderr
        assert ("needs an image" in done.stderr, "not checked" in done.stderr) == (bool(words), False)
    created = [
        operation for operation, _ in cloud.calls() if ":CreateEndpointConfig" in operation
    ]  # which moto refuses
    assert len(created) == (0 if words else 2)
    assert not denied(cloud.calls())


def test_a_job_gets_instances_of_the_processor_of_its_image(cloud: Cloud, registry: ecr.Registry) -> None:
    registry.put_image("planted", "arm", "docker", "arm64")
    image, trust = f"{ecr.HOST}/planted:arm", {"REQUESTS_CA_BUNDLE": str(registry.certificate)}
    done = cloud.train("--image", image, "--instance-type", "ml.m5.large", "--yes", **trust)
    assert done.returncode == 2
    assert (
        f"ml.m5.large needs an image for linux/amd64, {image} is for linux/arm64, for endpoints on Graviton instances"
        " only: push one with make push\n" in done.stderr
    )


@pytest.mark.parametrize("given", [False, True])
def test_graviton_gets_the_image_that_was_pushed_for_it_unless_another_is_given(
    cloud: Cloud, registry: ecr.Registry, tmp_path: Path, given: bool
) -> None:
    """The training job names the image that trained, which is for x86-64."""
    images = {name: f"{ecr.HOST}/planted:{name}" for name in ("amd64", "arm64", "mine")}
    for name, image in images.items():
        registry.put_image("planted", image.rpartition(":")[2], "docker", "amd64" if name == "amd64" else "arm64")
    (tmp_path / "results").mkdir()
    job = {
        "name": "traffic-signs-job",
        "status": "Completed",
        "image": images["amd64"],
        "role": ROLE,
        "artifact": MODEL,
    }
    (tmp_path / "results" / "training-job.json").write_text(json.dumps(job))
    (tmp_path / "results" / "image-uri-arm64.txt").write_text(f"{images['arm64']}\n")
    name = f"traffic-signs-graviton-{int(given)}"
    words = ["--instance-type", "ml.c7g.large", "--endpoint-name", name, "--yes"]
    done = subprocess.run(
        cloud.command("deploy", *words, *(["--image", images["mine"]] if given else [])), cwd=tmp_path,
        env={**cloud.environment, "PYTHONPATH": str(ROOT), "REQUESTS_CA_BUNDLE": str(registry.certificate)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    said = f"image for ml.c7g.large: {images['arm64']}, from results/image-uri-arm64.txt"
    assert (said in done.stderr) is not given
    assert "sagemaker.config" not in done.stdout + done.stderr  # what the SDK says when it is imported
    created = [parameters for operation, parameters in cloud.calls() if operation == "sagemaker:CreateModel"]
    assert [each["PrimaryContainer"]["Image"] for each in created] == [images["mine" if given else "arm64"]], done


def test_an_image_that_cannot_be_read_is_deployed_on_arm_with_a_note(cloud: Cloud, registry: ecr.Registry) -> None:
    image, trust = f"{ecr.HOST}/planted:unknown", {"REQUESTS_CA_BUNDLE": str(registry.certificate)}
    done = cloud.deploy("traffic-signs-unread", "--image", image, "--instance-type", "ml.c7g.large", **trust)
    assert f"not checked: whether {image} is for linux/arm64, as ml.c7g.large needs: 404 from https://" in done.stderr
    assert [operation for operation, _ in cloud.calls() if ":CreateEndpointConfig" in operation]
    done = cloud.deploy("traffic-signs-read", "--image", image, **trust)
    assert (done.returncode, "not checked" in done.stderr) == (0, False)


def test_a_registry_that_refuses_is_quoted(registry: ecr.Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(registry.certificate))
    with pytest.raises(Failure, match=r"404 .*manifest unknown"):
        Reader(ecr.HOST, "AWS", ecr.PASSWORD).describe("planted", "nothing")
    with pytest.raises(Failure, match="401 "):
        Reader(ecr.HOST, "AWS", "wrong").describe("planted", "nothing")


@pytest.mark.usefixtures("registry")
def test_a_certificate_that_is_not_trusted_is_named(desk: Desk) -> None:
    assert "certificate verify failed" in desk.refusal(repository="untrusted", code=1)


def test_a_credential_helper_that_logs_in_is_used(trusting: Desk, tmp_path: Path) -> None:
    """ECR's helper returns a login, but refuses to store one."""
    helper = tmp_path / "docker-credential-own"
    login = json.dumps({"ServerURL": ecr.HOST, "Username": "AWS", "Secret": ecr.PASSWORD})
    helper.write_text(f"#!/bin/sh\nif [ $1 = get ]; then echo '{login}'; else echo not implemented; exit 1; fi\n")
    helper.chmod(0o755)
    configuration = Path(trusting.environment["DOCKER_CONFIG"]) / "config.json"
    configuration.parent.mkdir()
    configuration.write_text(json.dumps({"credHelpers": {ecr.HOST: "own"}}))
    assert "sha256:" in trusting.push(PATH=f"{tmp_path}:{os.environ['PATH']}")


def test_a_push_without_credentials_says_that_there_are_none(desk: Desk) -> None:
    assert "no AWS credentials" in desk.refusal(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert "no AWS credentials" in desk.refusal(AWS_PROFILE="nobody")


def test_a_push_without_a_region_names_the_variable_to_set(desk: Desk) -> None:
    assert "no AWS region; set AWS_DEFAULT_REGION" in desk.refusal(AWS_DEFAULT_REGION=None)


def test_a_repository_in_another_region_or_account_is_refused_with_both_names(desk: Desk) -> None:
    line = desk.refusal("--region", "eu-west-1", repository=f"{ecr.HOST}/{NAME}")
    assert "is in us-east-1, the region in use is eu-west-1" in line
    line = desk.refusal(repository=f"210987654321.dkr.ecr.us-east-1.amazonaws.com/{NAME}")
    assert f"is in account 210987654321, the credentials are for {ecr.ACCOUNT}" in line


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        ("GetCallerIdentity", "ExpiredToken", "the AWS login has expired"),
        ("DescribeRepositories", "ExpiredTokenException", "the AWS login has expired"),
        ("GetCallerIdentity", "InvalidClientTokenId", "AWS does not know these credentials"),
        ("DescribeRepositories", "AccessDeniedException", "lack the permission ecr:DescribeRepositories;"),
        ("CreateRepository", "AccessDeniedException", "lack the permission ecr:CreateRepository;"),
        ("GetAuthorizationToken", "AccessDeniedException", "lack the permission ecr:GetAuthorizationToken;"),
    ],
)
def test_a_login_that_aws_refuses_is_reported_with_its_cause(
    desk: Desk, aws: str, action: str, code: str, words: str
) -> None:
    with ecr.rejecting(action, code, aws) as url:
        assert words in desk.refusal(AWS_ENDPOINT_URL=url, repository=f"refused-{action.lower()}", code=1)


def test_a_push_that_cannot_reach_aws_says_so(desk: Desk) -> None:
    assert "no answer from AWS" in desk.refusal(AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}", code=1)


def test_a_name_that_ecr_does_not_allow_is_refused_in_its_words(desk: Desk) -> None:
    assert "InvalidParameterException" in desk.refusal(repository="Upper_Case", code=1)


def test_a_dry_run_prints_requests_and_commands_and_makes_no_repository(desk: Desk, aws: str) -> None:
    desk.result.parent.mkdir()
    desk.result.write_text("an earlier push")
    uri, tag = f"{ecr.HOST}/dry", f"tiny-{desk.commit}"
    found = [json.loads(line) for line in desk.push("--dry-run", repository="dry").splitlines()]
    assert [request.get("operation") or request["command"][1:] for request in found] == [
        "CreateRepository",
        ["login", "--username", "AWS", "--password-stdin", ecr.HOST],
        ["tag", IMAGE, f"{uri}:{tag}"],
        ["push", f"{uri}:{tag}"],
    ]
    assert "dry" not in [each["repositoryName"] for each in _client(aws, "ecr").describe_repositories()["repositories"]]
    assert desk.result.read_text() == "an earlier push"


def test_ctrl_c_says_how_to_remove_the_repository(cloud: Cloud) -> None:
    options = ("--image", IMAGE, "--repository", "hasty", "--allow-dirty")
    code, line = cloud.interrupt("CreateRepository", "push", *options)
    assert (code, line.count("\n")) == (130, 1)
    assert line.startswith("Error: interrupted; the repository hasty may have been created, and the image tiny-")
    assert line.endswith("; aws ecr delete-repository --region us-east-1 --repository-name hasty\n")


def test_as_json_a_push_prints_one_document(trusting: Desk) -> None:
    document = json.loads(trusting.push("--json"))
    assert document["image"] == trusting.result.read_text().strip()
    assert (document["repository"], document["tag"]) == (f"{ecr.HOST}/{NAME}", f"tiny-{trusting.commit}")
    assert document["platform"] == "linux/amd64"


def test_a_push_without_an_engine_says_what_is_missing(desk: Desk) -> None:
    assert "cannot reach the Docker engine; start it: " in desk.refusal(DOCKER_HOST="unix:///nowhere.sock")
    assert "no-docker is not installed" in desk.refusal(DOCKER="no-docker")


def test_a_push_without_the_image_says_how_to_build_it(desk: Desk) -> None:
    assert "has no image nobody:built; build it with make build" in desk.refusal(image="nobody:built")


def test_an_image_for_a_processor_that_sagemaker_lacks_is_refused(desk: Desk) -> None:
    name = "traffic-signs-push-test:s390x"
    docker("build", "--platform", "linux/s390x", "--tag", name, "-", text="FROM scratch\nLABEL for=another\n")
    try:
        assert f"{name} is for linux/s390x" in desk.refusal(image=name)
    finally:
        docker("rmi", name)


def test_an_image_for_arm_is_pushed_beside_the_one_that_trains(trusting: Desk) -> None:
    trains = trusting.push().splitlines()[-1]
    name = "traffic-signs-push-test:tiny-arm64"
    docker("build", "--platform", "linux/arm64", "--tag", name, "-", text="FROM scratch\nCOPY . /\nLABEL for=arm\n")
    try:
        said = trusting.push(image=name)
        assert "endpoints on Graviton instances run it, training does not" in said
        assert f"{MANIFEST}, linux/arm64, " in said
        assert f"as {ecr.HOST}/{NAME}:tiny-arm64-{trusting.commit}\n" in said
        uri = said.splitlines()[-1]
        assert trusting.result.with_name("image-uri-arm64.txt").read_text() == f"{uri}\n"
        assert trusting.result.read_text() == f"{trains}\n" != f"{uri}\n"
    finally:
        docker("rmi", "--force", docker("image", "inspect", "--format", "{{.Id}}", name))


def test_a_push_from_a_folder_without_a_commit_is_refused(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    line = Desk(folder, desk.environment).refusal(GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert "the tag needs a git commit, but there is none" in line


def _client(url: str, service: str) -> "boto3.client":
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=url, **keys)
