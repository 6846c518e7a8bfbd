"""Commands `check` and `points`.

IMAGE, options  ->  Subject  ->  run  ->  Report  ->  terminal, files, exit code 0, 1 or 2
"""

import shutil
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from local_test import options
from local_test.check import catalogue, progress
from local_test.check.core import archive, checklist
from local_test.check.core.points import Part, Payload, Subject
from local_test.check.core.run import requested_parts
from local_test.check.core.scratch import scratch_folder
from local_test.check.image.docker_image import DockerError, docker
from local_test.platform import container
from local_test.platform.profiles import Profile

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class _CannotRunError(click.ClickException):
    exit_code = 2


def _channels(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Path]:
    channels = {name: Path(folder) for name, folder in options.texts(context, parameter, given).items()}
    for name, folder in channels.items():
        if not folder.is_dir():
            raise click.BadParameter(f"channel {name}: {folder} is not a folder")
    return channels


@click.command(
    epilog="""\b
    Examples:
      python -m local_test check mine:latest --training --data training=data/ -p epochs=1 -p optimizer=adam
      python -m local_test check mine:latest --hosting --model model.tar.gz --payload one.json \\
        --content-type application/json --output results/check
      python -m local_test check --bare bin/ --hosting --model model/ --payload one.csv --content-type text/csv
    """
)
@click.argument("image", required=False)
@click.option("--bare", type=_FOLDER, help="Folder with the programs `train` and `serve`, instead of IMAGE.")
@click.option("--training", is_flag=True, help="Check training only.")
@click.option("--hosting", is_flag=True, help="Check hosting only. Default: training and hosting.")
@click.option("--data", "channels", multiple=True, metavar="CHANNEL=FOLDER", callback=_channels, help="Training data.")
@click.option(
    "-p", "--hyperparameter", "hyperparameters", multiple=True, metavar="KEY=VALUE", callback=options.values,
    help="For a short job that still takes some seconds. A value that is valid JSON is parsed as JSON.",
)  # fmt: skip
@click.option(
    "--model", type=click.Path(exists=True, path_type=Path), help="A model.tar.gz, or a folder with its content."
)
@click.option("--payload", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A valid request body.")
@click.option("--content-type", help="Content type of the payload.")
@click.option(
    "--env", "environment", multiple=True, metavar="KEY=VALUE", callback=options.texts, help="Environment variable."
)
@click.option(
    "--profile", type=click.Choice([str(profile) for profile in Profile]), default=str(Profile.REAL_TIME),
    show_default=True, help="Kind of endpoint.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Print the points that passed or do not apply, too.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for check.json, junit.xml, check.html."
)
def check(
    *,
    image: str | None,
    bare: Path | None,
    training: bool,
    hosting: bool,
    channels: dict[str, Path],
    hyperparameters: dict[str, object],
    model: Path | None,
    payload: Path | None,
    content_type: str | None,
    environment: dict[str, str],
    profile: str,
    verbose: bool,
    output: Path | None,
) -> None:
    """Check any image against SageMaker's container contract, point by point.

    Exit code 0: nothing is broken. 1: something is broken. 2: wrong usage, no engine,
    no such image or program, or no point was decided.
    """
    if (image is None) == (bare is None):
        raise click.UsageError("give either IMAGE or --bare FOLDER")
    if (payload is None) != (content_type is None):
        raise click.UsageError("--payload and --content-type need each other")
    parts = requested_parts(training=training, hosting=hosting, image=image is not None)
    if image:
        _require_image(image)
    if bare:
        _require_programs(bare, parts)
    if output:
        _make_report_folder(output)
    with scratch_folder(image) as scratch:
        subject = Subject(
            image,
            scratch,
            parts,
            Profile(profile),
            channels,
            hyperparameters,
            _model_folder(model, scratch / "model") if model else None,
            Payload(payload.read_bytes(), content_type) if payload and content_type else None,
            environment,
            bare.resolve() if bare else None,
        )
        report = progress.run_with_progress(subject)
    report.print(Console(), verbose=verbose)
    if output:
        report.write(output)
    click.echo(report.summary + (f"; {output}/check.html" if output else ""), err=True)
    sys.exit(report.exit_code)


@click.command(
    epilog="""\b
    Example:
      python -m local_test points
    """
)
def points() -> None:
    """List the items of the contract, the points that check each, and what cannot be checked here."""
    table = Table("item", "requirement", "checked by", "not checked", show_lines=True)
    every = [point for scenario in catalogue.ALL for point in scenario.points]
    for row in checklist.table(every, catalogue.NOT_CHECKABLE):
        table.add_row(row.number, row.demand, "\n".join(row.points), row.reason)
    Console().print(table)


def _require_image(image: str) -> None:
    """Raise _CannotRunError unless a Docker engine is reachable and has *image*."""
    if not container.engine_reachable():
        raise _CannotRunError("no Docker engine is reachable; start one, or check programs with --bare FOLDER")
    try:
        docker("image", "inspect", "--format", "{{.Id}}", image)
    except DockerError:
        raise _CannotRunError(f"Docker has no image {image}; pull or build it first") from None


def _require_programs(programs: Path, parts: frozenset[Part]) -> None:
    """Raise _CannotRunError unless *programs* has the program that each of *parts* needs."""
    for part, name, other in ((Part.TRAINING, "train", "--hosting"), (Part.HOSTING, "serve", "--training")):
        if part in parts and shutil.which(name, path=str(programs)) is None:
            raise _CannotRunError(f"{programs} has no executable program `{name}`; add it, or use {other}")


def _make_report_folder(output: Path) -> None:
    """Make the folder for the report, or raise _CannotRunError before a run that may take half an hour."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _CannotRunError(f"cannot write the report to {output}: {error.strerror}") from None


def _model_folder(model: Path, folder: Path) -> Path:
    """Return the folder with the model's files: *model* itself, or *folder* with the unpacked archive."""
    if model.is_dir():
        return model.resolve()
    try:
        archive.unpack(model, folder)
    except archive.RefusedError as error:
        raise click.BadParameter(str(error)) from None
    return folder
