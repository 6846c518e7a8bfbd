"""Times of decoding, engine and encoding without HTTP: limits.floor BODIES KIND ... -> JSON, microseconds.

It runs in one process of this project's image. The engine's time is that of the model's fastest network: a quantised
network may be beside the float network.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from model import MODEL, Network, decode, encode


def main(bodies: Path, kinds: list[str]) -> None:
    networks = [Network(path.name) for path in Path(MODEL).glob("*.tflite")]
    found = {}
    for path in (bodies / kind for kind in sorted(kinds)):
        pixels = decode(path.read_bytes())
        found[path.name] = {
            "decode": _microseconds(decode, path.read_bytes()),
            "engine": min(_microseconds(network.run, pixels) for network in networks),
            "encode": _microseconds(encode, networks[0].run(pixels)),
        }
    print(json.dumps(found))  # noqa: T201


def _microseconds(call: Callable[[Any], object], argument: Any, seconds: float = 0.5) -> float:
    """Return the median duration of calls during *seconds*."""
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
