"""HTTP as RFC 9110 and 9112 have it, bare and in the container, where clients and proxies differ from each other."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.conftest import in_one_place
from tests.http import clients
from tests.http.clients import CHUNKED, NPY, ONE, PING, Answer, answers, ask, chunks, connect, head, post, statuses
from tests.support.helpers import Job, Server, npy, serving

OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
PIXELS = npy(np.random.default_rng(1).integers(0, 256, (4, 32, 32, 1), dtype=np.uint8))
JAVA = """
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;

class Ask {
    public static void main(String[] words) throws Exception {
        var client = HttpClient.newHttpClient();
        var request = HttpRequest.newBuilder(URI.create(words[0])).header("Content-Type", "application/x-npy")
            .POST(HttpRequest.BodyPublishers.ofFile(Path.of(words[1]))).build();
        for (int time = 0; time < 2; time++) {
            var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) throw new Exception(answer.body());
            System.out.println(answer.body());
        }
    }
}
"""


pytestmark = in_one_place


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker that waits for a client's next byte for 2 s."""
    variables = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "TRAFFIC_SIGNS_HEAD_SECONDS": "2",
        "TRAFFIC_SIGNS_BODY_SECONDS": "2",
    }
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, variables) as server:
        yield server


def expected(server: Server, body: bytes = PIXELS) -> Any:
    return server.post(body, NPY).json()


def same(server: Server, got: list[Answer]) -> None:
    for answer in got:
        assert answer.status == 200, answer.body
        assert [one["class_id"] for one in json.loads(answer.body)["predictions"]] == [
            one["class_id"] for one in expected(server)["predictions"]
        ]


def test_an_offer_of_http_2_is_ignored_and_the_body_read(server: Server) -> None:
    same(server, ask(server, post(PIXELS, *OFFER)))
    same(server, ask(server, head(CHUNKED, *OFFER) + chunks(PIXELS, 1000) + b"0\r\n\r\n"))
    same(server, ask(server, post(PIXELS, *OFFER).replace(b"Upgrade: h2c", b"UPGRADE:h2c")))


@pytest.mark.parametrize("size", [1, 2, 7, 40, 100])
def test_an_offer_of_http_2_is_ignored_in_whatever_packets_it_comes(server: Server, size: int) -> None:
    data = post(PIXELS, *OFFER)
    end = len(data) - len(PIXELS)
    with connect(server) as client:
        for start in range(0, end, size):
            client.sendall(data[start : min(start + size, end)])
            time.sleep(0.003)  # so that the server reads what it has before the next packet comes
        client.sendall(PIXELS)
        same(server, answers(client, 1))


def test_an_offer_of_http_2_is_ignored_in_whatever_request_of_a_connection(server: Server) -> None:
    with connect(server) as client:
        for _ in range(3):
            client.sendall(post(PIXELS, *OFFER))
            same(server, answers(client, 1))
    same(server, ask(server, post(PIXELS, *OFFER) * 3, 3))
    same(server, ask(server, PING + post(PIXELS, *OFFER), 2)[1:])
    same(server, ask(server, b"\r\n\r\n" + post(PIXELS, *OFFER)))


