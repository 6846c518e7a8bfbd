"""Push an image to ECR such that SageMaker takes it; look before, and at what has arrived.

engine, image, git, AWS -> preflight -> repository -> login -> push
    -> what the registry holds -> URI by digest, in a file for training and deployment
"""

import os
import subprocess
from pathlib import Path

import click

from scripts.aws.ecr import Ecr
from scripts.aws.registry import PLATFORM, Registry, refuse
from scripts.errors import Failure

DOCKER = os.environ.get("DOCKER", "docker")


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.push --image traffic-signs:gpu --repository traffic-signs
      python -m scripts.push --image traffic-signs:cpu --repository traffic-signs --region eu-west-1 --allow-dirty
    """
)
@click.option("--image", required=True, help="In the Docker engine, as `make build` tags it.")
@click.option("--repository", required=True, help="Name, or URI, in the ECR of your account; made if it is missing.")
@click.option("--region", help="Where the jobs will run; by default the region of your AWS configuration.")
@click.option("--allow-dirty", is_flag=True, help="Push with uncommitted changes; the tag then ends in -dirty.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("results/image-uri.txt"),
    show_default=True,
    help="File for the URI by digest, which training and deployment read.",
)
def main(image: str, repository: str, region: str | None, allow_dirty: bool, output: Path) -> None:
    """Push an image to ECR, tagged by its own tag and the git commit, such as gpu-1a2b3c4."""
    _check_image(image)
    tag = _tag(image, allow_dirty)
    ecr = Ecr.connect(region)
    name = ecr.name_of(repository)
    uri, made = ecr.ensure(name)
    click.echo(f"{'made' if made else 'found'} repository {uri}")
    registry = ecr.login(uri.partition("/")[0])
    _login(registry)
    click.echo(f"pushing {image} as {uri}:{tag}")
    output.unlink(missing_ok=True)  # or after a failure training would go on with the image of an earlier push
    _push(image, f"{uri}:{tag}")
    arrived = registry.describe(name, tag)
    refuse(arrived, f"{uri}:{tag}")
    click.echo(f"arrived: {arrived.media_types[0]}, {arrived.platform}, {arrived.size / 1e6:,.1f} MB compressed")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(f"{uri}@{arrived.digest}\n", encoding="utf-8")
    click.echo(f"{uri}@{arrived.digest}")


def _check_image(image: str) -> None:
    code, _, error = _run([DOCKER, "version", "--format", "{{.Server.Version}}"])
    if code:
        raise Failure(f"no Docker engine is reachable; start it. {_last_line(error)}")
    code, platform, _ = _run([DOCKER, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image])
    if code:
        raise Failure(f"the Docker engine has no image {image}; make build")
    if platform.strip() != PLATFORM:
        raise Failure(f"{image} is for {platform.strip()}, SageMaker's hosts are {PLATFORM}; make build anew")


def _tag(image: str, allow_dirty: bool) -> str:
    code, commit, error = _run(["git", "rev-parse", "--short", "HEAD"])
    if code:
        raise Failure(f"the tag names a git commit, and there is none: {_last_line(error)}")
    _, changes, _ = _run(["git", "status", "--porcelain"])
    if changes and not allow_dirty:
        raise Failure(
            f"uncommitted changes, such as {changes.splitlines()[0][3:]}: no commit would name this image;"
            " commit them, or allow them (make push ALLOW_DIRTY=1)"
        )
    # the target comes first, or a pushed cpu image would take the tag from the gpu image of the same commit
    target = image.rpartition("/")[2].partition(":")[2] or "latest"
    return f"{target}-{commit.strip()}{'-dirty' if changes else ''}"


def _login(registry: Registry) -> None:
    command = [DOCKER, "login", "--username", registry.user, "--password-stdin", registry.host]
    code, _, error = _run(command, registry.password)
    # ECR's credential helper answers so when told to store: it logs in by itself, at the push
    if code and "not implemented" not in error:
        raise Failure(f"docker login at {registry.host}: {_last_line(error)}")


def _push(image: str, target: str) -> None:
    code, _, error = _run([DOCKER, "tag", image, target])
    if code:
        raise Failure(f"docker tag: {_last_line(error)}")
    # its progress is Docker's own, on standard output; its error is the last line of the other stream
    process = subprocess.run([DOCKER, "push", target], check=False, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        raise Failure(f"docker push: {_last_line(process.stderr)}")


def _run(command: list[str], text: str | None = None) -> tuple[int, str, str]:
    try:
        process = subprocess.run(command, check=False, capture_output=True, text=True, input=text)
    except FileNotFoundError:
        return 127, "", f"there is no program {command[0]}"
    return process.returncode, process.stdout, process.stderr


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")


if __name__ == "__main__":
    main()
