"""LiteRT benchmark of a model directory's float32 and int8 networks, by images per call.

model.tflite, model.int8.tflite ── alternating ──> median microseconds per call, their ratio, the CPU's flags
"""

import statistics
import time
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench import machine
from traffic_signs.images import preprocessing
from traffic_signs.model import artifact, instructions
from traffic_signs.model.litert import Engine

_SIZES = (1, 4, 16, 64)


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.engine results/GTSRB/opt-ml/model
    """
)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--calls", type=click.IntRange(1), default=200, show_default=True, help="Calls for each size and network."
)
def main(model: Path, calls: int) -> None:
    """Time the networks in the model directory MODEL."""
    engines = {name: Engine(model / name) for name in (artifact.LITERT, artifact.INT8) if (model / name).exists()}
    pixels = np.random.default_rng(1).integers(0, 256, (max(_SIZES), *preprocessing.SHAPE), dtype=np.uint8)
    table = Table("images per call", *(f"{name}, us" for name in engines), "ratio")
    for size in _SIZES:
        seconds: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(calls):
            for name, engine in engines.items():
                engine.run(pixels[:size])  # warms the CPU cache, which holds the other network
                start = time.perf_counter()
                engine.run(pixels[:size])
                seconds[name].append(time.perf_counter() - start)
        medians = [statistics.median(values) * 1e6 for values in seconds.values()]
        table.add_row(str(size), *(f"{median:,.1f}" for median in medians), f"{medians[0] / medians[-1]:.2f}")
    Console().print(table)
    Console().print(f"{machine.describe()['cpu']}; VNNI: {instructions.has_vnni()}")


if __name__ == "__main__":
    main()
