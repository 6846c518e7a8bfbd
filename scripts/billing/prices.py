"""Prices of instances, on demand and per hour, from AWS's own price list.

Machines -> pricing:GetProducts, by region and usage type -> USD per hour, without discounts of plans and spot
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scripts.billing.item import Item, Machines

_SERVICE, _REGION = "AmazonSageMaker", "us-east-1"
"""The price list of all regions is served in three; this is one of them."""


def per_hour(boto: Any, region: str, machines: Iterable[Machines]) -> dict[tuple[str, str], float]:
    """Look up prices.

    Args:
        boto: The login; only pricing:GetProducts is called.
        region: Region of the instances.
        machines: The instances.

    Returns:
        (usage, instance type) -> USD per hour and instance, for those that the price list has.

    Raises:
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: the price list cannot be read.
    """
    client = boto.client("pricing", region_name=_REGION)
    found: dict[tuple[str, str], float] = {}
    known = {(each.usage, each.instance_type) for each in machines if each.instance_type.startswith("ml.")}
    for usage, instance_type in sorted(known):
        usage_type = f"{usage}:{instance_type}"
        filters = [
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": region},
            {"Type": "CONTAINS", "Field": "usagetype", "Value": usage_type},
        ]
        for page in client.get_paginator("get_products").paginate(ServiceCode=_SERVICE, Filters=filters):
            for product in map(json.loads, page["PriceList"]):
                # such as USE1-Host:ml.c5.large; the first part differs by region
                if re.fullmatch(rf"(\w+-)?{re.escape(usage_type)}", product["product"]["attributes"]["usagetype"]):
                    price = _dollars(product)
                    found |= {} if price is None else {(usage, instance_type): price}
    return found


def cost(item: Item, prices: Mapping[tuple[str, str], float]) -> float | None:
    """Return USD per hour of *item*; None if a price is unknown, 0 if it has no machines."""
    rates = [prices.get((each.usage, each.instance_type)) for each in item.machines]
    if None in rates:
        return None
    return sum(rate * each.count for rate, each in zip(rates, item.machines, strict=True) if rate is not None)


def _dollars(product: Mapping[str, Any]) -> float | None:
    """Return the price; None for a product that has none on demand, several, or one in another currency."""
    terms = product.get("terms", {}).get("OnDemand", {}).values()
    dimensions = [each for term in terms for each in term["priceDimensions"].values()]
    prices = [float(each["pricePerUnit"]["USD"]) for each in dimensions if "USD" in each["pricePerUnit"]]
    return prices[0] if len(dimensions) == len(prices) == 1 else None
