"""Command line: `python -m traffic_signs.data SOURCE`."""

from pathlib import Path

import click

from traffic_signs.data import download, synthetic
from traffic_signs.data.prepare import Plan, prepare
from traffic_signs.errors import TrafficSignsError


class _Failure(click.ClickException):
    """Ends the command with one line and exit code 2."""

    exit_code = 2


@click.command(
    epilog="""\b
    Examples:
      python -m traffic_signs.data synthetic --output data/synthetic
      python -m traffic_signs.data download --output data/gtsrb
      python -m traffic_signs.data ~/GTSRB --output data/gtsrb --split random
    """
)
@click.argument("source")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder for the arrays and pictures.")
@click.option("--split", type=click.Choice(["track", "random"]), default="track", show_default=True)
@click.option("--validation-fraction", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.2)
@click.option("--seed", default=1, show_default=True, help="Of the split and of the synthetic signs.")
def main(source: str, output: Path, split: str, validation_fraction: float, seed: int) -> None:
    """Turn a data set into training arrays.

    SOURCE is a folder or a zip with GTSRB (official or Kaggle layout) or with a folder of images
    per class; or the word `synthetic`, which draws signs; or `download`, which fetches GTSRB.
    """
    try:
        if source == "synthetic":
            source = str(output / "source")
            synthetic.write(Path(source), seed)
        elif source == "download":
            source = str(output / "source")
            download.download(Path(source))
        summary = prepare(Plan(source, split, validation_fraction, seed), output)
    except TrafficSignsError as error:
        raise _Failure(str(error)) from error
    click.echo(
        f"{output}: {summary['classes']} classes; "
        + ", ".join(f"{count:,} {part}" for part, count in summary["images"].items())
        + " images; see class-distribution.png and sample-sheet.png"
    )


if __name__ == "__main__":
    main()
