"""Command line of data preparation: `python -m traffic_signs.data SOURCE`."""

from pathlib import Path
from typing import Any

import click

from traffic_signs.data.prepare import Plan, prepare
from traffic_signs.data.sources import download, synthetic
from traffic_signs.errors import DataError, TrafficSignsError


class _Failure(click.ClickException):
    """An error that ends the command with one line and exit code 2."""

    exit_code = 2


def _check_fraction(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not 0 < value < 1:  # a FloatRange accepts NaN
        raise click.BadParameter(f"{value} is not a number between 0 and 1.")
    return value


@click.command(
    epilog="""\b
    Examples:
      python -m traffic_signs.data synthetic --output results/synthetic/data
      python -m traffic_signs.data download --output results/download/data
      python -m traffic_signs.data ~/GTSRB --output results/GTSRB/data --split random
    """
)
@click.argument("source")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder for the arrays and pictures.")
@click.option("--split", type=click.Choice(["track", "random"]), default="track", show_default=True)
@click.option("--validation-fraction", type=float, callback=_check_fraction, default=0.2, show_default=True)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the split and of the synthetic signs."
)
@click.option("--drop-leaks", is_flag=True, help="Leave images out of training that validation or test have, too.")
@click.option("--allow-unused", is_flag=True, help="Leave out images that do not fit the layout, however many.")
def main(source: str, output: Path, **plan: Any) -> None:
    """Convert a data set into training arrays.

    SOURCE is a folder, a zip or a tar with GTSRB (official or Kaggle layout), with a folder of
    images per class, or with images and a file that lists them (a table, or COCO JSON); or such
    a file itself; or the word `synthetic`, which draws signs; or `download`, which downloads GTSRB.
    """
    try:
        if source == "synthetic":
            source = str(output / "source")
            synthetic.write(Path(source), plan["seed"])
        elif source == "download":
            source = str(output / "source")
            download.download(Path(source))
        else:
            _check_separate(Path(source), output)
        summary = prepare(Plan(source, **plan), output)
    except TrafficSignsError as error:
        raise _Failure(str(error)) from error
    except OSError as error:  # such as an output that cannot be written, or a full disk
        raise _Failure(f"{error.filename or output}: {error.strerror}") from error
    click.echo(
        f"{output}: {summary['classes']} classes; "
        + ", ".join(f"{count:,} {part}" for part, count in summary["images"].items())
        + " images; see class-distribution.png and sample-sheet.png"
    )
    click.echo(_describe_leaks(summary, dropped=plan["drop_leaks"]))


def _describe_leaks(summary: dict[str, Any], *, dropped: bool) -> str:
    """Return a line about images of validation and test that training has, too."""
    found = summary["leaks"]
    count = found["training_images"]
    if not count:
        return "no validation or test image is identical to a training image, or nearly"
    parts = [
        f"of {summary['images'][part]:,} {part} images {identical:,} are identical to training images and"
        f" {found['near_duplicates'][part]:,} nearly"
        for part, identical in found["identical"].items()
    ]
    action = f"{count:,} training images were left out" if dropped else f"--drop-leaks leaves {count:,} out of training"
    return "; ".join([*parts, action])


def _check_separate(source: Path, output: Path) -> None:
    """Refuse an output among the images, where the next run would read what this one writes."""
    real_source, real_output = source.resolve(), output.resolve()
    if real_source.is_relative_to(real_output) or real_output.is_relative_to(real_source):
        raise DataError(f"{source} and --output {output} contain each other; choose an output beside the images")


if __name__ == "__main__":
    main()
