"""/metrics, and what an answer says of its model: bare and in the container, by two workers."""

import hashlib
import json
import os
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from local_test.platform import engine
from tests.support.helpers import Job, Server, npy, serving
from tests.support.waiting import wait_until

NPY = "application/x-npy"
ONE = npy(np.zeros((1, 32, 32, 1), np.uint8))
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LAG = "traffic_signs_event_loop_lag_seconds"
REQUESTS = "traffic_signs_requests_total"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, and nothing that can be written but memory."""
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, variables, ["--read-only"]) as server:
        scrape_until(server, lambda found: value(found, "traffic_signs_model_loads_total") == 2)
        yield server


def scrape(server: Server) -> Samples:
    """Ask on a new connection, which any worker may take, within Prometheus' usual patience."""
    answer = requests.get(f"{server.url}/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, /, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def scrape_until(server: Server, holds: Callable[[Samples], bool]) -> Samples:
    """An answer is counted once it is sent: its client may be here earlier."""
    seen: list[Samples] = []

    def held() -> bool:
        seen[:] = [scrape(server)]
        return holds(seen[0])

    wait_until(held, 30, "/metrics says what is expected", lambda: seen)
    return seen[0]


def test_answers_are_counted_whichever_worker_gives_them(server: Server) -> None:
    before = scrape(server)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: server.post(ONE, NPY).status_code, range(40)))
    assert answers == [200] * 40
    assert server.post(npy(np.zeros((130, 32, 32, 1), np.uint8)), NPY).status_code == 200
    assert server.post(b"no array", NPY).status_code == 400
    assert server.post(b"x", "text/html").status_code == 415

    def grown(samples: Samples, name: str, /, **labels: str) -> float:
        return value(samples, name, **labels) - value(before, name, **labels)

    def of(samples: Samples, status: str) -> float:
        return grown(samples, REQUESTS, route="invocations", status=status)

    after = scrape_until(server, lambda found: grown(found, "traffic_signs_request_seconds_count") == 43)
    assert (of(after, "200"), of(after, "400"), of(after, "415")) == (41, 1, 1)
    assert 0 < grown(after, "traffic_signs_request_seconds_sum") < 300
    assert grown(after, "traffic_signs_batch_images_sum") == 170
    runs = grown(after, "traffic_signs_batch_images_count")
    assert 5 < runs <= 45  # 130 are four times 32, and 2; of the 40 others, some came together
    assert grown(after, "traffic_signs_batch_images_bucket", le="16.0") <= runs - 4
    assert grown(after, "traffic_signs_engine_seconds_count") == runs
    stages = {
        stage: grown(after, "traffic_signs_stage_seconds_total", stage=stage)
        for stage in ("queue", "read", "decode", "engine", "encode")
    }
    assert all(seconds > 0 for stage, seconds in stages.items() if stage != "queue"), stages
    assert sum(stages.values()) <= grown(after, "traffic_signs_request_seconds_sum")
    assert value(after, "traffic_signs_model_loads_total") == 2
    assert 0 < value(after, "traffic_signs_model_load_seconds_total") < 120
    assert value(after, "traffic_signs_queue_length") == 0
    memory = {key: size for key, size in after.items() if key[0] == "traffic_signs_worker_memory_bytes"}
    assert len(memory) == 2
    assert all(10e6 < size < 2e9 for size in memory.values())


def test_every_worker_reports_the_same_metrics(server: Server) -> None:
    def counts(samples: Samples) -> Samples:
        return {key: number for key, number in samples.items() if ("route", "invocations") in key[1]}

    first = counts(scrape(server))
    assert all(counts(scrape(server)) == first for _ in range(12))


