"""The server of the page: what it passes on and what it refuses, with a real endpoint behind it."""

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests

from local_test.page import server as page_server
from tests.support.helpers import Job, Server, encoded, free_port, npy, serving

pytestmark = pytest.mark.parametrize("image", ["bare"], indirect=True)
PNG = encoded(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8), "PNG")
TOO_LARGE = 26 * 2**20


@pytest.fixture(scope="module")
def endpoint(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image) as server:
        yield server


@pytest.fixture(scope="module")
def page(endpoint: Server) -> Iterator[str]:
    with page_server.serve(port_of(endpoint.url), free_port()) as url:
        yield url


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


def post(url: str, body: bytes, **headers: str) -> requests.Response:
    return requests.post(f"{url.rstrip('/')}/invocations", data=body, headers=headers, timeout=60)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PNG, {"Content-Type": "image/png", "X-Amzn-SageMaker-Custom-Attributes": "top_k=5;pixels=true"}),
        (npy(np.zeros((3, 32, 32, 1), np.uint8)), {"Content-Type": "application/x-npy", "Accept": "text/csv"}),
        (b"no image", {"Content-Type": "image/png"}),
        (b"", {"Content-Type": "image/png"}),
        (PNG, {"Content-Type": "image/png", "Accept": "text/html"}),
        (bytes(TOO_LARGE), {"Content-Type": "image/png"}),
    ],
)
def test_an_answer_is_the_endpoints_own(body: bytes, headers: dict[str, str], page: str, endpoint: Server) -> None:
    through, direct = post(page, body, **headers), post(endpoint.url, body, **headers)
    assert (through.status_code, through.content) == (direct.status_code, direct.content)
    for name in ("Content-Type", "X-Model-Info"):
        assert through.headers.get(name) == direct.headers.get(name)
    assert through.headers["Server-Timing"].startswith("endpoint;dur=")


def test_the_page_comes_with_its_policy(page: str, endpoint: Server) -> None:
    answer = requests.get(page, timeout=10)
    assert (answer.content, answer.headers["Content-Security-Policy"]) == page_server.document(endpoint.url)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert requests.get(f"{page}?x", timeout=10).content == answer.content


def test_other_paths_are_not_passed_on(page: str) -> None:
    for path in ("metrics", "ping", "..%2f", "style.css"):
        assert requests.get(page + path, timeout=10).status_code == 404
    assert requests.post(f"{page}models", data=b"{}", timeout=10).status_code == 404


@pytest.mark.parametrize("length", [None, "-1", "x", "+5", "²"])
def test_a_body_without_a_length_is_refused(length: str | None, page: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(page), timeout=10)
    connection.putrequest("POST", "/invocations")
    if length:
        connection.putheader("Content-Length", length.encode())
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 411
    assert b"expected a number of bytes" in answer.read()
    connection.close()


def test_a_browser_that_disconnects_in_the_middle_leaves_no_traceback(
    page: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", port_of(page)), timeout=10) as client:
        client.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nab"
        )
    assert post(page, PNG, **{"Content-Type": "image/png"}).status_code == 200
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.usefixtures("image")
def test_a_missing_endpoint_gets_502_with_the_reason() -> None:
    with page_server.serve(free_port(), free_port()) as url:
        answer = post(url, PNG, **{"Content-Type": "image/png"})
    assert answer.status_code == 502
    assert answer.json()["error"].startswith("the endpoint does not answer (")


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("number", [None, 70_000])
def test_the_page_finds_another_port_when_its_own_is_taken(number: int | None) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        page_server.serve(free_port(), number or taken.getsockname()[1]) as url,
    ):
        assert requests.get(url, timeout=10).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
