"""Image to check: one that the engine has, one of a registry, or one that a Dockerfile makes.

IMAGE or FOLDER  ->  obtain  ->  its name in the engine
"""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from local_test.check.image.docker_image import DockerError, docker
from local_test.platform import engine

_LAST_LINES = 20
_LAYER = re.compile(r"^(\w{12}): (.+)$")
_THERE = ("Pull complete", "Already exists")


class NoImageError(Exception):
    """There is no image to check; the message says why in one line."""


def obtain(target: str, report: Path | None, scratch: Path) -> str:
    """Return the name of the image *target*, or the ID of the one that its Dockerfile makes.

    Args:
        target: name of an image, pulled if the engine does not have it, or a folder with a Dockerfile.
        report: folder for the log of the build; None for a temporary file, which stays if the build fails.
        scratch: folder for temporary files.

    Raises:
        NoImageError: it cannot be built or pulled, or *target* is both a folder and an image.
    """
    is_path = target.startswith((".", "/")) or target.endswith("/")  # the engine takes mine/ for mine
    known = not is_path and _is_here(target)
    if Path(target).is_dir():
        if known:
            raise NoImageError(f"{target} is a folder and an image; write ./{target} or {target}:latest")
        return _build(Path(target), report, scratch)
    if is_path:
        raise NoImageError(f"there is no folder {target}")
    if not known:
        _pull(target)
    return target


def _is_here(image: str) -> bool:
    try:
        docker("image", "inspect", "--format", "{{.Id}}", image)
    except DockerError:
        return False
    return True


def _build(folder: Path, report: Path | None, scratch: Path) -> str:
    if not (folder / "Dockerfile").is_file():
        raise NoImageError(f"{folder} has no Dockerfile; add one, or check its programs with --bare {folder}")
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    tag = f"check-{name or 'image'}:latest"
    log = report / "build.log" if report else Path(tempfile.gettempdir()) / f"{scratch.name}-build.log"
    # by its ID, because another check may give the tag to another image meanwhile
    identity = scratch / "image-id"
    command = [engine.DOCKER, "build", "--tag", tag, "--iidfile", str(identity), str(folder)]
    environment = {"DOCKER_BUILDKIT": "1", **os.environ}
    with _shown(f"building {folder} as {tag}, log: {log}"), log.open("wb") as stream:
        code = engine.start(command, environment, stream, subprocess.STDOUT, client=False).wait()
    text = log.read_text(encoding="utf-8", errors="replace")
    if code != 0 or not identity.exists():
        click.echo("\n".join(text.splitlines()[-_LAST_LINES:]), err=True)
        if "buildx component" in text:
            raise NoImageError(
                f"{engine.DOCKER} has no BuildKit; install docker-buildx-plugin, or set DOCKER=/path/to/docker"
            )
        raise NoImageError(f"{folder} cannot be built; the whole log is in {log}")
    if not report:
        log.unlink()
    return identity.read_text(encoding="ascii").strip()


def _pull(image: str) -> None:
    """Pull with the client's own credentials."""
    layers: dict[str, str] = {}
    last = ""
    with _shown(f"pulling {image}") as update:
        process = engine.start(
            [engine.DOCKER, "pull", image], os.environ, subprocess.PIPE, subprocess.STDOUT, client=False
        )
        assert process.stdout is not None  # noqa: S101 # it is a pipe
        with process.stdout as lines:
            for line in lines:
                last = line.decode(errors="replace").strip() or last
                if found := _LAYER.match(last):
                    layers[found[1]] = found[2]
                    there = sum(state in _THERE for state in layers.values())
                    update(f"{there} of {len(layers)} layers")
        code = process.wait()
    if code != 0:
        reason = last.removeprefix("Error response from daemon: ")
        raise NoImageError(f"there is no image {image} here, and it cannot be pulled: {reason}")


@contextmanager
def _shown(what: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being done, how far it is and for how long; elsewhere a line when it begins."""
    from rich.console import Console
    from rich.text import Text

    console, start = Console(stderr=True), time.monotonic()
    if not console.is_terminal:
        click.echo(what, err=True)
        yield lambda _: None
        return
    with console.status(Text(what)) as status:  # a name may look like markup
        yield lambda far: status.update(Text(f"{what}: {far}, {time.monotonic() - start:.0f} s"))
