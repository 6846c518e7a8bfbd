"""What the command `check` does before the run: options that need more than a type, and what must be there.

options  ->  channels, selected points, a server's address, the unpacked model; or a usage error with exit code 2
"""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import click

from local_test import options
from local_test.check.core import archive
from local_test.check.core.points import Address, Part, Subject
from local_test.check.core.run import applicable
from local_test.check.core.selection import Selection, UnknownWordError, selected
from local_test.check.image.obtaining import NoImageError, obtain
from local_test.platform import container
from local_test.platform.profiles import InstanceType, Profile


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


def only(_: click.Context, _parameter: click.Parameter, given: str | None) -> Selection:
    """Return what is selected; all points if the option is not given.

    Raises:
        click.BadParameter: a word selects no point.
    """
    from local_test.check import catalogue

    if given is None:
        return Selection()
    try:
        return selected(given, [point for each in catalogue.ALL for point in each.points])
    except UnknownWordError as error:
        raise click.BadParameter(str(error)) from None


def address(_: click.Context, _parameter: click.Parameter, given: str | None) -> Address | None:
    """Return host and port of a URL.

    Raises:
        click.BadParameter: it is no URL of the form http://HOST:PORT.
    """
    if given is None:
        return None
    try:
        url = urlsplit(given)
        host, port = url.hostname, url.port or 80
    except ValueError:
        host = None
    if host is None or ":" in host or url.scheme != "http" or url.path.strip("/") or url.query or url.username:
        raise click.BadParameter(f"{given!r}; expected http://HOST:PORT, with a name or an IPv4 address")
    return host, port


def instance_type(_: click.Context, _parameter: click.Parameter, given: str | None) -> InstanceType | None:
    """Return the instance type; click.BadParameter if it has not the form of one."""
    try:
        return InstanceType(given) if given else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def require_instances(subject: Subject) -> None:
    """Raise click.UsageError if there are no instances of the subject's type for its parts and profile."""
    kind = subject.instance_type
    if kind and subject.profile is Profile.SERVERLESS and Part.HOSTING in subject.parts:
        raise click.UsageError("--instance-type does not go with --hosting serverless, which has no instances")
    if kind and kind.graviton and Part.TRAINING in subject.parts:
        raise click.UsageError(f"{kind.name} is for hosting only; add --only hosting")
    if kind and kind.graviton and subject.profile is Profile.BATCH:
        raise click.UsageError(f"{kind.name} does not run batch transform, which has no Graviton instances")


def require_requests_only(subject: Subject, model: Path | None) -> None:
    """Raise click.UsageError for what cannot be given to a server that runs already."""
    if subject.profile is Profile.MULTI_MODEL:
        raise click.UsageError("--url does not go with --hosting multi-model: the server cannot read a model of yours")
    given = {
        "--data": subject.channels,
        "--hyperparameter": subject.hyperparameters,
        "--model": model,
        "--env": subject.environment,
        "--instance-type": subject.instance_type,
    }
    for name, value in given.items():
        if value:
            raise click.UsageError(f"{name} does not go with --url: the server runs already")


def require_server(url: Address) -> None:
    """Raise CannotRunError unless a server listens at *url*."""
    from local_test.check.hosting.support import wire

    try:
        wire.connect(url).close()  # by IPv4, as all requests
    except OSError as error:
        raise CannotRunError(f"no server at http://{url[0]}:{url[1]}: {error.strerror or error}") from None


def selected_parts(subject: Subject) -> frozenset[Part]:
    """Return the parts that have a point to check.

    Raises:
        click.UsageError: no point that --only selects applies to the subject's parts and profile.
    """
    from local_test.check import catalogue

    parts = frozenset(point.part for each in applicable(catalogue.ALL, subject) for point in each.points)
    if not parts:
        raise click.UsageError(f"no point of --only applies to {', '.join(sorted(subject.parts))}, {subject.profile}")
    return parts


def require_engine() -> None:
    """Raise CannotRunError unless a Docker engine is reachable."""
    if not container.engine_reachable():
        raise CannotRunError("no Docker engine is reachable; start one, or check with --bare FOLDER or --url URL")


def image(target: str, output: Path | None, scratch: Path) -> str:
    """Return the name of the image *target*, see `obtain`; CannotRunError if there is none."""
    try:
        return obtain(target, output, scratch)
    except NoImageError as error:
        raise CannotRunError(str(error)) from None


def require_programs(programs: Path, parts: frozenset[Part]) -> None:
    """Raise CannotRunError unless *programs* has the program that each of *parts* needs."""
    for part, name, other in ((Part.TRAINING, "train", "hosting"), (Part.HOSTING, "serve", "training")):
        if part in parts and shutil.which(name, path=str(programs)) is None:
            raise CannotRunError(f"{programs} has no executable program `{name}`; add it, or use --only {other}")


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
