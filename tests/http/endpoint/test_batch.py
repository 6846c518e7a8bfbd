"""The batch transform contract, bare and in the container: parameters, lines for lines, large bodies in little memory.

Source: "Use Your Own Inference Code with Batch Transform" in the developer guide.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from local_test.platform import engine
from tests import conftest
from tests.support.helpers import Job, Server, encoded, npy, serving

MEGABYTE = 2**20
CSV, LINES, NPY = "text/csv", "application/jsonlines", "application/x-npy"
PIXELS = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 1), dtype=np.uint8)
BATCH = {"SAGEMAKER_BATCH": "true"}
GIGABYTE = ("--memory", "1g", "--memory-swap", "1g")


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, BATCH) as server:
        yield server


def parameters(server: Server) -> dict[str, int | str]:
    answer = requests.get(f"{server.url}/execution-parameters", timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, int | str] = answer.json()
    assert set(found) == {"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}
    return found


def test_execution_parameters_keep_the_platforms_bound(server: Server) -> None:
    found = parameters(server)
    assert found["BatchStrategy"] == "MULTI_RECORD"
    requests_at_once, payload = int(found["MaxConcurrentTransforms"]), int(found["MaxPayloadInMB"])
    assert requests_at_once >= 1
    assert payload >= 1
    assert requests_at_once * payload <= 100


def test_execution_parameters_name_the_strategy_outside_a_job_too(job: Job, tmp_path: Path) -> None:
    with serving(job.base, tmp_path / "log") as server:
        assert parameters(server)["BatchStrategy"] == "MULTI_RECORD"


def test_the_jobs_settings_override_the_computed_ones(job: Job, image: str | None, tmp_path: Path) -> None:
    variables = {
        "SAGEMAKER_BATCH": "True",  # as local mode spells it
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
    }
    with serving(job.base, tmp_path / "log", image, variables) as server:
        expected = {"MaxConcurrentTransforms": 1, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}
        assert parameters(server) == expected
        assert "workers=1" in server.log.read_text()
        refused = server.post(bytes(2 * MEGABYTE + 1), NPY)
        assert refused.status_code == 413
        assert "larger than 2 MB" in refused.json()["error"]


def csv(pixels: np.ndarray) -> bytes:
    return b"".join(b"%s\n" % ",".join(map(str, image.ravel().tolist())).encode() for image in pixels)


def json_lines(pixels: np.ndarray) -> bytes:
    return b"".join(b"%s\n" % json.dumps(image[..., 0].tolist()).encode() for image in pixels)


def classes(answer: requests.Response) -> list[int]:
    """Read the answer, whatever its form."""
    assert answer.status_code == 200, answer.text
    if answer.headers["Content-Type"] == LINES:
        return [json.loads(line)["class_id"] for line in answer.text.splitlines()]
    if answer.headers["Content-Type"].startswith(CSV):
        return [int(np.argmax([float(value) for value in line.split(",")])) for line in answer.text.splitlines()]
    return [prediction["class_id"] for prediction in answer.json()["predictions"]]


@pytest.mark.parametrize("accept", [None, "*/*"])
def test_lines_are_answered_by_as_many_lines_which_can_be_joined(server: Server, accept: str | None) -> None:
    headers = {"Accept": accept} if accept else {}
    expected = classes(server.post(npy(PIXELS), NPY, **headers))
    for body, kind in ((csv(PIXELS), CSV), (json_lines(PIXELS), LINES)):
        lines = body.splitlines(keepends=True)
        one_by_one = [server.post(line, kind, **headers) for line in lines]
        some = [server.post(b"".join(lines[start : start + 7]), kind, **headers) for start in range(0, 40, 7)]
        for answers in (one_by_one, some):
            assert all(answer.headers["Content-Type"].startswith(kind) for answer in answers)
            assert b"".join(answer.content for answer in answers).count(b"\n") == 40
            assert [label for answer in answers for label in classes(answer)] == expected
        # the last line of a file may have no end
        assert classes(server.post(body.rstrip(b"\n"), kind, **headers)) == expected
        assert classes(server.post(body, kind, Accept="application/json")) == expected


def test_an_image_is_answered_as_at_an_endpoint(server: Server) -> None:
    answer = server.post(encoded(PIXELS[0, ..., 0], "PNG"), "image/png")
    assert answer.headers["Content-Type"] == "application/json"
    assert classes(answer) == classes(server.post(npy(PIXELS[:1]), NPY))


def test_the_error_of_a_bad_line_has_its_number(server: Server) -> None:
    lines = csv(np.repeat(PIXELS, 50, axis=0)).splitlines(keepends=True)
    lines[1_500] = b"1,2\n"  # 5 MB of good ones before it
    refused = server.post(b"".join(lines), CSV)
    assert refused.status_code == 400
    assert "line 1501 has 2 values" in refused.json()["error"]
    files = [b'{"b64": "%s"}\n' % part for part in [b"aGVs" * 100_000] * 4]
    assert "line 1: $: not a readable image" in server.post(b"".join(files), LINES).json()["error"]


LARGE = {
    "CSV": (CSV, csv(PIXELS)),
    "JSON lines": (LINES, json_lines(PIXELS)),
    "npy": (NPY, npy(PIXELS)),
}


@pytest.mark.engine
@pytest.mark.parametrize("image", ["container"], indirect=True)
def test_100_mb_are_answered_within_a_gigabyte(job: Job, tmp_path: Path) -> None:
    with serving(job.base, tmp_path / "log", conftest.IMAGE, BATCH, GIGABYTE) as server:
        for kind, some in LARGE.values():
            times = 100 * MEGABYTE // len(some)
            number, body = times * len(PIXELS), some * times
            if kind == NPY:
                number = 100 * MEGABYTE // 1024 - 1
                body = npy(np.resize(PIXELS, (number, 32, 32, 1)))
            assert 97 * MEGABYTE < len(body) <= 100 * MEGABYTE
            accept = kind if kind != NPY else LINES
            answer = requests.post(
                f"{server.url}/invocations", data=body, headers={"Content-Type": kind, "Accept": accept}, timeout=600
            )
            assert answer.status_code == 200, answer.text[:500]
            assert answer.content.count(b"\n") == number
        refused = requests.post(
            f"{server.url}/invocations", data=bytes(100 * MEGABYTE + 1), headers={"Content-Type": NPY}, timeout=60
        )
        assert refused.status_code == 413
        most = peak(str(server.command.container))
        assert 100 * MEGABYTE < most < 600 * MEGABYTE  # of bodies, pixels and answers; 395 when it was written


def peak(name: str) -> int:
    """Most bytes that the container has held, as its cgroup counts them."""
    script = "cat /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes 2>/dev/null"
    done = subprocess.run([engine.DOCKER, "exec", name, "sh", "-c", script], check=False, capture_output=True)
    return int(done.stdout.split()[0])
