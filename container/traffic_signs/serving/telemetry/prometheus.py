"""Renderer of /metrics in Prometheus' text format.

rows of metrics.py, one per worker -> their sums, and the memory of living workers -> prometheus_client -> text
"""

import mmap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Metric, core, generate_latest

from traffic_signs.serving.telemetry.metrics import COUNTERS, HISTOGRAMS, INVOCATIONS, OTHER, REQUEST_INDEX
from traffic_signs.serving.telemetry.request_record import STAGES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(rows: Any, build: Mapping[str, str], models: Sequence[Mapping[str, str]]) -> bytes:
    """Render the page.

    Args:
        rows: `Metrics.rows`, a structured array [W] of `metrics.ROW`.
        build: labels of the program.
        models: labels of each model that is served, all with the same keys.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(rows, build, models))
    return generate_latest(registry)


class _Collector:
    """The collector that prometheus_client reads."""

    def __init__(self, rows: Any, build: Mapping[str, str], models: Sequence[Mapping[str, str]]) -> None:
        self._rows = rows
        self._build = build
        self._models = models

    def collect(self) -> Iterator[Metric]:
        rows = self._rows
        requests = core.CounterMetricFamily(_metric_name("requests"), "Requests answered", labels=("route", "status"))
        for (route, status), number in zip(REQUEST_INDEX, rows["requests"].sum(0).tolist(), strict=True):
            if number or route == INVOCATIONS:
                requests.add_metric((route, str(status or OTHER)), number)
        yield requests
        stages = core.CounterMetricFamily(
            _metric_name("stage_seconds"), "Time by stage of a request", labels=("stage",)
        )
        for stage, number in zip(STAGES, rows["stages"].sum(0).tolist(), strict=True):
            stages.add_metric((stage,), number)
        yield stages
        for name, text in COUNTERS.items():
            yield core.CounterMetricFamily(_metric_name(name), text, float(rows[name].sum()))
        for name, (text, bounds) in HISTOGRAMS.items():
            *counts, total = rows[name].sum(0).tolist()
            edges = [*map(str, map(float, bounds)), "+Inf"]
            yield core.HistogramMetricFamily(
                _metric_name(name), text, list(zip(edges, np.cumsum(counts).tolist(), strict=True)), total
            )
        yield core.GaugeMetricFamily(
            _metric_name("queue_length"), "Requests that are queued", float(rows["queue"].sum())
        )
        memory = core.GaugeMetricFamily(
            _metric_name("worker_memory_bytes"), "Resident memory of a worker", labels=("worker",)
        )
        for row, process in enumerate(rows["process"].tolist()):
            if process and (resident := _resident_bytes(int(process))):
                memory.add_metric((str(row),), resident)
        yield memory
        yield _info_metric("build", "The program", [self._build])
        yield _info_metric("model", "A model that is served", self._models)


def _info_metric(name: str, text: str, items: Sequence[Mapping[str, str]]) -> Metric:
    labels = tuple(items[0]) if items else ()
    family = core.GaugeMetricFamily(_metric_name(f"{name}_info"), text, labels=labels)
    for item in items:
        family.add_metric(tuple(item.values()), 1)
    return family


def _metric_name(name: str) -> str:
    return f"traffic_signs_{name}"


def _resident_bytes(process: int) -> int:
    """Return the resident memory of a process in bytes; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return 0
