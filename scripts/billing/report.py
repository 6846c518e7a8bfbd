"""Report on what runs, with totals: for people, and as JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from scripts.billing import prices
from scripts.billing.item import HOURS_PER_MONTH, Item

_Prices = Mapping[tuple[str, str], float]


def text(items: Sequence[Item], known: _Prices, now: datetime, hours: float, region: str) -> str:
    """Return two lines an item, then the totals; a question mark stands for an unknown price.

    Args:
        items: What there is.
        known: (usage, instance type) -> USD per hour.
        now: The time, UTC.
        hours: How far back requests were counted.
        region: Where.
    """
    lines = [f"{region}, {now:%Y-%m-%d %H:%M} UTC"]
    for item in items:
        machines = [f"{each.count} x {each.instance_type}" for each in item.machines]
        lines.append(f"{item.kind} {item.name}: {', '.join((item.status, *machines, _age(item.hours(now))))}")
        if remarks := _remarks(item, prices.cost(item, known), now, hours):
            lines.append(f"  {'; '.join(remarks)}")
    return "\n".join((*lines, total(items, known)))


def as_json(items: Sequence[Item], known: _Prices, now: datetime, hours: float, region: str) -> dict[str, Any]:
    """Return the same as a JSON object, with null for an unknown price; arguments as for `text`."""
    rows = []
    for item in items:
        rate = prices.cost(item, known)
        rows.append(
            {
                "kind": item.kind, "name": item.name, "status": item.status, "since": item.since.isoformat(),
                "machines": [{"type": each.instance_type, "count": each.count} for each in item.machines],
                "usd_per_hour": rate,
                "usd_so_far": None if rate is None else round(rate * item.hours(now), 4),
                "usd_per_month": None if rate is None or not item.forever else round(rate * HOURS_PER_MONTH, 2),
                "requests": item.requests, "idle": item.is_idle(now), "ends": item.ends and item.ends.isoformat(),
                "remark": item.remark,
            }
        )  # fmt: skip
    return {"region": region, "time": now.isoformat(), "hours_of_requests": hours, "items": rows}


def total(items: Sequence[Item], known: _Prices) -> str:
    """Return what all of it costs in an hour, and in a month if nobody deletes it."""
    rates = [(prices.cost(item, known), item.forever) for item in items]
    hour = sum(rate or 0 for rate, _ in rates)
    month = sum((rate or 0) * HOURS_PER_MONTH for rate, forever in rates if forever)
    unknown = sum(rate is None for rate, _ in rates)
    more = f", and {unknown} of unknown price" if unknown else ""
    return f"together {hour:.2f} USD an hour; endpoints {month:.2f} USD a month{more}"


def _remarks(item: Item, rate: float | None, now: datetime, hours: float) -> list[str]:
    remarks = []
    if item.machines:
        month = f", {_dollars(rate, HOURS_PER_MONTH)} a month" if item.forever else ""
        remarks.append(f"{_dollars(rate, item.hours(now))} so far{month}")
    if item.requests is not None:
        idle = "idle: " if item.is_idle(now) else ""
        remarks.append(f"{idle}{item.requests:,} requests in {hours:g} h")
    if item.ends:
        limit = "at most until" if item.kind == "training job" else "until"
        remarks.append(f"{limit} {item.ends:%Y-%m-%d %H:%M} UTC")
    return [*remarks, item.remark] if item.remark else remarks


def _dollars(rate: float | None, hours: float) -> str:
    return f"{'?' if rate is None else f'{rate * hours:.2f}'} USD"


def _age(hours: float) -> str:
    return f"{hours / 24:.1f} d old" if hours >= 48 else f"{hours:.1f} h old"
