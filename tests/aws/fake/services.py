"""AWS services that moto lacks: a server that answers as AWS documents, and refuses what breaks botocore's model."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from tests.aws.account import limits

_MODELS = botocore.session.get_session()
Operation = Callable[[dict[str, Any]], Mapping[str, Any]]


class RefusalError(Exception):
    """An error that AWS returns, by its code."""


@contextmanager
def serving(service: str, **operations: Operation) -> Iterator[str]:
    """Serve *operations* of a service with AWS's JSON protocol; yield the URL.

    Args:
        service: its name in botocore, such as "pricing".
        operations: name -> parameters -> answer; each raises RefusalError where AWS returns an error.
    """
    model = _MODELS.get_service_model(service)

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            target, _, name = self.headers["X-Amz-Target"].partition(".")
            try:
                if target != model.metadata["targetPrefix"] or name not in operations:
                    raise RefusalError("UnknownOperationException")
                shape = model.operation_model(name).input_shape
                if ParamValidator().validate(parameters, shape).has_errors() or [
                    *limits.check(shape, parameters, name)
                ]:
                    raise RefusalError("ValidationException")
                status, answer = 200, operations[name](parameters)
            except RefusalError as error:
                status, answer = 400, {"__type": str(error), "message": f"{name} {parameters}"}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pages(items: list[Any], parameters: Mapping[str, Any], key: str, size: int) -> dict[str, Any]:
    """Return one page of *items*, at most *size*, as the token in *parameters* asks for."""
    start = int(parameters.get("NextToken", "0"))
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size], **more}


def price_list(prices: Mapping[str, float], region: str) -> Operation:
    """GetProducts of AWS's price list.

    Args:
        prices: usage type, such as "USE1-Host:ml.c5.large" -> USD per hour, in *region*.
    """

    def get_products(parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters["ServiceCode"] != "AmazonSageMaker":
            raise RefusalError("NotFoundException")
        found = [{"regionCode": region, "usagetype": usage_type} for usage_type in prices]
        for each in parameters.get("Filters", []):
            contains = each["Type"] == "CONTAINS"
            found = [
                attributes
                for attributes in found
                if (
                    each["Value"] in attributes[each["Field"]]
                    if contains
                    else each["Value"] == attributes[each["Field"]]
                )
            ]
        texts = [
            json.dumps({
                "product": {"productFamily": "ML Instance", "attributes": attributes, "sku": f"SKU{number}"},
                "serviceCode": "AmazonSageMaker",
                "terms": {"OnDemand": {f"SKU{number}.T": {"priceDimensions": {f"SKU{number}.T.R": {
                    "unit": "Hrs", "beginRange": "0", "endRange": "Inf",
                    "pricePerUnit": {"USD": f"{prices[attributes['usagetype']]:.10f}"},
                }}}}},
            })
            for number, attributes in enumerate(found)
        ]  # fmt: skip
        return pages(texts, parameters, "PriceList", 1)

    return get_products
