"""The command that searches for hyperparameters on this machine, without AWS.

search space -> training jobs by local_test, one after the other -> table, files in results/tuning/
"""

import shlex
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from scripts.errors import Interrupted, OperationError
from scripts.options import Command, result
from scripts.tuning import options, results
from scripts.tuning.local import search
from scripts.tuning.local.job import LocalJob
from scripts.tuning.results import Results, Trial


@click.command(
    cls=Command,
    epilog="""\b
    Examples:
      python -m scripts.tune_local --training results/synthetic/data/training -p epochs=20
      python -m scripts.tune_local --training results/synthetic/data/training -p epochs=27 --strategy Hyperband
      python -m scripts.tune_local --training results/GTSRB/data/training --image traffic-signs:cpu --max-jobs 20
    """,
)
@options.common
@click.option("--image", help="Image to run. Default, and without an engine: the programs on the host.")
def main(
    *,
    training: Path,
    validation: Path | None,
    image: str | None,
    output: Path,
    **search_options: Any,
) -> None:
    """Search for the best hyperparameters by training jobs on this machine; exit code 1 if none has completed.

    The jobs run one after the other, each in a folder of its own, as `python -m local_test train` runs them.
    """
    space, strategy = options.parse(**search_options)
    for number in (signal.SIGTERM, signal.SIGHUP):  # stop the running job, as Ctrl-C does; nohup ignores SIGHUP
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder = output / name
    words = [f"--{channel}={path}" for channel, path in options.channels(training, validation).items()]
    words += [f"--image={image}"] if image else []

    def start(number: int, searched: Mapping[str, Any]) -> LocalJob:
        # as SageMaker adds it to the hyperparameters of a tuning job
        values = {**space.fixed, **searched, "_tuning_objective_metric": space.objective}
        return LocalJob(folder / f"job-{number}", words, values, space.expression)

    from rich.console import Console

    trials: list[Trial] = []
    is_interrupted = False
    click.echo(f"{strategy.jobs} jobs, one after the other, in {folder}", err=True)
    with Console(stderr=True).status("") as line:
        try:
            for trial in search.run(space, strategy, start, line.update):
                trials.append(trial)
                value = "no value" if trial.value is None else f"{trial.value:.6g}"
                click.echo(f"{trial.name}: {trial.status}, {space.objective} {value}", err=True)
        except KeyboardInterrupt:
            is_interrupted = True
    found = Results(name, space.objective, space.maximize, space.fixed, tuple(trials))
    results.write(found, folder)
    result(**found.as_json())
    results.show(found)
    if is_interrupted:
        raise Interrupted(f"interrupted after {len(trials)} jobs; they are in {folder}; delete it: rm -r {folder}")
    if not found.best:
        reason = next((trial.failure for trial in trials if trial.failure), "all were stopped early")
        raise OperationError(f"no job has completed: {reason}; the logs are in {folder}")
    base = shlex.quote(str(folder / found.best.name / "opt-ml"))
    click.echo(f"serve the best model: python -m local_test serve --base {base}", err=True)
    click.echo(
        f"its hyperparameters, for scripts.train --hyperparameters: {folder / 'best-hyperparameters.json'}", err=True
    )


if __name__ == "__main__":
    main()
