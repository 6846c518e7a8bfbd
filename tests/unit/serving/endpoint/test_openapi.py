"""The description of the API says what the application does: routes, content types, version."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

import traffic_signs
from tests.support.helpers import Job
from traffic_signs.paths import OptMl
from traffic_signs.serving.app import create_app
from traffic_signs.serving.multi_model import registry
from traffic_signs.serving.multi_model.manager import ModelManager
from traffic_signs.settings.serving import ServingSettings

pytestmark = pytest.mark.parametrize("image", ["bare"], indirect=True)


@pytest.fixture(scope="module")
def app(job: Job) -> Flask:
    return create_app(OptMl(job.base), ServingSettings())


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    content: dict[str, Any] = answer.get_json()
    return content


def routes(app: Flask) -> set[tuple[str, str]]:
    """Paths and methods, without those that Flask adds by itself."""
    return {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }


def test_the_description_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_described_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == routes(app)


def test_the_version_is_the_programs(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == traffic_signs.__version__


def test_the_description_has_every_format_that_is_read_and_written(app: Flask, document: dict[str, Any]) -> None:
    operation, client = document["paths"]["/invocations"]["post"], app.test_client()
    unread = client.post("/invocations", data=b"x", content_type="text/html").get_json()["error"]
    read = set(re.findall(r"[a-z]+/[a-z-]+", unread.partition("; send ")[2])) - {"image/png", "image/jpeg"}
    assert set(operation["requestBody"]["content"]) == read | {"image/*"}
    refused = client.post("/invocations", data=b"x", headers={"Accept": "text/html"}).get_json()["error"]
    assert ", ".join(operation["responses"]["200"]["content"]) == refused.partition("; accept ")[2]


def test_a_multi_model_endpoint_has_no_description(image: str | None, tmp_path: Path) -> None:  # noqa: ARG001 - every test has it
    folder = registry.create()
    try:
        app = create_app(OptMl(tmp_path), ServingSettings(), models=ModelManager(tmp_path, folder, 1))
        assert app.test_client().get("/openapi.json").status_code == 404
    finally:
        shutil.rmtree(folder)
