"""The command that lists what this project runs, what that costs, and what is idle; and deletes it on request.

List and Describe calls -> CloudWatch's request counts -> prices -> report; --delete NAME -> confirmation -> deletion
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from scripts import confirmation
from scripts.aws import session
from scripts.billing.item import Item
from scripts.errors import Failure
from scripts.options import Command, result


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.inventory
      python -m scripts.inventory --hours 72 --json
      python -m scripts.inventory --delete traffic-signs-2026-11-23-12-00-00
    """,
)
@click.option("--hours", type=click.FloatRange(1, 336), default=24, show_default=True,
              help="Count requests of so many hours; an endpoint without any is idle.")  # fmt: skip
@click.option("--delete", "unwanted", multiple=True, metavar="NAME",
              help="Delete or stop everything in the list with this name; repeatable.")  # fmt: skip
@click.option("--yes", is_flag=True, envvar="YES", help="Delete without asking for confirmation; also YES=1.")
def main(*, hours: float, unwanted: tuple[str, ...], yes: bool) -> None:
    """List endpoints, jobs in progress, warm pools and leftovers of this project in the region, with their cost."""
    from scripts.billing import prices, report

    account = session.connect()
    now = datetime.now(UTC)
    with session.readable_errors():
        items = _find(account, now, timedelta(hours=hours))
    known = {}
    try:
        with session.readable_errors("pricing"):
            known = prices.per_hour(account.boto, account.region, [each for item in items for each in item.machines])
    except Failure as error:  # a list without prices is better than none
        click.echo(f"prices are unknown: {error.message}", err=True)
    result(**report.as_json(items, known, now, hours, account.region))
    if items:
        click.echo(report.text(items, known, now, hours, account.region))
    else:
        click.echo(f"{account.region}: nothing of {session.PREFIX} is there")
    if unwanted:
        _delete(account, items, unwanted, yes=yes)


def _find(account: session.Account, now: datetime, window: timedelta) -> list[Item]:
    from scripts.billing import endpoints, jobs
    from scripts.resources.updates import change

    client = account.boto.client("sagemaker")
    transforms = list(jobs.transform(client))
    return [
        *endpoints.find(account.boto, now, window, [model for _, model in transforms], change.is_of),
        *jobs.training(client),
        *jobs.tuning(client),
        *jobs.processing(client),
        *(item for item, _ in transforms),
    ]


def _delete(account: session.Account, items: Sequence[Item], names: Sequence[str], *, yes: bool) -> None:
    """Delete all *items* that have one of the *names*.

    Raises:
        Failure: a name is not in the list, or nobody confirms.
        OperationError: AWS refuses a call.
    """
    from scripts import delete_endpoint
    from scripts.billing import deletion

    if unknown := sorted(set(names) - {item.name for item in items}):
        raise Failure(f"{', '.join(unknown)}: not in the list; nothing was deleted")
    chosen = [item for item in items if item.name in names]
    whole = {item.name for item in chosen if item.kind == "endpoint"}
    chosen = [item for item in chosen if item.endpoint not in whole]  # these are deleted with it
    for item in chosen:
        loss = f", which a rollback of {item.endpoint} may need" if item.endpoint else ""
        click.echo(f"{deletion.VERBS.get(item.kind, 'delete')}: {item.kind} {item.name}{loss}", err=True)
    confirmation.require("Delete or stop them?", "nothing was deleted", yes=yes)
    with session.readable_errors(next_step="see what is left: python -m scripts.inventory"):
        for item in chosen:
            if item.kind == "endpoint":
                delete_endpoint.remove(account, item.name)
            else:
                deletion.delete(account, item)


if __name__ == "__main__":
    main()
