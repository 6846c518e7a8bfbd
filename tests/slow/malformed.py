"""Malformed requests without end, each of them a function of a seed and a number.

    a valid body, mutated, or one that lies about itself -> headers, right or strange -> a frame, right or broken

What a frame in order holds is for the application to judge, so an answer is due, and in JSON if it
is a refusal. A broken frame is for the HTTP server: it may answer or close, at once.
"""

import gzip
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import numpy as np

from tests.support.bodies import CSV, FORM, JSON, LINES, NPY, NPZ, PIXELS, form, npy_header, zipped
from tests.support.bombs import BOMBS
from tests.support.helpers import npy
from tests.support.mutations import BODIES, HEADERS, PICTURES, SPELT, mutated

Body = tuple[bytes, str]
_VALID: list[Body] = BODIES + PICTURES + SPELT
_TYPES = sorted({content_type for _, content_type in _VALID})
_NUMBERS = ("0", "-1", "1", "32", "1024", "1e3", "2**64", "9" * 30, "0x20", "True", "None", "1.5", "''", "(1,)")
_DTYPES = (
    *("'|u1'", "'<f8'", "'>i2'", "'|b1'", "'|O'", "'<U9'", "'<M8[s]'", "'|V1024'", "'<c16'", "'f'"),
    *("[('a', 'u1')]", "('u1', (32, 32))", "None", "3", "'" + "x" * 300 + "'"),
)
_LENGTHS = ("-1", "+5", "0x10", "1e3", "", "1, 1", "99999999999999999999", "\xb2", "1 2", "5;", "٣")
_CHUNKS = (
    *(b"-1\r\n", b"\r\n", b"g\r\n", b"0\r\n", b"+5\r\nhello\r\n", b"0x5\r\nhello\r\n", b"_5\r\nhello\r\n", b"5\r\nhel"),
    *(b"5\r\nhelloworld\r\n", b"5\nhello\n", b"5 \r\nhello\r\n", b"f" * 40 + b"\r\n"),
    b"5;" + b"x" * 20_000 + b"\r\nhello\r\n",
)
_LINES = (
    *(b"POST /invocations", b"POST /invocations HTTP/9.9", b"POST  /invocations HTTP/1.1", b"GET /ping HTTP/0.9"),
    *(
        b"GET http:// HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"CONNECT x:1 HTTP/1.1",
        b"p\xf6st / HTTP/1.1",
    ),
    *(b"POST //invocations// HTTP/1.1", b"POST /%00%ff/../\xff HTTP/1.1", b"POST /?" + b"a" * 100_000 + b" HTTP/1.1"),
    *(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2", b"A" * 5_000, b"\x00"),
)
_FIELDS = (
    *(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: \x0bchunked"),
    *(b"Expect: 100-continue", b"Expect: x", b": x", b"NoColon", b"A b: c", b" folded", b"X: \x00", b"X: a\rb"),
    *(b"Content-Length : 5", b"Content_Length: 3", b"Host: a\r\nHost: b", b"SCRIPT_NAME: /x", b"Trailer: x"),
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off",
    b"Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
    b"X: " + b"y" * 20_000,
    b"\r\n".join(b"X-%d: y" % number for number in range(500)),
)


@dataclass(frozen=True)
class Request:
    """What a client sends before it listens."""

    data: bytes
    answers: int
    """How many are due; 0 if the frame is broken, and then the client closes its side."""
    listens: bool = True
    """False for a client that goes away at once."""


def malformed(seed: int, number: int) -> Request:
    """Make the request of that *number*."""
    chance = Random(f"{seed}/{number}")  # noqa: S311 - the same bytes in every run
    body, content_type = chance.choices(*_BODIES)[0](chance)
    fields = {"Host": "x", "Content-Type": content_type}
    if chance.random() < 0.2:
        body, fields["Content-Encoding"] = _packed(chance, body), "gzip"
    if chance.random() < 0.3:
        fields |= _strange(chance)
    return chance.choices(*_FRAMES)[0](chance, fields, body)


def _mutated(chance: Random) -> Body:
    body, content_type = chance.choice(_VALID)
    return mutated(chance, body), content_type


def _swapped(chance: Random) -> Body:
    return chance.choice(_VALID)[0], chance.choice(_TYPES)


def _lying_npy(chance: Random) -> Body:
    shape = ", ".join(chance.choice(_NUMBERS) for _ in range(chance.randint(0, 6)))
    body = npy_header(f"({shape})", chance.choice(_DTYPES)) + bytes(chance.choice((0, 1, 1024, 3072, 8192)))
    return (mutated(chance, body) if chance.random() < 0.3 else body), NPY


def _array(chance: Random) -> Body:
    shape = chance.choice(
        ((32, 32), (2, 32, 32), (2, 32, 32, 1), (2, 32, 32, 3), (0, 32, 32), (3, 31, 32), (), (1024,), (1,) * 9)
    )
    kind = chance.choice(("u1", ">u2", "i8", "f2", "f4", ">f8", "c8", "?", "S3", "U2", "O", "M8[s]", "g"))
    values = np.random.default_rng(chance.randrange(9)).random(shape) * chance.choice((1, 255, 1e300))
    with np.errstate(all="ignore"):
        array = np.asarray(values, np.float64).astype(np.dtype(kind))
    return npy(np.asfortranarray(array) if chance.random() < 0.5 else array), NPY


def _archive(chance: Random) -> Body:
    kind = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    content = chance.choice((npy(PIXELS), b"", npy(PIXELS)[:50], bytes(100_000), _lying_npy(chance)[0]))
    names = ("images.npy", "../a", "/", "a" * 300, "é", "a/b.npy")
    body = bytearray(zipped({chance.choice(names): content for _ in range(chance.choice((0, 1, 1, 1, 2)))}, kind))
    for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"):
        if chance.random() < 0.4 and mark in body:  # sizes, counts, methods, flags, offsets
            place = body.index(mark) + chance.randrange(4, 22)
            body[place : place + 4] = struct.pack("<I", chance.choice((0, 1, 8, 0xFFFF, 2**31, 2**32 - 1)))
    return bytes(body), NPZ


def _value(chance: Random, depth: int) -> Any:
    kind = chance.randrange(8)
    if kind < 3 and depth:
        return [_value(chance, depth - 1)] * chance.choice((0, 1, 2, 32))
    if kind == 3 and depth:
        return {chance.choice(("b64", "instances", "", "\ud800")): _value(chance, depth - 1)}
    return chance.choice((0, 255, 256, -1, 1.5, True, None, "", "eA==", "x" * 2000, 10**30, 1e308, float("nan")))


def _json(chance: Random) -> Body:
    body = json.dumps(_value(chance, 5)).encode()
    return (mutated(chance, body) if chance.random() < 0.3 else body), chance.choice((JSON, JSON, LINES, CSV))


def _deep(chance: Random) -> Body:
    depth, unit = chance.choice((10, 1000, 100_000)), chance.choice((b"[", b'{"instances":', b'[{"b64":', b"[[],"))
    return unit * depth + b"0" + (b"]" * depth if chance.random() < 0.5 else b""), chance.choice((JSON, LINES))


def _form(chance: Random) -> Body:
    dispositions = (
        'name="a"; filename="b"',
        'name="a"',
        "filename*=utf-8''%ff",
        'name="' + "x" * 9000 + '"; filename=b',
        "\xff;=;",
    )
    body = form(
        *[chance.choice(_VALID)[0][:2000]] * chance.choice((0, 1, 3, 200)), disposition=chance.choice(dispositions)
    )
    boundary = chance.choice(("B", "B", "B", '"B"', "", "C", "B" * 300, "\xe9", "B; boundary=C", '"', "-"))
    return (mutated(chance, body) if chance.random() < 0.6 else body), f"{FORM}; boundary={boundary}"


def _large(chance: Random) -> Body:
    size = chance.choice((1, 5, 24, 25, 26, 27)) * 1024 * 1024 + chance.choice((-1, 0, 1, 600))
    start = chance.choice((b"", b"[[", b"0,", b"--B\r\n", b"\x89PNG\r\n\x1a\n", npy_header("(25600, 32, 32)")))
    return (start + chance.choice((b"\0", b"[", b"1,", b"\n", b'"', b"\xff")) * size)[:size], chance.choice(_TYPES)


def _bomb(chance: Random) -> Body:
    body = BOMBS[chance.choice(sorted(BOMBS))](chance.choice((1_000, 100_000, 1_000_000)))
    return (mutated(chance, body) if chance.random() < 0.5 else body), "image/x"


_BODIES: tuple[list[Callable[[Random], Body]], list[float]] = (
    [_mutated, _swapped, _lying_npy, _array, _archive, _json, _deep, _form, _large, _bomb],
    [40, 8, 8, 8, 8, 12, 1, 8, 0.2, 0.2],
)


def _packed(chance: Random, body: bytes) -> bytes:
    if chance.random() < 0.01:
        return _zeros(chance.choice((1, 24, 26, 300)))
    whole = gzip.compress(body, 1, mtime=0)
    packed = chance.choice((whole, whole, whole * 3, zlib.compress(body, 1), body))
    return mutated(chance, packed) if chance.random() < 0.3 else packed


@cache
def _zeros(megabytes: int) -> bytes:
    return gzip.compress(bytes(megabytes * 1024 * 1024), 1, mtime=0)


def _strange(chance: Random) -> dict[str, str]:
    fields = {}
    for name, values in chance.sample(HEADERS, chance.randint(1, 3)):
        value = chance.choice(
            [*values, "", ",", "a" * 4000, '"', "*/*", "\t", "%00", "q=" * 500, "application/json;" * 200]
        )
        fields[name] = (
            value.strip() if chance.random() < 0.8 else "".join(chance.choices(value + '=,;\xe9"\\ ', k=50)).strip()
        )
    if chance.random() < 0.3:
        fields |= {f"X-{number}": "y" for number in range(chance.choice((1, 80)))}
    return fields


def _head(fields: dict[str, str], *more: bytes, line: bytes = b"POST /invocations HTTP/1.1") -> bytes:
    return b"\r\n".join(
        [line, *(f"{name}: {value}".encode("latin-1") for name, value in fields.items()), *more, b"", b""]
    )


def _whole(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    return Request(_head(fields | {"Content-Length": str(len(body)), "Connection": "close"}) + body, 1)


def _chunked(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    size = chance.choice((1, 7, 1000, 65_536)) if len(body) < 10_000 else 65_536
    parts = (body[start : start + size] for start in range(0, len(body), size))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return Request(_head(fields | {"Transfer-Encoding": "chunked", "Connection": "close"}) + chunks + b"0\r\n\r\n", 1)


def _pipelined(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    count = chance.randint(1, 4) if len(body) < 100_000 else 1
    one = _head(fields | {"Content-Length": str(len(body))}) + body
    return Request(one * count + _whole(chance, fields, body).data, count + 1)


def _lying(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    lie = (
        chance.choice(_LENGTHS)
        if chance.random() < 0.3
        else str(max(0, len(body) + chance.choice((-9, -1, 1, 9, 10**6, 10**8))))
    )
    more = chance.choice((b"", b"Content-Length: 3", b"Transfer-Encoding: chunked"))
    return Request(_head(fields | {"Content-Length": lie.encode().decode("latin-1")}, *filter(None, [more])) + body, 0)


def _broken_chunks(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    chunks = b"".join(chance.choice((*_CHUNKS, b"5\r\nhello\r\n", b"1\r\n[\r\n")) for _ in range(chance.randint(1, 9)))
    end = chance.choice(
        (b"", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\nnonsense\r\n\r\n", b"0\r\nX: " + b"y" * 30_000)
    )
    return Request(_head(fields | {"Transfer-Encoding": "chunked"}) + chunks + end, 0)


def _broken_head(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    line = chance.choice((b"POST /invocations HTTP/1.1", *_LINES))
    head = _head(fields | {"Content-Length": str(len(body))}, *chance.sample(_FIELDS, chance.randint(0, 2)), line=line)
    if chance.random() < 0.3:
        head = head.replace(b"\r\n", chance.choice((b"\n", b"\r", b"\r\n\r\n", b"\r\r\n")))
    return Request((mutated(chance, head) if chance.random() < 0.5 else head) + body, 0)


def _cut(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    data = _whole(chance, fields, body).data
    return Request(data[: chance.randrange(len(data))], 0, chance.random() < 0.5)


def _gone(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    return Request(_whole(chance, fields, body).data, 0, listens=False)


def _noise(chance: Random, fields: dict[str, str], body: bytes) -> Request:
    return Request(chance.randbytes(chance.choice((0, 1, 10, 1000, 100_000))), 0)


# ruff: noqa: ARG001 - every frame is made of the same
_FRAMES: tuple[list[Callable[[Random, dict[str, str], bytes], Request]], list[float]] = (
    [_whole, _chunked, _pipelined, _lying, _broken_chunks, _broken_head, _cut, _gone, _noise],
    [60, 8, 5, 6, 5, 8, 4, 2, 1],
)