def test_paths_methods_and_clients_make_no_series(server: Server) -> None:
    requests.get(f"{server.url}/x", timeout=10)
    requests.get(f"{server.url}/ping", timeout=10)
    before = scrape_until(server, lambda found: value(found, REQUESTS, route="other", status="404") >= 1)
    for number, method in enumerate(("PROPFIND", "MKCOL", "LOCK", "REPORT", "SEARCH") * 4):
        headers = {"X-Amzn-SageMaker-Inference-Id": f"id-{number}", "User-Agent": f"client-{number}"}
        path = f"{server.url}/x-{number}/{'y' * number}?z={number}"
        assert requests.request(method, path, headers=headers, timeout=10).status_code == 404
        assert requests.get(path, headers=headers, timeout=10).status_code == 404
    missing = value(before, REQUESTS, route="other", status="404")
    after = scrape_until(server, lambda found: value(found, REQUESTS, route="other", status="404") == missing + 40)
    assert after.keys() - before.keys() <= {(REQUESTS, frozenset({("route", "metrics"), ("status", "200")}))}


def test_refused_requests_are_counted_while_metrics_is_answered(job: Job, image: str | None, tmp_path: Path) -> None:
    def ask() -> requests.Response:
        return requests.post(f"{server.url}/invocations", data=body, headers={"Content-Type": NPY}, timeout=200)

    body = npy(np.zeros((500, 32, 32, 1), np.uint8))
    longest = 0.0
    # the line is as long as can be answered in half of the timeout
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "6"}
    with serving(job.base, tmp_path / "log", image, variables) as server:
        scrape(server)  # the first one loads what writes the page
        with ThreadPoolExecutor(300) as pool:
            futures = [pool.submit(ask) for _ in range(300)]
            while not all(future.done() for future in futures):
                longest = max(longest, value(scrape(server), "traffic_signs_queue_length"))
        statuses = Counter(future.result().status_code for future in futures)
        assert set(statuses) == {200, 503}
        refused = statuses[503]
        after = scrape_until(
            server, lambda found: value(found, REQUESTS, route="invocations", status="200") == statuses[200]
        )
        assert value(after, "traffic_signs_queue_refused_total") == refused
        assert value(after, REQUESTS, route="invocations", status="503") == refused
        scrape_until(server, lambda found: value(found, "traffic_signs_queue_length") == 0)
        told = "the log has told of all who were refused"  # once a second
        wait_until(lambda: sum(line.get("refused", 0) for line in log_of(server)) >= refused, 30, told)
    assert 0 < longest <= 128


def log_of(server: Server) -> list[dict[str, Any]]:
    whole, _, _ = server.log.read_text().rpartition("\n")  # of the last line a part may be here
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


def booted(server: Server) -> list[int]:
    # in the raw text: what LiteRT writes to stderr may stand in the same line
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", server.log.read_text())]


def test_a_replaced_worker_loses_no_answer_and_leaves_no_file(job: Job, image: str | None, tmp_path: Path) -> None:
    with serving(job.base, tmp_path / "log", image, {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}) as server:
        before = scrape_until(server, lambda found: value(found, "traffic_signs_model_loads_total") == 2)
        for _ in range(10):
            assert server.post(ONE, NPY).status_code == 200
        before = scrape_until(server, lambda found: value(found, REQUESTS, route="invocations", status="200") == 10)
        for turn in range(3):
            scrape_until(server, lambda _: len(booted(server)) == 2 + turn)  # noqa: B023 - called at once
            victim = str(booted(server)[-1])
            if server.command.container:
                command = [engine.DOCKER, "exec", server.command.container, "sh", "-c", f"kill -9 {victim}"]
                subprocess.run(command, check=True)
            else:
                os.kill(int(victim), signal.SIGKILL)
            loads = 3 + turn
            after = scrape_until(server, lambda found: value(found, "traffic_signs_model_loads_total") == loads)  # noqa: B023 - called at once
        counted = {key for key in before if key[0].endswith(("_total", "_count", "_bucket"))}
        assert all(after[key] >= before[key] for key in counted)
        assert value(after, REQUESTS, route="invocations", status="200") == 10
        memory = {key for key in after if key[0] == "traffic_signs_worker_memory_bytes"}
        assert memory == {key for key in before if key[0] == "traffic_signs_worker_memory_bytes"}
        assert len(memory) == 2
        assert server.post(ONE, NPY).status_code == 200
        scrape_until(server, lambda found: value(found, REQUESTS, route="invocations", status="200") == 11)


