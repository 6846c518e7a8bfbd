"""The real server holds to its own description: schemathesis makes requests, good and bad, from it."""

import base64
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import settings
from hypothesis import strategies as st

from tests.support.bodies import CSV, FORM, JSON, LINES, NPY
from tests.support.helpers import Job, Server, serving
from tests.support.strategies import FORMATS, PNG, packed, pixels

ATTRIBUTES, ENCODING = "X-Amzn-SageMaker-Custom-Attributes", "Content-Encoding"
PROFILE = settings()
CONFIGURATION = {
    "generation": {"deterministic": PROFILE.derandomize, "max-examples": PROFILE.max_examples // 2},
    "operations": [
        {  # HTTP without the handshake of a WebSocket
            "include-path": "/invocations-bidirectional-stream",
            "checks": {"positive_data_acceptance": {"expected-statuses": ["400"]}},
        }
    ],
}
for content_type, body in FORMATS.items():
    if content_type != JSON:  # of which the schema says all
        schemathesis.openapi.media_type(content_type, pixels().map(body))
schemathesis.openapi.media_type("image/png", st.just(PNG))
description = schemathesis.openapi.from_file(
    files("traffic_signs.serving.endpoint").joinpath("openapi.json").read_text(encoding="utf-8"),
    config=schemathesis.Config.from_dict(CONFIGURATION),
)


@description.hook
def flatmap_case(
    _: schemathesis.HookContext, case: schemathesis.Case[Any]
) -> st.SearchStrategy[schemathesis.Case[Any]]:
    """Ask for every type of answer; of options, which the schema has as any text, only some types have a place for."""

    def asking(accept: str) -> schemathesis.Case[Any]:
        if ATTRIBUTES not in case.headers:
            case.headers["Accept"] = accept
        return case

    return st.sampled_from((JSON, LINES, CSV, NPY)).map(asking)


def with_pictures(body: Any) -> Any:
    """Put an image file in the place of each text that the schema has as one."""
    if isinstance(body, list):
        return [with_pictures(item) for item in body]
    if isinstance(body, dict):
        return {
            key: with_pictures(item) if key == "instances" else base64.b64encode(PNG).decode()
            for key, item in body.items()
        }
    return body


def gzipped(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Compress the body if the request says that it is."""
    if "gzip" in str(request.headers.get(ENCODING)) and isinstance(request.body, bytes):
        request.body = packed(request.body)
    return request


@pytest.fixture(scope="module")
def server(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(job.base, tmp_path_factory.mktemp("described") / "log") as server:
        yield server


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@description.parametrize()
def test_every_answer_is_one_that_the_description_has(case: schemathesis.Case[Any], server: Server) -> None:
    options: dict[str, Any] = {}
    if case.meta and case.meta.generation.mode.is_positive:
        if case.media_type == JSON:
            case.body = with_pictures(case.body)
        if case.media_type == FORM:
            options["files"] = [(name, ("name.png", PNG)) for name in cast("dict[str, Any]", case.body)]
        if str(case.media_type).startswith("image/"):
            options["data"] = PNG
    case.call_and_validate(base_url=server.url, auth=gzipped, **options)
