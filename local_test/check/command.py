"""Commands `check` and `points`.

IMAGE, options  ->  Subject  ->  run  ->  Report  ->  terminal, files, exit code 0, 1 or 2
"""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from local_test import options
from local_test.check import catalogue, preparation, progress
from local_test.check.core import checklist
from local_test.check.core.points import Payload, Subject
from local_test.check.core.run import requested_parts
from local_test.check.core.scratch import scratch_folder
from local_test.check.report import formats
from local_test.check.report.formats import Format
from local_test.check.report.terminal import print_report
from local_test.platform.profiles import Profile

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


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
@click.option(
    "--data", "channels", multiple=True, metavar="CHANNEL=FOLDER", callback=preparation.channels, help="Training data."
)
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
@click.option(
    "--only", metavar="POINTS", callback=preparation.only,
    help="Check these only: parts, items or points, such as hosting,H3,T5-both-encodings.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="End with 1 if there is a warning.")
@click.option("--verbose", is_flag=True, help="As text: print the points that passed or do not apply, too.")
@click.option(
    "--format", "kind", type=click.Choice([str(kind) for kind in Format]), default=str(Format.TEXT), show_default=True,
    help="What to print: text, check.json, annotations of GitHub, a summary in Markdown.",
)  # fmt: skip
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
    only: frozenset[str],
    strict: bool,
    verbose: bool,
    kind: str,
    output: Path | None,
) -> None:
    """Check any image against SageMaker's container contract, point by point.

    Exit code 0: nothing is broken. 1: something is broken, or with --strict there is a warning.
    2: wrong usage, no engine, no such image or program, or no point was decided.
    """
    if (image is None) == (bare is None):
        raise click.UsageError("give either IMAGE or --bare FOLDER")
    if (payload is None) != (content_type is None):
        raise click.UsageError("--payload and --content-type need each other")
    parts = requested_parts(training=training, hosting=hosting, image=image is not None)
    to_check = preparation.selected_parts(Subject(image, Path(), parts, Profile(profile), only=only))
    if image:
        preparation.require_image(image)
    if bare:
        preparation.require_programs(bare, to_check)
    if output:
        preparation.make_report_folder(output)
    with scratch_folder(image) as scratch:
        subject = Subject(
            image,
            scratch,
            parts,
            Profile(profile),
            channels,
            hyperparameters,
            preparation.model_folder(model, scratch / "model") if model else None,
            Payload(payload.read_bytes(), content_type) if payload and content_type else None,
            environment,
            bare.resolve() if bare else None,
            only,
        )
        report = progress.run_with_progress(subject)
    if output:
        formats.write(report, output)
    if kind == Format.TEXT:
        print_report(Console(), report, verbose=verbose)
    else:
        click.echo(formats.formatted(report, Format(kind)), nl=False)
    click.echo(report.summary + (f"; {output}/check.html" if output else ""), err=kind != Format.TEXT)
    sys.exit(report.exit_code(strict=strict))


@click.command(
    epilog="""\b
    Example:
      python -m local_test points
    """
)
def points() -> None:
    """List the items of the contract, the points that check each, and what cannot be checked here.

    The level of a point is its most severe verdict: broken, or warning.
    """
    table = Table("item", "requirement", "checked by", "not checked", show_lines=True)
    every = [point for scenario in catalogue.ALL for point in scenario.points]
    for row in checklist.table(every, catalogue.NOT_CHECKABLE):
        checked_by = "\n".join(f"{point.name}: {point.level}" for point in row.points)
        table.add_row(row.number, row.demand, checked_by, row.reason)
    Console().print(table)
