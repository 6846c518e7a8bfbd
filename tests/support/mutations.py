"""Valid bodies in every format, and random mutations of them."""

import codecs
import json
import random

import numpy as np

from tests.support.bodies import CSV, FORM, JSON, LINES, NPY, NPZ, PIXELS, RGB, b64, csv, form, lines, npz
from tests.support.helpers import encoded, instances, npy

PNGS = [encoded(picture, "PNG") for picture in RGB]
BODIES = [
    (instances(PIXELS), JSON),
    (json.dumps(PIXELS[..., 0].tolist()).encode(), JSON),
    (json.dumps({"instances": [b64(picture) for picture in RGB]}).encode(), JSON),
    (lines(PIXELS.tolist()), LINES),
    (lines([b64(picture) for picture in RGB]), LINES),
    (csv(PIXELS), CSV),
    (npy(PIXELS), NPY),
    (npy(RGB.astype(np.float32)), NPY),
    (npz(PIXELS), NPZ),
    (npz(PIXELS, compressed=True), NPZ),
    (form(*PNGS), f"{FORM}; boundary=B"),
]
PICTURES = [(encoded(RGB[0], kind), f"image/{kind.lower()}") for kind in ("PNG", "JPEG", "PPM", "BMP", "WEBP", "GIF")]
SPELT = [
    (codecs.BOM_UTF8 + instances(PIXELS), JSON),
    (instances(PIXELS).decode().encode("utf-16"), JSON),
    (json.dumps(instances(PIXELS).decode()).encode(), JSON),
    (json.dumps([{"b64": f"data:image/png;base64,{b64(PIXELS[0])['b64']}", "id": 1}]).encode(), JSON),
    (lines(PIXELS.tolist()) + b"\n", "application/x-ndjson"),
    (csv(PIXELS).replace(b",", b";"), CSV),
    (csv(PIXELS).replace(b", ", b'","').replace(b"\r\n", b'"\n"')[:-1].join((b'"', b"")), CSV),
    (b",".join(b"p%d" % number for number in range(1024)) + b"\n" + csv(PIXELS).replace(b"\r", b","), CSV),
    (npz(np.frombuffer(b"PK\1\2PK\5\6" * 128, np.uint8).reshape(1, 32, 32)), NPZ),
    (PICTURES[0][0], "application/octet-stream"),
]
"""Bodies as other programs write them, which have one meaning too."""
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def mutated(random: random.Random, body: bytes) -> bytes:
    """Return *body* with one to four mutations, as networks, bugs and attackers cause them."""
    result = bytearray(body)
    for _ in range(random.randint(1, 4)):
        start, end = sorted(random.choices(range(len(result) + 1), k=2))
        end = min(end, start + random.choice((1, 4, 64, 100_000)))
        match random.randrange(6):
            case 0:
                result[start:end] = b""
            case 1:
                result[start:end] = random.randbytes(end - start)
            case 2:
                result[start:start] = result[start:end]
            case 3:
                del result[start:]
            case 4:  # the first bytes are where sizes and types stand
                result[random.randrange(min(128, len(result) or 1)) :][:1] = b""
                if result:
                    result[random.randrange(min(128, len(result)))] = random.randrange(256)
            case _:
                words = (b"-1", b"1e999", b"null", b"[", b"]", b'"', b"{}", b"\xff\xff\xff\xff", b"\n", b"--B", b",")
                result[start:start] = random.choice(words)
    return bytes(result)


HEADERS = [
    ("Accept", ["*/*;q=0", "text/csv;q=2", ";;,", "a/b;q=nan", "*/x", "application/x-npy;q=1;v=2", "\xff"]),
    (ATTRIBUTES, ["top_k=", "top_k=1e3", "=;=,", "probabilities=\xff", "top_k=2", "\xb2"]),
    ("Content-Encoding", ["gzip", "gzip,br", "\xff"]),
    ("Content-Type", [f"{FORM}; boundary", f"{FORM}; boundary*=utf-8''%FF%E2", f"{FORM}; boundary={'x' * 3000}", "/"]),
]
