"""What the command `check` does before the run: options that need more than a type, and what must be there.

options  ->  channels, parts, selected points, the unpacked model; or a usage error with exit code 2
"""

import shutil
from pathlib import Path

import click

from local_test import options
from local_test.check import catalogue
from local_test.check.core import archive
from local_test.check.core.points import Part, Subject
from local_test.check.core.run import applicable
from local_test.check.core.selection import UnknownWordError, selected
from local_test.check.image.docker_image import DockerError, docker
from local_test.platform import container


class CannotRunError(click.ClickException):
    """The check cannot run: no engine, no such image or program, no folder for the report."""

    exit_code = 2


def channels(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Path]:
    """Return the folders by channel name.

    Raises:
        click.BadParameter: an option is malformed, or names no folder.
    """
    channels = {name: Path(folder) for name, folder in options.texts(context, parameter, given).items()}
    for name, folder in channels.items():
        if not folder.is_dir():
            raise click.BadParameter(f"channel {name}: {folder} is not a folder")
    return channels


def only(_: click.Context, _parameter: click.Parameter, given: str | None) -> frozenset[str]:
    """Return the names of the selected points; none if the option is not given.

    Raises:
        click.BadParameter: a word selects no point.
    """
    if given is None:
        return frozenset()
    try:
        return selected(given, [point for each in catalogue.ALL for point in each.points])
    except UnknownWordError as error:
        raise click.BadParameter(str(error)) from None


def selected_parts(subject: Subject) -> frozenset[Part]:
    """Return the parts that have a point to check.

    Raises:
        click.UsageError: no point that --only selects applies to the subject's parts and profile.
    """
    parts = frozenset(point.part for each in applicable(catalogue.ALL, subject) for point in each.points)
    if not parts:
        raise click.UsageError(f"no point of --only applies to {', '.join(sorted(subject.parts))}, {subject.profile}")
    return parts


def require_image(image: str) -> None:
    """Raise CannotRunError unless a Docker engine is reachable and has *image*."""
    if not container.engine_reachable():
        raise CannotRunError("no Docker engine is reachable; start one, or check programs with --bare FOLDER")
    try:
        docker("image", "inspect", "--format", "{{.Id}}", image)
    except DockerError:
        raise CannotRunError(f"Docker has no image {image}; pull or build it first") from None


def require_programs(programs: Path, parts: frozenset[Part]) -> None:
    """Raise CannotRunError unless *programs* has the program that each of *parts* needs."""
    for part, name, other in ((Part.TRAINING, "train", "--hosting"), (Part.HOSTING, "serve", "--training")):
        if part in parts and shutil.which(name, path=str(programs)) is None:
            raise CannotRunError(f"{programs} has no executable program `{name}`; add it, or use {other}")


def make_report_folder(output: Path) -> None:
    """Make the folder for the report, or raise CannotRunError before a run that may take half an hour."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotRunError(f"cannot write the report to {output}: {error.strerror}") from None


def model_folder(model: Path, folder: Path) -> Path:
    """Return the folder with the model's files: *model* itself, or *folder* with the unpacked archive."""
    if model.is_dir():
        return model.resolve()
    try:
        archive.unpack(model, folder)
    except archive.RefusedError as error:
        raise click.BadParameter(str(error)) from None
    return folder
