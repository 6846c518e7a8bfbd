"""Requests to asynchronous endpoints, through moto's S3, with a real server's answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemakerruntime.models import SageMakerRuntimeBackend, sagemakerruntime_backends

from tests.aws.cloud import BUCKET, ENDPOINT, RECORDER, REGION, ROOT, Cloud
from tests.support.helpers import Job, Server, serving


def run(cloud: Cloud, module: str, *options: Any) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", RECORDER, f"scripts.{module}", "--endpoint", ENDPOINT, *map(str, options)]
    environment = cloud.environment | {"COLUMNS": "120"}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def runtime() -> Iterator[SageMakerRuntimeBackend]:
    backend: SageMakerRuntimeBackend = sagemakerruntime_backends[DEFAULT_ACCOUNT_ID][REGION]
    yield backend
    backend.reset()


@pytest.fixture
def endpoint(cloud: Cloud) -> Iterator[None]:
    """An asynchronous endpoint, as `deploy --async-output` creates it."""
    with cloud.endpoint(AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}):
        yield


@pytest.fixture
def files(prepared: Path) -> list[Path]:
    return sorted((prepared / "samples").iterdir())[:3]


def rows(output: str) -> list[str]:
    return [line for line in output.splitlines() if ".ppm" in line]


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.usefixtures("endpoint")
def test_invoke_shows_the_same_table(
    cloud: Cloud, server: Server, runtime: SageMakerRuntimeBackend, files: list[Path]
) -> None:  # fmt: skip
    bodies = [file.read_bytes() for file in files]
    runtime.async_results_queue += [(False, server.post(body, "image/x-unknown").text) for body in bodies]
    done = run(cloud, "invoke", *files)
    assert done.returncode == 0, done.stderr
    direct = [sys.executable, "-m", "scripts.invoke", "--url", server.url, *map(str, files)]
    environment = cloud.environment | {"COLUMNS": "120"}
    expected = subprocess.run(direct, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert len(rows(done.stdout)) == 3
    assert rows(done.stdout) == rows(expected)
    calls = cloud.calls()
    sent = [parameters for name, parameters in calls if name == "sagemaker:InvokeEndpointAsync"]
    for body, parameters in zip(bodies, sent, strict=True):
        key = parameters["InputLocation"].removeprefix(f"s3://{BUCKET}/")
        assert key.startswith("traffic-signs/async/")
        assert cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body
        assert parameters["ContentType"].startswith("image/")
    # all are in the queue before the first is awaited
    names = [name for name, _ in calls]
    assert names.index("s3:GetObject") > max(i for i, name in enumerate(names) if name.endswith("InvokeEndpointAsync"))


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.usefixtures("endpoint")
def test_evaluate_counts_the_same(
    cloud: Cloud, job: Job, runtime: SageMakerRuntimeBackend, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    queue = runtime.invoke_endpoint_async
    test_set = prepared / "validation" / "validation.npz"
    with serving(job.base, cloud.folder / "log") as server:

        def predict(name: str, location: str) -> tuple[str, str]:
            key = location.removeprefix(f"s3://{BUCKET}/")
            body = cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            runtime.async_results_queue.append((False, server.post(body, "application/x-npy").text))
            return queue(name, location)

        monkeypatch.setattr(runtime, "invoke_endpoint_async", predict)
        done = run(cloud, "evaluate", test_set, "--output", cloud.folder / "out", "--max-payload-mb", 0.02)
    assert done.returncode == 0, done.stderr
    assert len([name for name, _ in cloud.calls() if name.endswith("InvokeEndpointAsync")]) == 6
    metrics = json.loads((job.base / "output" / "data" / "metrics.json").read_text())
    result = json.loads((cloud.folder / "out" / "evaluation.json").read_text())
    assert result["accuracy_per_class"] == pytest.approx(metrics["accuracy_per_class"])


@pytest.mark.usefixtures("endpoint")
def test_failure_file_reaches_the_person(
    cloud: Cloud, runtime: SageMakerRuntimeBackend, files: list[Path]
) -> None:  # fmt: skip
    runtime.async_results_queue.append((True, "Received client error (400): not a readable image"))
    done = run(cloud, "invoke", "--timeout", 2, files[0])
    assert done.returncode == 1
    words = f"endpoint {ENDPOINT} failed: Received client error (400): not a readable image"
    assert done.stderr == f"Error: {files[0]}: {words}\n"


@pytest.mark.usefixtures("endpoint")
def test_a_late_answer_is_reported_with_its_s3_path(
    cloud: Cloud, runtime: SageMakerRuntimeBackend, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    place = f"s3://{BUCKET}/out/1.out"
    monkeypatch.setattr(runtime, "invoke_endpoint_async", lambda *_: (place, f"s3://{BUCKET}/out/failures/1.out"))
    done = run(cloud, "invoke", "--timeout", 0, files[0])
    assert done.returncode == 1
    assert f"no answer from endpoint {ENDPOINT} after 0 s; it is expected at {place}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.usefixtures("synchronous_endpoint")
def test_an_endpoint_that_answers_at_once_is_asked_directly(
    cloud: Cloud, server: Server, runtime: SageMakerRuntimeBackend
) -> None:  # fmt: skip
    image = cloud.folder / "text.ppm"  # as numbers in text, because moto decodes the body as UTF-8
    image.write_text("P3 32 32 255 " + "200 30 30 " * 32 * 32)
    answer = server.post(image.read_bytes(), "image/x-unknown").text
    runtime.results_queue.append((answer, "application/json", "AllTraffic", ""))
    done = run(cloud, "invoke", image)
    assert done.returncode == 0, done.stderr
    assert json.loads(answer)["predictions"][0]["name"][:15] in rows(done.stdout)[0]
    assert not {name for name, _ in cloud.calls() if name.startswith("s3:")}


def test_a_missing_endpoint_is_reported_in_the_words_of_aws(cloud: Cloud, files: list[Path]) -> None:
    done = run(cloud, "invoke", files[0])
    assert done.returncode == 1
    assert "sagemaker:DescribeEndpoint" in done.stderr
    assert "could not find" in done.stderr.lower()