def test_metrics_and_ping_answer_within_two_seconds_under_load(server: Server) -> None:
    scrape(server)
    large = npy(np.zeros((5_000, 32, 32, 1), np.uint8))
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            assert server.post(large, NPY).status_code == 200

    with ThreadPoolExecutor(6) as pool:
        busy = [pool.submit(ask) for _ in range(6)]
        try:
            for _ in range(20):
                assert requests.get(f"{server.url}/metrics", timeout=2).status_code == 200
                assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200
        finally:
            done.set()
        for future in busy:
            future.result()


def test_large_requests_do_not_hold_up_the_loop_that_answers_small_ones(
    job: Job, image: str | None, tmp_path: Path
) -> None:
    """A lag of a few milliseconds is the aim; a busy machine adds its own to some of the observations."""
    values = np.random.default_rng(1).integers(0, 256, (2_000, 32, 32), dtype=np.uint8)
    large = [(npy(values), NPY), (json.dumps({"instances": values.tolist()}).encode(), "application/json")]
    done = threading.Event()

    def ask(server: Server, body: bytes, content_type: str) -> None:
        while not done.is_set():
            assert server.post(body, content_type).status_code == 200

    with serving(job.base, tmp_path / "log", image, {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}) as alone:
        before = scrape(alone)
        with ThreadPoolExecutor(4) as pool:
            busy = [pool.submit(ask, alone, *request) for request in (*large, (ONE, NPY), (ONE, NPY))]
            after = scrape_until(alone, lambda found: value(found, f"{LAG}_count") > value(before, f"{LAG}_count") + 40)
            done.set()
            for future in busy:
                future.result()
    observed = value(after, f"{LAG}_count") - value(before, f"{LAG}_count")
    assert value(after, f"{LAG}_bucket", le="0.1") - value(before, f"{LAG}_bucket", le="0.1") > 0.8 * observed


def test_the_page_and_every_answer_name_the_model(job: Job, image: str | None, server: Server) -> None:
    description = (job.base / "model" / "artifact.json").read_bytes()
    said = json.loads(description)
    vnni = not {"avx512_vnni", "avx_vnni"}.isdisjoint(Path("/proc/cpuinfo").read_text().split())
    model = {
        "name": said["preset"],
        "version": hashlib.sha256(description).hexdigest()[:12],
        "data": said["data_fingerprint"],
        "precision": "int8" if "model.int8.tflite" in said["sha256"] and vnni else "float32",
    }
    samples = scrape(server)
    assert value(samples, "traffic_signs_model_info", **model) == 1
    (build,) = (dict(labels) for name, labels in samples if name == "traffic_signs_build_info")
    revision = "unknown"
    if image:
        words = [
            engine.DOCKER,
            "inspect",
            "--format",
            '{{index .Config.Labels "org.opencontainers.image.revision"}}',
        ]
        revision = subprocess.run([*words, image], capture_output=True, text=True, check=True).stdout.strip()
    assert (build["revision"], build["engine"]) == (revision, "litert")
    assert build["version"]
    header = "; ".join(f"{key}={text}" for key, text in model.items())
    assert header.isascii()
    assert header.isprintable()
    for body, content_type, accept in (
        *((ONE, NPY, accept) for accept in ("application/json", "application/jsonlines", "text/csv", NPY)),
        (b"no array", NPY, "*/*"),
        (b"", "text/html", "*/*"),
        (bytes(26 * 1024 * 1024), NPY, "*/*"),
    ):
        answer = server.post(body, content_type, Accept=accept)
        assert answer.headers["X-Model-Info"] == header
        assert CUSTOM_ATTRIBUTES not in answer.headers
    answer = server.post(ONE, NPY, **{CUSTOM_ATTRIBUTES: "c000b4f9-df62-4c85-a0bf-7c525f9104a4"})
    assert answer.headers[CUSTOM_ATTRIBUTES] == header


@pytest.mark.parametrize("accept", ["application/json", "application/jsonlines", "text/csv", NPY])
def test_content_types_are_bare_as_data_capture_lists_them(server: Server, accept: str) -> None:
    """CaptureContentTypeHeader takes names without parameters (Amazon SageMaker API reference)."""
    assert server.post(ONE, NPY, Accept=accept).headers["Content-Type"] == accept
    assert server.post(b"", NPY, Accept=accept).headers["Content-Type"] == "application/json"
