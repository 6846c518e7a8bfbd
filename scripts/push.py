"""The command that pushes an image to ECR, and checks that SageMaker accepts it.

checks of engine, image, git and AWS -> repository -> login -> push
    -> check of the image in the registry -> URI with digest, in a file for training and deployment
"""

import os
import subprocess
import sys
from pathlib import Path

import click

from scripts import dry_run
from scripts.aws import session
from scripts.aws.ecr import Ecr
from scripts.aws.processors import ARM, PUSHED
from scripts.aws.registry import Registry, require_platform, require_supported
from scripts.errors import Failure, OperationError
from scripts.options import Command, result

DOCKER = os.environ.get("DOCKER", "docker")


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.push --image traffic-signs:gpu --repository traffic-signs
      python -m scripts.push --image traffic-signs:cpu --repository traffic-signs --region eu-west-1 --allow-dirty
    """,
)
@click.option("--image", required=True, help="Tag in the Docker engine, as `make build` sets it.")
@click.option("--repository", required=True, help="Name or URI in your account's ECR; created if it is missing.")
@click.option("--region", help="Region of the jobs; default: the region of your AWS configuration.")
@click.option("--allow-dirty", is_flag=True, help="Allow uncommitted changes; the tag then ends in -dirty.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    show_default=", or for linux/arm64 ".join(map(str, PUSHED.values())),
    help="File for the URI with digest; training and deployment read it.",
)
def main(image: str, repository: str, region: str | None, allow_dirty: bool, output: Path | None) -> None:
    """Push an image to ECR, tagged with its target and the git commit, such as gpu-1a2b3c4."""
    output = output or PUSHED[_check_image(image)]
    tag = _tag(image, allow_dirty)
    ecr = Ecr.connect(region)
    name = ecr.repository_name(repository)
    at = f"--region {ecr.region} --repository-name {name}"
    leftover = (
        f"the repository {name} may have been created, and the image {tag} pushed: push again, or remove them:"
        f" aws ecr batch-delete-image {at} --image-ids imageTag={tag}; aws ecr delete-repository {at}"
    )
    with session.readable_errors(next_step=leftover):
        uri = _push_and_check(ecr, name, image, tag, output)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(f"{uri}\n", encoding="utf-8")
    click.echo(uri)


def _push_and_check(ecr: Ecr, name: str, image: str, tag: str, output: Path) -> str:
    """Push *image* to the repository *name*, created if it is missing; return its URI with digest."""
    uri, created = ecr.ensure(name)
    target = f"{uri}:{tag}"
    if recorder := dry_run.recorder():
        if created:  # AWS has not been asked for the URI
            target = f"{ecr.host}/{name}:{tag}"
        for words in (_login_command(target.partition("/")[0], "AWS"), *_push_commands(image, target)):
            recorder.record(command=words)
        dry_run.end()
    result(repository=uri, created=created, tag=tag)
    click.echo(f"{'created' if created else 'found'} repository {uri}")
    registry = ecr.login(uri.partition("/")[0])
    _login(registry)
    click.echo(f"pushing {image} as {target}")
    output.unlink(missing_ok=True)  # after a failure, training must not use the image of an earlier push
    _push(image, target)
    pushed = registry.describe(name, tag)
    require_supported(pushed, target)
    result(
        image=f"{uri}@{pushed.digest}", media_type=pushed.media_types[0], platform=pushed.platform, bytes=pushed.size
    )
    click.echo(f"in the registry: {pushed.media_types[0]}, {pushed.platform}, {pushed.size / 1e6:,.1f} MB compressed")
    return f"{uri}@{pushed.digest}"


def _check_image(image: str) -> str:
    code, _, error = _run([DOCKER, "version", "--format", "{{.Server.Version}}"])
    if code:
        raise Failure(f"cannot reach the Docker engine; start it: {_last_line(error)}")
    code, platform, _ = _run([DOCKER, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image])
    if code:
        raise Failure(f"the Docker engine has no image {image}; build it with make build")
    platform = platform.strip()
    require_platform(platform, image)
    if platform == ARM:
        click.echo(f"{image} is for {ARM}: endpoints on Graviton instances run it, training does not")
    return platform


def _tag(image: str, allow_dirty: bool) -> str:
    code, commit, error = _run(["git", "rev-parse", "--short", "HEAD"])
    if code:
        raise Failure(f"the tag needs a git commit, but there is none: {_last_line(error)}")
    _, changes, _ = _run(["git", "status", "--porcelain"])
    if changes and not allow_dirty:
        raise Failure(
            f"uncommitted changes, such as {changes.splitlines()[0][3:]}: the commit would not identify this image;"
            " commit them, or allow them with make push ALLOW_DIRTY=1"
        )
    # the tag has the target, so that cpu and gpu images of one commit have different tags
    target = image.rpartition("/")[2].partition(":")[2] or "latest"
    return f"{target}-{commit.strip()}{'-dirty' if changes else ''}"


def _login_command(host: str, user: str) -> list[str]:
    return [DOCKER, "login", "--username", user, "--password-stdin", host]


def _login(registry: Registry) -> None:
    code, _, error = _run(_login_command(registry.host, registry.user), registry.password)
    # ECR's credential helper stores no passwords and logs in by itself when docker pushes
    if code and "not implemented" not in error:
        raise OperationError(f"docker login at {registry.host}: {_last_line(error)}")


def _push_commands(image: str, target: str) -> tuple[list[str], list[str]]:
    return [DOCKER, "tag", image, target], [DOCKER, "push", target]


def _push(image: str, target: str) -> None:
    tag, push = _push_commands(image, target)
    code, _, error = _run(tag)
    if code:
        raise OperationError(f"docker tag: {_last_line(error)}")
    # docker prints its progress on standard output and its error on the last line of standard error
    process = subprocess.run(push, check=False, stdout=sys.stdout, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        raise OperationError(f"docker push: {_last_line(process.stderr)}")


def _run(command: list[str], text: str | None = None) -> tuple[int, str, str]:
    try:
        process = subprocess.run(command, check=False, capture_output=True, text=True, input=text)
    except FileNotFoundError:
        return 127, "", f"{command[0]} is not installed"
    return process.returncode, process.stdout, process.stderr


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")


if __name__ == "__main__":
    main()
