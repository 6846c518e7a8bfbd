"""A resource that may bill, as the inventory shows it."""

from dataclasses import dataclass
from datetime import datetime

HOURS_PER_MONTH = 730
"""As in AWS's own monthly prices: 365 x 24 / 12."""


@dataclass(frozen=True)
class Machines:
    """Instances of one type.

    Attributes:
        usage: Begins their usage type in AWS's price list, each with its price: Host, AsyncInf, Train, Tsform or
            Processing.
    """

    usage: str
    instance_type: str
    count: int


@dataclass(frozen=True)
class Item:
    """A resource of this project.

    Attributes:
        kind: endpoint, training job, transform job, tuning job, processing job, warm pool, configuration or model.
        status: The platform's word; "unused" for a configuration or model that nothing refers to, "kept" for one that
            an update or a rollback of an endpoint uses.
        since: Start of the billing, or of a resource that bills nothing; UTC.
        machines: What bills by the hour.
        forever: It bills until somebody deletes it.
        requests: Number of requests in the time that was asked for; None where that is unknown.
        ends: When AWS deletes or stops it, UTC, if it does.
        remark: What else there is to know.
        endpoint: Name of the endpoint with which a kept configuration or model is deleted.
    """

    kind: str
    name: str
    status: str
    since: datetime
    machines: tuple[Machines, ...] = ()
    forever: bool = False
    requests: int | None = None
    ends: datetime | None = None
    remark: str = ""
    endpoint: str = ""

    def hours(self, now: datetime) -> float:
        """Return how long it has been there, in hours."""
        return (now - self.since).total_seconds() / 3600

    def is_idle(self, now: datetime) -> bool:
        """Return whether it bills day and night and had no request; nobody could use it in its first minutes."""
        return self.forever and bool(self.machines) and self.requests == 0 and self.hours(now) >= 1
