"""AWS's price list, which moto lacks: GetProducts with the filters of its documentation, a product a page."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.aws.account import limits
from tests.aws.cloud import REGION


@contextmanager
def price_list(prices: Mapping[str, float]) -> Iterator[str]:
    """Serve *prices*, usage type -> USD per hour in REGION; yield the URL."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert not limits.violations("pricing:GetProducts", asked)
            content = json.dumps(_page(prices, asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _page(prices: Mapping[str, float], asked: Mapping[str, Any]) -> dict[str, Any]:
    assert asked["ServiceCode"] == "AmazonSageMaker"
    found = [{"regionCode": REGION, "usagetype": usage_type} for usage_type in prices]
    for each in asked["Filters"]:
        contains = each["Type"] == "CONTAINS"
        field, value = each["Field"], each["Value"]
        found = [product for product in found if value == product[field] or (contains and value in product[field])]
    start = int(asked.get("NextToken", 0))
    more = {"NextToken": str(start + 1)} if start + 1 < len(found) else {}
    products = [
        {
            "product": {"attributes": product},
            "terms": {
                "OnDemand": {
                    "T": {"priceDimensions": {"D": {"pricePerUnit": {"USD": str(prices[product["usagetype"]])}}}}
                }
            },
        }
        for product in found[start : start + 1]
    ]
    return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product) for product in products], **more}
