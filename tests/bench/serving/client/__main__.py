"""Command line of the client: options as JSON -> load -> figures as JSON."""

import base64
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from .closed_loop import Load
from .connection import masked


def main(options: dict[str, Any]) -> None:
    """Run the load; write each distinct answer to its own file, print the figures as JSON."""
    body = Path(options["body"]).read_bytes()
    head = "".join(f"{name}: {value}\r\n" for name, value in options["headers"].items())
    host = f"Host: 127.0.0.1:{options['port']}\r\n"
    if options["websocket"]:
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
        handshake = f"GET {options['path']} HTTP/1.1\r\n{host}{upgrade}\r\n\r\n".encode()
        load = Load(options["port"], masked(body), handshake, options["connections"])
    else:
        request = f"POST {options['path']} HTTP/1.1\r\n{host}{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        load = Load(options["port"], request, None, options["connections"])
    seconds = load.run(options["seconds"], options["least"])
    for number, answer in enumerate(load.answers):
        Path(f"{options['answers']}.{number}").write_bytes(answer)
    cuts = (
        statistics.quantiles(load.seconds, n=100, method="inclusive") if len(load.seconds) > 1 else [float("nan")] * 99
    )
    figures = {"seconds": seconds, "lost": load.lost, "statuses": load.statuses, "counts": list(load.answers.values())}
    print(json.dumps({**figures, "p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}))  # noqa: T201


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
