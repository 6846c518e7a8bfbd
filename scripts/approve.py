"""The command that approves or rejects a version of a model in SageMaker's Model Registry.

GROUP or GROUP/VERSION -> figures beside those of the version that is approved now -> yes -> approved or rejected
"""

import re

import click

from scripts import confirmation
from scripts.aws import session
from scripts.errors import Failure
from scripts.model_registry import registered
from scripts.options import Command, result

_NAME = re.compile(r"(?P<group>[a-zA-Z0-9][a-zA-Z0-9-]{0,62})(/(?P<version>[1-9]\d{0,8}))?")


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.approve traffic-signs
      python -m scripts.approve traffic-signs/3 --reason "better on class 14" --yes
      python -m scripts.approve traffic-signs/3 --reject --reason "trained on the test set"
    """,
)
@click.argument("version", metavar="GROUP[/VERSION]")
@click.option("--reject", is_flag=True, help="Reject the version; deploy --approved no longer takes it.")
@click.option("--reason", default="", help="Why; kept with the version. --reject needs it.")
@click.option("--yes", is_flag=True, envvar="YES", help="Decide without asking for confirmation; also YES=1.")
def main(*, version: str, reject: bool, reason: str, yes: bool) -> None:
    """Approve or reject a version, by default the group's newest; deploy --approved GROUP takes the newest approved."""
    named = _NAME.fullmatch(version)
    if not named:
        raise Failure(f"{version} is not GROUP or GROUP/VERSION")
    if reject and not reason:
        raise Failure("--reject needs --reason TEXT, which is kept with the version")
    if len(reason) > 1024:
        raise Failure(f"--reason has {len(reason)} characters; AWS keeps 1024")
    account = session.connect()
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        found = registered.find(client, named["group"], int(named["version"] or 0))
        approved = next(registered.versions(client, named["group"], ModelApprovalStatus="Approved"), None)
        current = registered.describe(client, approved) if approved and approved != found.arn else None
    click.echo(registered.text(found, current))
    question = f"{'Reject' if reject else 'Approve'} {found.name}?"
    confirmation.require(question, f"{found.name} stays {found.status}", yes=yes)
    with session.readable_errors(
        "sagemaker", f"whether {found.name} is decided: python -m scripts.approve {found.name}"
    ):
        registered.decide(client, found, "Rejected" if reject else "Approved", reason)
        found = registered.describe(client, found.arn)
    result(**registered.as_json(found))
    click.echo(f"{found.name} is {found.status}")
    if not reject:
        click.echo(f"next step: python -m scripts.deploy --approved {found.group}")


if __name__ == "__main__":
    main()
