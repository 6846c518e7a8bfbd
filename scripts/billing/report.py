"""Report on what runs: a table with totals, and a JSON document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table

from scripts.billing import prices
from scripts.billing.item import HOURS_PER_MONTH, Item

_Prices = Mapping[tuple[str, str], float]


def table(items: Sequence[Item], known: _Prices, now: datetime, hours: float, region: str) -> Table:
    """Return the table of *items*; a question mark stands for an unknown price.

    Args:
        items: What there is.
        known: (usage, instance type) -> USD per hour.
        now: The time, UTC.
        hours: How far back requests were counted.
        region: Where.
    """
    shown = Table("kind", "name", "status", "machines", "age", "USD so far", "USD a month", "remarks",
                  title=f"{region}, {now:%Y-%m-%d %H:%M} UTC", highlight=False)  # fmt: skip
    for item in items:
        rate = prices.cost(item, known)
        machines = ", ".join(f"{each.count} x {each.instance_type}" for each in item.machines)
        so_far, month = ("", "") if not item.machines else (_dollars(rate, item.hours(now)), _month(item, rate))
        shown.add_row(item.kind, item.name, item.status, machines, _age(item.hours(now)), so_far, month,
                      "; ".join(_remarks(item, hours)))  # fmt: skip
    return shown


def as_json(items: Sequence[Item], known: _Prices, now: datetime, hours: float, region: str) -> dict[str, Any]:
    """Return the same as a JSON object, with null for an unknown price; arguments as for `table`."""
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
                "requests": item.requests, "idle": item.is_idle, "ends": item.ends and item.ends.isoformat(),
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


def _remarks(item: Item, hours: float) -> list[str]:
    remarks = [item.remark] if item.remark else []
    if item.requests is not None:
        idle = "idle: " if item.is_idle else ""
        remarks.insert(0, f"{idle}{item.requests:,} requests in {hours:g} h")
    if item.ends:
        remarks.append(
            f"ends {item.ends:%m-%d %H:%M}" if item.kind != "training job" else f"at most until {item.ends:%m-%d %H:%M}"
        )
    return remarks


def _month(item: Item, rate: float | None) -> str:
    return _dollars(rate, HOURS_PER_MONTH) if item.forever else ""


def _dollars(rate: float | None, hours: float) -> str:
    return "?" if rate is None else f"{rate * hours:.2f}"


def _age(hours: float) -> str:
    return f"{hours / 24:.1f} d" if hours >= 48 else f"{hours:.1f} h"
