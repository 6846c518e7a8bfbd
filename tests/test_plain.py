"""Whole requests, read by the C parser alone."""

import socket

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

from traffic_signs.serving import plain

CLIENT, SERVER = ("10.0.0.1", 40_000), ("0.0.0.0", 8080)  # noqa: S104 - a value, nothing is bound
LINE = b"POST /invocations HTTP/1.1\r\n"
HEAD = LINE + b"Host: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize(
    "more",
    [
        b"",
        b"Connection: Keep-Alive\r\n",
        b"Accept: text/csv;q=0.5, application/json\r\nUser-Agent: \xe4\xf6\r\n",
        b"X-Amzn-SageMaker-Custom-Attributes: top_k=3\r\nX-Amzn-SageMaker-Custom-Attributes: probabilities=false\r\n",
        b"SCRIPT_NAME: /x\r\nX_Forwarded_For: 1.2.3.4\r\nPATH_INFO: /x\r\n",
        b"X-Forwarded-Proto: https\r\n",
    ],
)
def test_the_environ_is_gunicorns_own(more: bytes) -> None:
    data = HEAD + more + b"\r\n[]"
    ours = plain.read(data, CLIENT, SERVER)
    assert ours is not None
    config = Config()
    config.set("forwarded_allow_ips", "")
    request = next(RequestParser(config, iter([data]), CLIENT))
    _, theirs = wsgi.create(request, socket.socket(), CLIENT, SERVER, config)
    assert ours.pop("wsgi.input").read() == theirs.pop("wsgi.input").read() == b"[]"
    for name in ("RAW_URI", "SCRIPT_NAME", "SERVER_SOFTWARE", "gunicorn.socket"):  # the worker adds what is needed
        del theirs[name]
    assert ours.pop("wsgi.url_scheme") == theirs.pop("wsgi.url_scheme")
    assert ours == {name: value for name, value in theirs.items() if not name.startswith("wsgi.")}


@pytest.mark.parametrize(
    "line",
    [
        b"A: \x01",
        b"A: b\r\n c",
        b"A: b\nC: d",
        b" A: b",
        b"A",
        b"A : b",
        b"Content-Type: text/csv",
        b"Content-Length: 2",
        b"Content-Length: +2",
        b"Host: y",
        b"\r\n".join(b"A%d: b" % number for number in range(100)),
    ],
)
def test_what_gunicorn_refuses_is_left_to_it(line: bytes) -> None:
    data = HEAD + line + b"\r\n\r\n[]"
    with pytest.raises(ParseException):
        next(RequestParser(Config(), iter([data]), CLIENT))
    assert plain.read(data, CLIENT, SERVER) is None


@pytest.mark.parametrize("path", [b"/models/a-1_2.tar/invoke", b"/invocations"])
def test_a_request_for_predictions_is_read(path: bytes) -> None:
    data = HEAD.replace(b"/invocations", path) + b"Content-Encoding: gzip\r\n\r\n[]"
    environ = plain.read(data, CLIENT, SERVER)
    assert environ is not None
    assert environ["PATH_INFO"] == path.decode()


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\r\n[",
        HEAD + b"\r\n[]P",
        b"\r\n" + HEAD + b"\r\n[]",
        HEAD.replace(b"1.1", b"1.0") + b"\r\n[]",
        HEAD.replace(b"POST", b"PUT") + b"\r\n[]",
        HEAD.replace(b"invocations", b"models/a%20b/invoke") + b"\r\n[]",
        HEAD.replace(b"invocations", b"models/a#b/invoke") + b"\r\n[]",
        HEAD.replace(b"invocations", b"models/\xe4/invoke") + b"\r\n[]",
        HEAD.replace(b"invocations", b"invocations?a=b") + b"\r\n[]",
        HEAD.replace(b"invocations", b"models") + b"\r\n[]",
        HEAD.replace(b"invocations", b"models/" + b"a" * 4_100 + b"/invoke") + b"\r\n[]",
        *(
            HEAD + line + b"\r\n\r\n[]"
            for line in (
                b"Transfer-Encoding: chunked",
                b"Expect: 100-continue",
                b"Connection: close",
                b"Connection: Upgrade\r\nUpgrade: websocket",
                b"\r\n",
            )
        ),
    ],
)
def test_what_is_not_whole_or_asks_for_something_else_is_left_to_gunicorn(data: bytes) -> None:
    assert plain.read(data, CLIENT, SERVER) is None


@pytest.mark.parametrize(
    ("content_type", "more", "size", "bounded"),
    [
        ("application/json", "", 5_000, True),
        ("Application/JSON; charset=utf-8", "", 5_000, True),
        ("image/png", "", 1_000, True),
        ("image/png", "", 9_000, False),
        ("image/gif", "", 1_000, False),
        ("application/jsonlines", "", 1_000, False),
        ("application/x-npz", "", 1_000, False),
        ("application/json, image/gif", "", 1_000, False),
        ("application/json", "Content-Encoding: gzip\r\n", 1_000, False),
    ],
)
def test_only_what_cannot_unpack_to_much_more_is_bounded(
    content_type: str, more: str, size: int, *, bounded: bool
) -> None:
    head = f"Host: x\r\nContent-Type: {content_type}\r\n{more}Content-Length: {size}\r\n\r\n".encode()
    environ = plain.read(LINE + head + bytes(size), CLIENT, SERVER)
    assert environ is not None
    assert plain.is_bounded(environ) is bounded
    environ = plain.read(LINE.replace(b"invocations", b"models/a/invoke") + head + bytes(size), CLIENT, SERVER)
    assert environ is not None
    assert not plain.is_bounded(environ)
