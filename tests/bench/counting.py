"""CPU time of counting a request, in our shared-memory rows and in prometheus_client: `make bench-counting`.

one request's numbers ──> metrics.Metrics ───────────────────────────┐
                     └──> prometheus_client's files for processes ──┴─ alternating ──> medians, their ratio
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table

from traffic_signs.serving.telemetry.metrics import HISTOGRAMS, INVOCATIONS, Metrics
from traffic_signs.serving.telemetry.request_record import STAGES, Record

_REQUESTS = 2_000


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.counting --rounds 3
    """
)
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
def main(rounds: int) -> None:
    """Time 2,000 requests with each, alternating."""
    with tempfile.TemporaryDirectory() as folder:
        # the library reads this when it is imported, and then keeps a file per process
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        counters = {"metrics.Metrics": _ours(), "prometheus_client": _library()}
        microseconds: dict[str, list[float]] = {name: [] for name in counters}
        for _ in range(rounds):
            for name, count in counters.items():
                start = time.process_time()
                for _ in range(_REQUESTS):
                    count()
                microseconds[name].append((time.process_time() - start) / _REQUESTS * 1e6)
    medians = {name: statistics.median(values) for name, values in microseconds.items()}
    table = Table("counting a request", "CPU us, median", "minimum", "maximum")
    for name, values in microseconds.items():
        table.add_row(name, *(f"{value:.1f}" for value in (medians[name], min(values), max(values))))
    Console().print(table)
    ours, library = medians.values()
    Console().print(f"prometheus_client takes {library / ours:.1f} times as long")


def _ours() -> Callable[[], None]:
    metrics, record = Metrics(), Record()

    def count() -> None:
        metrics.observe_batch(1, 0.001)
        metrics.count_response("/invocations", 200, record, record.arrived + 0.002)

    return count


def _library() -> Callable[[], None]:
    from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415 # after the variable is set

    registry = CollectorRegistry()
    requests = Counter("requests", "", ("route", "status"), registry=registry)
    stage_seconds = Counter("stages", "", ("stage",), registry=registry)
    stages = [stage_seconds.labels(stage) for stage in STAGES]
    histograms = {
        name: Histogram(name, "", buckets=bounds, registry=registry) for name, (_, bounds) in HISTOGRAMS.items()
    }

    def count() -> None:
        histograms["batch_images"].observe(1)
        histograms["engine_seconds"].observe(0.001)
        requests.labels(INVOCATIONS, "200").inc()
        histograms["request_seconds"].observe(0.002)
        for stage in stages:
            stage.inc(0.0001)

    return count


if __name__ == "__main__":
    main()
