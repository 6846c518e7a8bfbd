"""Commands `check` and `points`.

IMAGE, FOLDER or URL, options  ->  Subject  ->  run  ->  Report  ->  terminal, files, exit code 0, 1 or 2
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from local_test import options
from local_test.check import preparation
from local_test.check.core import checklist
from local_test.check.core.points import Address, Part, Payload, Subject
from local_test.check.core.scratch import scratch_folder
from local_test.check.core.selection import Selection
from local_test.check.report import formats
from local_test.check.report.findings import Report
from local_test.check.report.formats import Format
from local_test.platform.profiles import InstanceType, Profile

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(
    epilog="""\b
    Examples:
      python -m local_test check mine:latest --only training --data training=data/ -p epochs=1 -p optimizer=adam
      python -m local_test check mine:latest --only hosting --model model.tar.gz --payload one.json \\
        --content-type application/json --output results/check
      python -m local_test check 111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1 --only image
      python -m local_test check mine/ --only hosting --hosting serverless --model model/ \\
        --payload one.csv --content-type text/csv
      python -m local_test check mine:arm --only hosting --instance-type ml.c7g.large --model model/
      python -m local_test check --url http://127.0.0.1:8080 --payload one.json --content-type application/json
      python -m local_test check --bare bin/ --only hosting --model model/
    """
)
@click.argument("target", required=False, metavar="[IMAGE | FOLDER]")
@click.option("--bare", type=_FOLDER, help="Check the programs `train` and `serve` in this folder, without Docker.")
@click.option(
    "--url", callback=preparation.address, metavar="http://HOST:PORT", help="Check a server that runs already."
)
@click.option(
    "--only", "selection", metavar="WORDS", callback=preparation.only,
    help="Check these only: parts, items or points, such as hosting,T5-encodings.",
)  # fmt: skip
@click.option(
    "--hosting", type=click.Choice([str(profile) for profile in Profile]), default=str(Profile.REAL_TIME),
    show_default=True, help="Kind of endpoint, or batch transform.",
)  # fmt: skip
@click.option(
    "--instance-type", callback=preparation.instance_type, metavar="TYPE", help="Such as ml.m5.large; default: any."
)
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
    target: str | None,
    bare: Path | None,
    url: Address | None,
    selection: Selection,
    hosting: str,
    instance_type: InstanceType | None,
    channels: dict[str, Path],
    hyperparameters: dict[str, object],
    model: Path | None,
    payload: Path | None,
    content_type: str | None,
    environment: dict[str, str],
    strict: bool,
    verbose: bool,
    kind: str,
    output: Path | None,
) -> None:
    """Check any image against SageMaker's container contract, point by point.

    IMAGE is pulled if the Docker engine does not have it. FOLDER has a Dockerfile, which is built.

    With --format github, a table is added to the job's summary, too.

    Exit code 0: nothing is broken. 1: something is broken, or with --strict there is a warning.
    2: wrong usage, no engine, no such image, program or server, no point was decided, or the report cannot be written.
    """
    from local_test.check import progress

    if [target, bare, url].count(None) != 2:
        raise click.UsageError("give one of IMAGE, FOLDER, --bare FOLDER and --url URL")
    if target is not None and (not target or target.startswith("-")):  # such as "$IMAGE", which is not set
        raise click.UsageError(f"no image and no folder is named {target!r}")
    if (payload is None) != (not content_type):
        raise click.UsageError("--payload and --content-type need each other")
    subject = Subject(
        None,
        Path(),
        frozenset({Part.HOSTING}) if url else selection.parts | ({Part.IMAGE} if target else set()),
        Profile(hosting),
        channels,
        hyperparameters,
        payload=Payload(payload.read_bytes(), content_type) if payload and content_type else None,
        environment=environment,
        programs=bare.resolve() if bare else None,
        only=selection.names,
        url=url,
        instance_type=instance_type,
        name=target or (f"http://{url[0]}:{url[1]}" if url else str(bare)),
    )
    if url:
        preparation.require_requests_only(subject, model)
    to_check = preparation.selected_parts(subject)
    preparation.require_instances(subject)
    if target:
        preparation.require_engine()
    if bare:
        preparation.require_programs(bare, to_check)
    if url:
        preparation.require_server(url)
    if output:
        preparation.make_report_folder(output)
    with scratch_folder() as scratch:
        scratch.image = preparation.image(target, output, scratch.folder) if target else None
        unpacked = preparation.model_folder(model, scratch.folder / "model") if model else None
        report = progress.run_with_progress(
            replace(subject, image=scratch.image, scratch=scratch.folder, model=unpacked)
        )
    try:
        _publish(report, Format(kind), output, verbose=verbose)
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    except OSError as error:  # exit code 1 would say that something is broken
        raise preparation.CannotRunError(f"cannot write the report: {error}") from None
    sys.exit(report.exit_code(strict=strict))


def _publish(report: Report, kind: Format, output: Path | None, *, verbose: bool) -> None:
    from rich.console import Console

    from local_test.check.report.terminal import print_report

    if output:
        formats.write(report, output)
    if kind is Format.TEXT:
        print_report(Console(), report, verbose=verbose)
    else:
        click.echo(formats.formatted(report, kind), nl=False)
    if kind is Format.GITHUB and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        with Path(summary).open("a", encoding="utf-8") as page:
            page.write(formats.formatted(report, Format.MARKDOWN))
    click.echo(report.summary + (f"; {output}/check.html" if output else ""), err=kind is not Format.TEXT)


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
    from rich.console import Console
    from rich.table import Table

    from local_test.check import catalogue

    table = Table("item", "requirement", "checked by", "not checked", show_lines=True)
    every = [point for scenario in catalogue.ALL for point in scenario.points]
    for row in checklist.table(every, catalogue.NOT_CHECKABLE):
        checked_by = "\n".join(f"{point.name}: {point.level}" for point in row.points)
        table.add_row(row.number, row.demand, checked_by, row.reason)
    Console().print(table)
