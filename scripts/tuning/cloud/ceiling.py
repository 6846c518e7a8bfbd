"""Cost ceiling of a tuning job.

jobs x instances x hours x price of AWS's price list  ->  one line, confirmed before anything is made
"""

from typing import Any

from scripts.aws import costs, prices
from scripts.tuning.cloud.request import Plan


def bill(plan: Plan, boto: Any, region: str) -> costs.Bill:
    """Return what a tuning job costs at most.

    Args:
        plan: The tuning job.
        boto: The login; it need not be allowed to read the price list.
        region: Region of the jobs.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 # --help does not need it

    jobs = plan.strategy.jobs
    hours = jobs * plan.instance_count * plan.max_hours
    ceiling = f"ceiling {hours:g} instance hours"
    try:
        price = prices.training_per_hour(boto, region, plan.instance_type)
    except (BotoCoreError, ClientError) as error:  # the prices are on the page that the line names, too
        price, reason = None, f"the price list cannot be read: {error}"
    else:
        reason = f"the price list does not have {plan.instance_type}"
    if price is None:
        ceiling += f" ({reason})"
    else:
        ceiling += f" x {price:g} USD = {hours * price:.2f} USD" + (" on demand, less as spot" if plan.spot else "")
    return costs.Bill(
        plan.instance_type,
        plan.instance_count,
        spot=plan.spot,
        extras=f" for each of {jobs} jobs",
        duration=f"at most {plan.max_hours:g} h each: {ceiling}",
    )
