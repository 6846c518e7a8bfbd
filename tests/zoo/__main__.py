"""`make check-zoo`: build each image, check it, compare with the expected verdicts, and write the table.

Exit code 0: every verdict is the expected one. 1: one is not, or an image cannot be built or checked.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from local_test.platform.engine import DOCKER
from tests.bench.machine import describe
from tests.zoo import results
from tests.zoo.images import Image, every

TAG = f"{os.environ.get('IMAGE', 'traffic-signs')}-zoo"
_PATIENCE = 1800.0
"""Seconds that a build or a check may take."""


class FailedError(Exception):
    """An image cannot be built or checked; the message is the last line of the output."""


@click.command(
    epilog="""\b
    Example:
      python -m tests.zoo --keep web/go frameworks/mosec
    """
)
@click.argument("names", nargs=-1)
@click.option("--keep", is_flag=True, help="Keep the built images.")
def main(names: tuple[str, ...], keep: bool) -> None:
    """Check the images NAMES, such as web/go; without NAMES, all of them."""
    images = [image for image in every() if not names or image.name in names]
    if unknown := set(names) - {image.name for image in images}:
        raise click.UsageError(f"no such image: {', '.join(sorted(unknown))}")
    kept, wrong, machine = results.read(), 0, describe()
    for image in images:
        start = time.monotonic()
        try:
            found = _checked(image, machine, keep)
        except FailedError as error:
            wrong += 1
            click.echo(f"{image.name}: {error}")
            continue
        kept[image.name] = found
        results.write(kept)
        lines = results.differences(image, found)
        wrong += bool(lines)
        counts = ", ".join(f"{count} {verdict}" for verdict, count in found["counts"].items() if count)
        click.echo(f"{image.name}: {counts}, {found['megabytes']} MB, {time.monotonic() - start:.0f} s in all")
        for line in lines:
            click.echo(f"  {line}")
    click.echo(f"{len(images) - wrong} of {len(images)} images as expected; {results.PAGE}")
    sys.exit(1 if wrong else 0)


def _checked(image: Image, machine: dict[str, str], keep: bool) -> dict[str, Any]:
    tag = f"{TAG}:{image.name.replace('/', '-')}"
    words = ["build", "--platform", "linux/amd64", "--tag", tag, "--file", str(image.folder / "Dockerfile")]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    _output([DOCKER, *words, str(image.context)], environment)
    try:
        size = int(_output([DOCKER, "image", "inspect", "--format", "{{.Size}}", tag])) // 10**6
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            check = [sys.executable, "-m", "local_test", "check", tag, *image.options(scratch)]
            _output([*check, "--output", str(scratch / "report")], ends_well=(0, 1))
            report = json.loads((scratch / "report" / "check.json").read_text(encoding="utf-8"))
    finally:
        if not keep:
            subprocess.run([DOCKER, "rmi", "--force", tag], capture_output=True, check=False)
    return results.result(image, report, size, machine)


def _output(command: list[str], environment: dict[str, str] | None = None, ends_well: tuple[int, ...] = (0,)) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=_PATIENCE, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise FailedError(str(error)) from None
    if done.returncode not in ends_well:
        raise FailedError(f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


if __name__ == "__main__":
    main()