@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
def test_curl_that_offers_http_2_is_answered(server: Server, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(PIXELS)
    url = f"{server.url}/invocations"
    command = ["curl", "--http2", "--fail", "--silent", "--max-time", "20", "--header", f"Content-Type: {NPY}"]
    command += ["--data-binary", f"@{tmp_path / 'body'}", url, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count('"predictions"') == 2


@pytest.mark.skipif(not shutil.which("java"), reason="this machine has no Java")
def test_java_that_offers_http_2_is_answered(server: Server, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(PIXELS)
    (tmp_path / "Ask.java").write_text(JAVA)
    command = ["java", str(tmp_path / "Ask.java"), f"{server.url}/invocations", str(tmp_path / "body")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected(server)] * 2


def test_transfer_codings_beside_chunked_are_not_implemented(server: Server) -> None:
    body = chunks(ONE, 100) + b"0\r\n\r\n"
    assert statuses(server, head("Transfer-Encoding: gzip, chunked") + body) == [501]
    assert statuses(server, head("Transfer-Encoding: gzip") + body)[0] in (400, 501)


@pytest.mark.parametrize("bad", [b"garbage\r\n\r\n", b"\0", head(CHUNKED) + b"g\r\n", head("A:\0b")])
@pytest.mark.parametrize("good", [PING, post(ONE), post(npy(np.zeros((3_000, 32, 32, 1), np.uint8)))])
def test_what_is_wrong_behind_a_good_request_does_not_take_its_answer(server: Server, good: bytes, bad: bytes) -> None:
    first, *rest = statuses(server, good + bad, 3)
    assert first == 200
    assert rest in ([400, 0], [0, 0])


def test_requests_that_come_together_are_answered_in_order(server: Server) -> None:
    missing = head(start="GET /nowhere HTTP/1.1")
    assert statuses(server, (post(PIXELS) + PING + missing) * 5, 15) == [200, 200, 404] * 5


@pytest.mark.parametrize("target", ["http://", "http://x", "/é", "x", "*", "http://x:port/ping", "/%zz%ff%00"])
def test_an_unusual_request_target_is_answered(server: Server, target: str) -> None:
    assert statuses(server, head(start=f"GET {target} HTTP/1.1"))[0] in (400, 404)


@pytest.mark.parametrize("target", ["http://x/ping", "/%70ing", "/ping?x=1", "//ping"])
def test_forms_of_a_target_that_mean_the_same(server: Server, target: str) -> None:
    assert statuses(server, head(start=f"GET {target} HTTP/1.1")) == [200]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH"])
@pytest.mark.parametrize("path", ["/ping", "/invocations", "/metrics", "/nowhere"])
def test_every_method_leaves_its_connection_usable(server: Server, method: str, path: str) -> None:
    with requests.Session() as session:
        answer = session.request(method, server.url + path, timeout=5)
        assert answer.status_code in (200, 404, 405)
        assert session.get(f"{server.url}/ping", timeout=5).status_code == 200


def test_a_connect_is_refused_and_its_connection_not_left_deaf(server: Server) -> None:
    for target in ("x:80", "/ping"):
        got = statuses(server, head(start=f"CONNECT {target} HTTP/1.1") + PING, 2)
        assert got[0] in (400, 404, 405, 501)
        assert got[1] in (0, 200)


@pytest.mark.parametrize("hosts", [b"", b"Host: x\r\nHost: y\r\n"])
def test_a_request_without_one_host_is_a_bad_request(server: Server, hosts: bytes) -> None:
    assert statuses(server, b"GET /ping HTTP/1.1\r\n" + hosts + b"\r\n") == [400]


def test_fields_behind_the_body_are_not_those_of_the_head(server: Server) -> None:
    for field in ("Accept: application/xml", "Content-Type: text/html", "X-Amzn-SageMaker-Custom-Attributes: x=1"):
        assert statuses(server, head(CHUNKED) + chunks(ONE, 500) + f"0\r\n{field}\r\n\r\n".encode()) == [200]


def test_extensions_of_chunks_are_ignored(server: Server) -> None:
    body = b'%x;a=b;c="d"\r\n%b\r\n0;e\r\nX-A: b\r\n\r\n' % (len(PIXELS), PIXELS)
    same(server, ask(server, head(CHUNKED) + body))


def test_http_1_0_gets_an_http_1_0_answer(server: Server) -> None:
    old = "POST /invocations HTTP/1.0"
    for fields in ((), ("Connection: close",), ("Expect: 100-continue",)):
        same(server, ask(server, post(PIXELS, *fields, start=old)))
    with connect(server) as client, client.makefile("rb") as stream:
        client.sendall(post(PIXELS, *clients.STREAMED, start=old))
        fields_, _, body = stream.read().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in fields_.lower()
    assert len([json.loads(line) for line in body.splitlines()]) == 4


def test_a_body_that_was_refused_and_not_sent_does_not_swallow_the_next_request(server: Server) -> None:
    large = head("Expect: 100-continue", f"Content-Length: {26 * 2**20}")
    with connect(server) as client:
        client.sendall(large)
        [answer] = answers(client, 1)
        assert answer.status == 413
        with contextlib.suppress(ConnectionError):
            client.sendall(PING)
        [after] = answers(client, 1)
    assert answer.headers.get("connection") == "close" or after.status == 200


def test_empty_lines_around_requests_are_ignored(server: Server) -> None:
    with connect(server) as client:
        for _ in range(3):
            client.sendall(b"\r\n" + post(PIXELS) + b"\r\n")
            same(server, answers(client, 1))
        time.sleep(3)  # longer than the head of a request may take once it has begun
        client.sendall(PING)
        assert [answer.status for answer in answers(client, 1)] == [200]


def test_a_client_that_has_sent_all_of_a_small_request_and_says_so_is_answered(server: Server) -> None:
    for data in (PING, post(ONE)):
        with connect(server) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)  # as `nc -N` does
            assert [answer.status for answer in answers(client, 2)] == [200, 0]
