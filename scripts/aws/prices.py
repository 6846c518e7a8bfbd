"""Price of training instances, from AWS's own price list.

instance type, region  ->  pricing:GetProducts  ->  USD per hour on demand
"""

import json
import re
from typing import Any

_SERVICE, _REGION = "AmazonSageMaker", "us-east-1"
"""The price list of all regions is served in three; this is one of them."""


def training_per_hour(boto: Any, region: str, instance_type: str) -> float | None:
    """Return USD per hour of an instance that trains, without discounts of plans and spot; None if it is not listed.

    Args:
        boto: The login.
        region: Region of the instance.
        instance_type: Its type, such as ml.c5.xlarge.

    Raises:
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: the price list cannot be read.
    """
    usage_type = f"Train:{instance_type}"
    filters = [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": region},
        {"Type": "CONTAINS", "Field": "usagetype", "Value": usage_type},
    ]
    pages = boto.client("pricing", region_name=_REGION).get_paginator("get_products")
    for page in pages.paginate(ServiceCode=_SERVICE, Filters=filters):
        for product in map(json.loads, page["PriceList"]):
            # such as USE1-Train:ml.c5.large; the first part differs by region
            if re.fullmatch(rf"(\w+-)?{re.escape(usage_type)}", product["product"]["attributes"]["usagetype"]):
                [term] = product["terms"]["OnDemand"].values()
                [dimension] = term["priceDimensions"].values()
                return float(dimension["pricePerUnit"]["USD"])
    return None
