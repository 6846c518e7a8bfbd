"""Cost ceiling of a tuning job.

jobs x instances x hours x price of AWS's price list  ->  one line, confirmed before anything is made
"""

from scripts.aws import costs
from scripts.aws.session import Account
from scripts.billing import prices
from scripts.billing.item import Machines
from scripts.errors import from_aws


def bill(
    account: Account, jobs: int, instance_type: str, instance_count: int, max_hours: float, *, spot: bool
) -> costs.Bill:
    """Return what a tuning job costs at most.

    Args:
        account: The login; it need not be allowed to read the price list.
        jobs: Largest number of training jobs.
        instance_type: Of the training jobs.
        instance_count: Instances of each training job.
        max_hours: Limit of the running time of each.
        spot: Whether they are spot instances.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    hours = jobs * instance_count * max_hours
    ceiling = f"ceiling {hours:g} instance hours"
    try:
        found = prices.per_hour(account.boto, account.region, [Machines("Train", instance_type, 1)])
        price = found.get(("Train", instance_type))
    except (BotoCoreError, ClientError) as error:  # the prices are on the page that the line names, too
        price, reason = None, f"the price list cannot be read: {from_aws(error, 'pricing').message}"
    else:
        reason = f"the price list does not have {instance_type}"
    if price is None:
        ceiling += f" ({reason})"
    else:
        ceiling += f" x {price:g} USD = {hours * price:.2f} USD" + (" on demand, less as spot" if spot else "")
    return costs.Bill(
        instance_type,
        instance_count,
        spot=spot,
        extras=f" for each of {jobs} jobs",
        duration=f"at most {max_hours:g} h each: {ceiling}",
    )
