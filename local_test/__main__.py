"""Command line: `python -m local_test train`, `serve`, `check` and `points`."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

from local_test import options
from local_test.check.command import check, points
from local_test.page import server as page_server
from local_test.platform import container, opt_ml, training_log

_TRAIN_GRACE, _SERVE_GRACE = 120, 30
_FOLDER = click.Path(file_okay=False, resolve_path=True, path_type=Path)
_STARTUP_SECONDS = 8 * 60
"""Time that the platform allows until the first 200 of /ping."""
_CONFIGURATION = Path("input/config/hyperparameters.json")
"""File by which a job's folder is known; it is touched when the job has ended."""
_PAGE_PORT = 10_000
"""The page's port, above that of its endpoint: two endpoints on neighbouring ports may both have a page."""


@click.group()
def main() -> None:
    """Run the image as SageMaker would, or the programs on the host if no Docker engine is reachable."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # stop what runs, as Ctrl-C does; nohup ignores SIGHUP
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


@main.command(
    epilog="""\b
    Example:
      python -m local_test train --image traffic-signs:cpu --training results/synthetic/data/training -p epochs=3
    """
)
@click.option("--image", help="Image to run. Default, and without an engine: the programs on the host.")
@click.option("--base", type=_FOLDER, default="results/opt-ml", show_default=True)
@click.option("--training", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--validation", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-p", "--hyperparameter", "hyperparameters", multiple=True, metavar="KEY=VALUE", callback=options.values,
    help="May be repeated. A value that is valid JSON is parsed as JSON.",
)  # fmt: skip
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the job's log; the terminal then shows a progress bar.",
)
def train(
    *,
    image: str | None,
    base: Path,
    training: Path,
    validation: Path | None,
    hyperparameters: dict[str, object],
    log: Path | None,
) -> None:
    """Run a training job; its model and output are written to the folder --base, which stands for /opt/ml.

    The files of an earlier job there are replaced only after success. Until then, and if the job fails or is
    interrupted, its files are in the folder BASE.partial. A folder with files that came after its job is not removed,
    but renamed.
    """
    image = container.usable_image(image)
    channels = {"training": training} | ({"validation": validation} if validation else {})
    partial = base.parent / f"{base.name}.partial"
    for folder in (base, partial):
        if folder.exists() and any(folder.iterdir()) and not (folder / _CONFIGURATION).exists():
            click.echo(f"Error: {folder} has files that are not from an earlier run; choose another --base", err=True)
            sys.exit(2)
    _clear(partial)
    opt_ml.write(partial, channels, hyperparameters, opt_ml.HOST if image else "localhost")
    job = container.training_program(image, partial, channels)
    interrupted = False
    with log.open("wb") if log else contextlib.nullcontext() as stream:
        process = job.start(stream)
    try:
        code = training_log.follow(process, log) if log else process.wait()
    except KeyboardInterrupt:
        code, interrupted = job.stop(process, _TRAIN_GRACE), True
    if log:
        training_log.print_summary(log, failed=code != 0)
    if image and os.getuid() != 0:
        container.restore_owner(image, partial, os.getuid(), os.getgid())
    (partial / _CONFIGURATION).touch()
    failure = partial / "output" / "failure"
    if code != 0:
        reason = failure.read_text(encoding="utf-8")[:1024] if failure.exists() else "no failure file was written"
        click.echo(f"training failed with exit code {code}: {reason}", err=True)
    if code != 0 or (interrupted and base.exists()):  # an interrupted job does not replace an earlier model
        earlier = f"; {base} is unchanged" if base.exists() else ""
        click.echo(f"the files of this job are in {partial}{earlier}", err=True)
        sys.exit(1)
    _clear(base)
    partial.rename(base)
    click.echo(f"model: {base / 'model'}   report: {base / 'output' / 'data'}")


def _clear(folder: Path) -> None:
    """Remove the *folder* of an earlier job; rename it if a user has added or changed files since."""
    if not folder.exists():
        return
    ended = (folder / _CONFIGURATION).stat().st_ctime_ns  # ctime: copied files keep their mtime
    added = [path for path in folder.rglob("*") if path.lstat().st_ctime_ns > ended and not path.is_dir()]
    if not added:
        shutil.rmtree(folder)
        return
    names = (folder.with_name(f"{folder.name}.earlier-{number}") for number in itertools.count(1))
    kept = next(name for name in names if not name.exists())
    folder.rename(kept)
    example = added[0].relative_to(folder)
    click.echo(f"{folder} had files from after its job, such as {example}: it is kept as {kept}", err=True)


@main.command(
    epilog="""\b
    Examples:
      python -m local_test serve --image traffic-signs:cpu --page
      python -m local_test serve --image traffic-signs:cpu -- make local-predict
    """,
)
@click.option("--image", help="Image to run. Default, and without an engine: the programs on the host.")
@click.option(
    "--base", type=click.Path(exists=True, file_okay=False, path_type=Path), default="results/opt-ml", show_default=True
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--page", is_flag=True, help="Also serve a browser page to try the model by hand, on a port of its own.")
@click.argument("command", nargs=-1)
def serve(*, image: str | None, base: Path, port: int, page: bool, command: tuple[str, ...]) -> None:
    """Serve the model in the folder --base until Ctrl-C or, with COMMAND, until that ends.

    The page is at PORT + 10000 if that is free, and its URL is printed.
    With COMMAND, the server's log goes to the file serve.log beside --base.
    """
    if command and shutil.which(command[0]) is None:
        raise click.UsageError(f"program {command[0]} not found")
    if _is_listening(port):  # its responses would be taken for those of the server
        click.echo(f"Error: port {port} is in use; choose another with --port, or PORT= for make", err=True)
        sys.exit(2)
    server = container.serving_program(container.usable_image(image), base, port)
    log = base.parent / "serve.log"
    with log.open("wb") if command else contextlib.nullcontext() as stream:
        process = server.start(stream)
    code = 0
    try:
        seconds = _wait_until_ready(process, f"http://127.0.0.1:{port}/ping", log if command else None)
        click.echo(f"ready after {seconds:.1f} s: http://127.0.0.1:{port}/invocations", err=True)
        with page_server.serve(port, port + _PAGE_PORT) if page else contextlib.nullcontext() as url:
            if url:
                click.echo(f"a page to try it: {url}", err=True)
            code = subprocess.run(command, check=False).returncode if command else process.wait()
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
    finally:
        server.stop(process, _SERVE_GRACE)
    sys.exit(code)


def _is_listening(port: int) -> bool:
    """Return whether a program listens on *port* of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path | None) -> float:
    import requests

    start = time.monotonic()
    while time.monotonic() - start < _STARTUP_SECONDS:
        if process.poll() is not None:
            last = "\n".join(log.read_text(encoding="utf-8").splitlines()[-5:]) + "\n" if log else ""
            click.echo(f"{last}the server exited with code {process.returncode} before it was ready", err=True)
            sys.exit(1)
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=2).status_code == requests.codes.ok:
                return time.monotonic() - start
        time.sleep(0.1)
    click.echo(f"{url} did not return 200 within {_STARTUP_SECONDS} s", err=True)
    sys.exit(1)


main.add_command(check)
main.add_command(points)

if __name__ == "__main__":
    main()
