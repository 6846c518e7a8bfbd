"""Command of `make mutants`: runs the table, and prints it with what was found.

table  ->  each mutant and each odd image, as often as asked for  ->  a row a point  ->  exit code 0 or 1
"""

import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

import click
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

from local_test.check.core.selection import UnknownWordError, selected
from tests.contract.check.mutants import run
from tests.contract.check.mutants.run import Outcome
from tests.contract.check.mutants.table import POINTS, TABLE, problems


@click.command(
    epilog="""\b
    Examples:
      python -m tests.contract.check.mutants --only H3,T13-signal
      python -m tests.contract.check.mutants --only hosting --times 20
    """
)
@click.option("--only", metavar="POINTS", help="These only: parts, items or points, such as hosting,H3,T13-signal.")
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="Run each so often.")
@click.option("--every-scenario", is_flag=True, help="Run mutants through every scenario of their part.")
@click.option("--at-once", type=click.IntRange(1), default=run.AT_ONCE, show_default=True, help="Runs side by side.")
def main(only: str | None, times: int, *, every_scenario: bool, at_once: int) -> None:
    """Run the mutants and the odd images of the check's points. Exit code 1: one of them got a wrong verdict."""
    try:
        chosen = selected(only, POINTS.values()).names if only else frozenset(POINTS)
    except UnknownWordError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    points = [name for name in POINTS if name in chosen]
    if lacking := problems(POINTS):
        raise click.ClickException("\n".join(lacking))
    with run.pool(at_once) as pool:
        runs: dict[str, list[Future[Outcome]]] = {}
        for _ in range(times):
            for point in points:
                runs.setdefault(point, []).append(pool.submit(run.of_mutant, point, every=every_scenario))
            for odd in dict.fromkeys(TABLE[point].odd.name for point in points):
                runs.setdefault(f"odd {odd}", []).append(pool.submit(run.of_odd, odd))
        _wait([each for futures in runs.values() for each in futures])
    wrong = {point: _wrong(point, runs) for point in points}
    _print(points, wrong, times)
    sys.exit(1 if any(wrong.values()) else 0)


def _wait(futures: list[Future[Outcome]]) -> None:
    columns = (*Progress.get_default_columns(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("runs", total=len(futures))
        for each in futures:
            each.add_done_callback(lambda _: progress.advance(task))
        for each in futures:
            each.exception()


def _wrong(point: str, runs: dict[str, list[Future[Outcome]]]) -> Counter[str]:
    """Return the wrong verdicts on the mutant and on the odd image of *point*, with how often each came."""
    odd = TABLE[point].odd.name
    said = [f"mutant: {_said(each, lambda outcome: outcome.wrong_for_mutant(point))}" for each in runs[point]]
    said += [f"{odd}: {_said(each, lambda outcome: outcome.wrong_for_oddity(point))}" for each in runs[f"odd {odd}"]]
    return Counter(text for text in said if not text.endswith(": "))


def _said(ended: Future[Outcome], wrong: Callable[[Outcome], str]) -> str:
    error = ended.exception()
    return f"the run failed: {error!r}"[:300] if error else wrong(ended.result())


def _print(points: list[str], wrong: dict[str, Counter[str]], times: int) -> None:
    table = Table("point", "level", "its mutant", "unusual but compliant", "" if times == 1 else f"of {times} runs")
    for point in points:
        entry = TABLE[point]
        says = "\n".join(f"{count} times {text}" for text, count in wrong[point].items()) or "right"
        table.add_row(point, POINTS[point].level, entry.fault, f"{entry.odd.name}: {entry.oddity}", says)
    console = Console()
    console.print(table)
    console.print(f"{len(points)} points, {sum(map(bool, wrong.values()))} with a wrong verdict", highlight=False)


if __name__ == "__main__":
    main()
