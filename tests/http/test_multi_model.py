"""A multi-model endpoint, bare and in the container: the sequences that AWS documents, status by status.

Source: "Custom Containers Contract for Multi-Model Endpoints" in the developer guide. Two workers everywhere, and
two networks: one of 43 classes, one of 3.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.conftest import in_one_place
from tests.http.clients import metrics
from tests.support.helpers import Job, Server, encoded, instances, npy, serving
from tests.support.waiting import wait_until

NPY = "application/x-npy"
PIXELS = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 1), dtype=np.uint8)
TWO = npy(PIXELS)
IMAGES = "traffic_signs_batch_images_sum"
LARGE = npy(np.zeros((1_000, 32, 32, 1), np.uint8))
VARIABLES = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
MANY = 200
SMALL_CONTAINER = ("--memory", "560m", "--memory-swap", "560m", "--read-only")
"""Room for two workers, their requests and some dozens of models."""


@dataclass(frozen=True)
class Endpoint:
    """A server of many models, and where its models lie as it sees them."""

    server: Server
    models: str

    def load(self, name: str, url: str | None = None) -> requests.Response:
        body = {"model_name": name, "url": url or f"{self.models}/{name}/model"}
        return requests.post(f"{self.server.url}/models", json=body, timeout=60)

    def unload(self, name: str) -> requests.Response:
        return requests.delete(f"{self.server.url}/models/{name}", timeout=60)

    def get(self, path: str = "", **query: str | int) -> requests.Response:
        return requests.get(f"{self.server.url}/models{path}", params=query, timeout=60)

    def invoke(self, name: str, body: bytes = TWO, content_type: str = NPY, **headers: str) -> requests.Response:
        headers |= {"Content-Type": content_type, "X-Amzn-SageMaker-Target-Model": f"some/{name}.tar.gz"}
        return requests.post(f"{self.server.url}/models/{name}/invoke", data=body, headers=headers, timeout=120)

    def names(self) -> list[str]:
        return [model["modelName"] for model in self.get(limit=1000).json()["models"]]

    def empty(self) -> None:
        for name in self.names():
            assert self.unload(name).status_code == 200

    def private_mb(self) -> float:
        """Return the memory of all workers that is no file's."""
        texts = [Path(f"/proc/{worker}/status").read_text() for worker in self.server.workers()]
        return sum(int(text.split("RssAnon:")[1].split()[0]) for text in texts) / 1024


@pytest.fixture(scope="module")
def base(job: Job, small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("many")
    for folder, source in (("model", job), ("small", small_job)):
        shutil.copytree(source.base / "model", base / folder)
    names = {f"m{number:03}": "small" if number % 2 else "model" for number in range(MANY)}
    for name, folder in (names | {"f" * 255: "model", "a.b-c_D": "model"}).items():  # links: 200 copies take 100 MB
        shutil.copytree(base / folder, base / "models" / name / "model", copy_function=os.link)
    for name in ("damaged", "wrong-shape"):
        shutil.copytree(job.base / "model", base / "models" / name / "model")
    (base / "models" / "damaged" / "model" / "model.tflite").write_bytes(b"damaged")
    description = base / "models" / "wrong-shape" / "model" / "artifact.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"input_shape": [48, 48, 1]}))
    (base / "models" / "empty" / "model").mkdir(parents=True)
    (base / "models" / "outside").symlink_to("/etc")
    return base


def options(base: Path) -> tuple[str, ...]:
    return (*SMALL_CONTAINER, "--volume", f"{base}/models:/opt/ml/models:ro")


@pytest.fixture(scope="module")
def running(base: Path, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(base, log, image, VARIABLES, options(base)) as server:
        yield Endpoint(server, "/opt/ml/models" if image else str((base / "models").resolve()))
        text = log.read_text()
    assert "Traceback" not in text
    assert "Worker exiting" not in text.split("Handling signal: term")[0]


@pytest.fixture
def endpoint(running: Endpoint) -> Iterator[Endpoint]:
    """The server with no model loaded."""
    running.empty()
    yield running
    assert requests.get(f"{running.server.url}/ping", timeout=2).status_code == 200


def test_ping_is_200_with_nothing_loaded(endpoint: Endpoint) -> None:
    assert endpoint.get().json() == {"models": []}
    for method in ("GET", "POST"):
        assert requests.request(method, f"{endpoint.server.url}/ping", timeout=2).status_code == 200


def test_the_life_of_a_model(endpoint: Endpoint) -> None:
    described = {"modelName": "m000", "modelUrl": f"{endpoint.models}/m000/model"}
    assert endpoint.get("/m000").status_code == 404
    assert endpoint.invoke("m000").status_code == 404
    assert endpoint.unload("m000").status_code == 404
    assert endpoint.load("m000").status_code == 200
    assert endpoint.load("m000").status_code == 409
    assert (endpoint.get("/m000").status_code, endpoint.get("/m000").json()) == (200, described)
    assert endpoint.get().json() == {"models": [described]}
    for _ in range(8):  # whichever worker is asked
        assert len(endpoint.invoke("m000").json()["predictions"]) == 2
    assert endpoint.unload("m000").status_code == 200
    assert [endpoint.invoke("m000").status_code for _ in range(8)] == [404] * 8
    assert endpoint.get("/m000").status_code == 404
    assert endpoint.unload("m000").status_code == 404
    assert endpoint.load("m000").status_code == 200  # once more


def test_every_refusal_says_why_in_json(endpoint: Endpoint) -> None:
    for answer in (endpoint.get("/nope"), endpoint.invoke("nope"), endpoint.unload("nope")):
        assert answer.json() == {"error": "model nope is not loaded"}
    assert requests.post(f"{endpoint.server.url}/invocations", data=b"x", timeout=5).status_code == 404


def test_invoke_takes_and_gives_what_invocations_does(endpoint: Endpoint) -> None:
    assert endpoint.load("m000").status_code == 200
    picture = encoded(PIXELS[0, :, :, 0], "PNG")
    for body, content_type in ((instances(PIXELS), "application/json"), (picture, "image/png"), (TWO, NPY)):
        assert endpoint.invoke("m000", body, content_type).status_code == 200
    text = endpoint.invoke("m000", Accept="text/csv").text
    assert [line.count(",") for line in text.splitlines()] == [42, 42]
    assert endpoint.invoke("m000", b"{", "application/json").status_code == 400
    assert endpoint.invoke("m000", Accept="application/xml").status_code == 406
    assert endpoint.invoke("m000", b"x", "text/html").status_code == 415
    assert endpoint.invoke("m000", bytes(26 * 2**20)).status_code == 413


def test_models_of_different_classes_and_sizes_answer_side_by_side(endpoint: Endpoint) -> None:
    assert [endpoint.load(name).status_code for name in ("m000", "m001")] == [200, 200]
    for _ in range(4):
        large, small = (endpoint.invoke(name).json()["predictions"] for name in ("m000", "m001"))
        assert [len(one["probabilities"]) for one in (*large, *small)] == [43, 43, 3, 3]
        assert {one["name"] for one in small} <= {"ahead", "left", "right"}


def test_the_list_comes_in_pages(endpoint: Endpoint) -> None:
    names = [f"m{number:03}" for number in range(7)]
    for name in reversed(names):
        assert endpoint.load(name).status_code == 200
    assert "nextPageToken" not in endpoint.get().json()
    found: list[str] = []
    query: dict[str, str] = {}
    for size in (3, 3, 1):
        page = endpoint.get(limit=3, **query).json()
        assert len(page["models"]) == size
        found += [model["modelName"] for model in page["models"]]
        query = {"next_page_token": page["nextPageToken"]} if "nextPageToken" in page else {}
    assert (found, query) == (names, {})
    for limit in ("0", "-1", "x", "1001", "99999", ""):
        answer = endpoint.get(limit=limit)
        assert (answer.status_code, "limit = " in answer.json()["error"]) == (400, True)
    assert endpoint.get(next_page_token="../x\0").status_code == 200  # noqa: S106 - a name


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"m000"', b"{}", b'{"model_name": "m000"}', b'{"url": "/opt/ml/models/m000/model"}',
        b'{"model_name": 1, "url": "/x"}', b'{"model_name": "m000", "url": null}', b"\xff",
    ],
)  # fmt: skip
def test_a_bad_body_is_400(endpoint: Endpoint, body: bytes) -> None:
    answer = requests.post(f"{endpoint.server.url}/models", data=body, timeout=5)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert endpoint.names() == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../m000", "a/b", "/m000", "a\0b", "a b", "a%2fb", ".hidden", "ä", "x" * 256, "a\n"]
)
def test_an_invalid_model_name_gets_400(endpoint: Endpoint, name: str) -> None:
    answer = endpoint.load(name, f"{endpoint.models}/m000/model")
    assert (answer.status_code, "model_name" in answer.json()["error"]) == (400, True)
    assert endpoint.names() == []


@pytest.mark.parametrize(
    "url",
    ["{}/../../etc", "/etc", "/", "", "m000/model", "{}", "{}/", "{}/outside", "{}/m000\0", "s3://bucket/m.tar.gz"],
)
def test_a_url_that_leaves_the_folder_gets_400(endpoint: Endpoint, url: str) -> None:
    body = {"model_name": "m000", "url": url.format(endpoint.models)}
    answer = requests.post(f"{endpoint.server.url}/models", json=body, timeout=5)
    assert (answer.status_code, "url" in answer.json()["error"]) == (400, True)
    assert endpoint.names() == []


def test_a_path_without_a_directory_is_404(endpoint: Endpoint) -> None:
    for path in ("nope/model", "m000/model/artifact.json", "m000/model/" + "x" * 100):
        assert endpoint.load("m000", f"{endpoint.models}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("damaged", "the checksum of model.tflite does not match"),
        ("wrong-shape", "takes images of (48, 48, 1)"),
        ("empty", "artifact.json is missing"),
    ],
)
def test_a_model_that_cannot_be_served_is_refused_with_the_reason(endpoint: Endpoint, name: str, message: str) -> None:
    answer = endpoint.load(name)
    assert (answer.status_code, message in answer.json()["error"]) == (400, True)
    assert (endpoint.names(), endpoint.invoke(name).status_code) == ([], 404)


@pytest.mark.parametrize("name", ["f" * 255, "a.b-c_D"])
def test_names_may_be_long_and_encoded(endpoint: Endpoint, name: str) -> None:
    assert endpoint.load(name).status_code == 200
    encoded_name = "".join(f"%{ord(letter):02x}" for letter in name)
    assert endpoint.get(f"/{name}").json()["modelName"] == name
    # by hand, because requests decodes what need not be encoded
    assert raw(endpoint.server, f"GET /models/{encoded_name}").startswith(b"HTTP/1.1 200 ")
    assert endpoint.invoke(name).status_code == 200
    assert raw(endpoint.server, f"DELETE /models/{encoded_name}").startswith(b"HTTP/1.1 200 ")
    assert endpoint.names() == []


@pytest.mark.parametrize("path", ["..", "%2e%2e", "..%2f..%2fetc", "%2fetc", "a%00b", "%ff", "m000%0a", "../lock"])
def test_a_path_in_place_of_a_name_finds_nothing(endpoint: Endpoint, path: str) -> None:
    assert endpoint.load("m000").status_code == 200
    for line in (f"GET /models/{path}", f"DELETE /models/{path}", f"POST /models/{path}/invoke"):
        answer = raw(endpoint.server, line)  # //etc is sent on to /etc, which is not there either
        assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 308 ")), answer
    assert endpoint.names() == ["m000"]


def raw(server: Server, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 30) as connection:
        connection.sendall(f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_of_many_who_load_a_model_at_once_one_gets_200(endpoint: Endpoint) -> None:
    for name in ("m000", "m001", "m002"):
        with ThreadPoolExecutor(12) as pool:
            statuses = Counter(answer.status_code for answer in pool.map(endpoint.load, [name] * 12))
        assert statuses == {200: 1, 409: 11}
        with ThreadPoolExecutor(12) as pool:
            statuses = Counter(answer.status_code for answer in pool.map(endpoint.unload, [name] * 12))
        assert statuses == {200: 1, 404: 11}


def test_an_invocation_during_the_unloading_is_200_or_404(endpoint: Endpoint) -> None:
    outcomes: Counter[int] = Counter()
    done = threading.Event()

    def ask(body: bytes) -> None:
        while not done.is_set():
            outcomes[endpoint.invoke("m000", body).status_code] += 1

    with ThreadPoolExecutor(5) as pool:
        asking = [pool.submit(ask, body) for body in (TWO, TWO, TWO, LARGE, LARGE)]
        try:
            for _ in range(12):
                assert endpoint.load("m000").status_code == 200
                answered = outcomes[200]
                wait_until(lambda: outcomes[200] > answered + 5, 30, "the model answers")  # noqa: B023 - called at once
                assert endpoint.unload("m000").status_code == 200
                assert endpoint.invoke("m000").status_code == 404
        finally:
            done.set()
        for future in asking:
            future.result()
    assert set(outcomes) == {200, 404}


def test_unloading_waits_for_the_answers_and_frees_every_worker(endpoint: Endpoint) -> None:
    assert endpoint.load("m000").status_code == 200
    before = metrics(endpoint.server)[IMAGES]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(endpoint.invoke, "m000", LARGE) for _ in range(4)]
        wait_until(lambda: metrics(endpoint.server)[IMAGES] > before, 30, "the first of them is being computed")
        assert endpoint.unload("m000").status_code == 200
        assert {future.result().status_code for future in asked} <= {200, 404}


def test_unloading_waits_for_a_stream_to_end(endpoint: Endpoint) -> None:
    many = 20_000  # whose answers no socket takes before they are read
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "stream=true", "Accept": "application/jsonlines"}
    assert endpoint.load("m000").status_code == 200
    with requests.post(
        f"{endpoint.server.url}/models/m000/invoke",
        data=npy(np.zeros((many, 32, 32, 1), np.uint8)),
        headers={"Content-Type": NPY, **attributes},
        stream=True,
        timeout=120,
    ) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines))["name"]
        with ThreadPoolExecutor() as pool:
            unloading = pool.submit(endpoint.unload, "m000")
            wait_until(lambda: endpoint.invoke("m000").status_code == 404, 30, "the unloading has begun")
            assert not unloading.done()
            assert 1 + sum(1 for _ in lines) == many
            assert unloading.result().status_code == 200
    assert endpoint.invoke("m000").status_code == 404


def test_loads_and_unloads_are_not_starved_by_invocations(endpoint: Endpoint) -> None:
    assert endpoint.load("m000").status_code == 200
    done = threading.Event()
    outcomes: Counter[int] = Counter()

    def ask() -> None:
        while not done.is_set():
            outcomes[endpoint.invoke("m000", LARGE).status_code] += 1

    with ThreadPoolExecutor(24) as pool:
        asking = [pool.submit(ask) for _ in range(24)]
        try:
            for _ in range(3):
                assert endpoint.load("m001").status_code == 200
                assert endpoint.get("/m001").status_code == 200
                assert requests.get(f"{endpoint.server.url}/ping", timeout=2).status_code == 200
                assert endpoint.unload("m001").status_code == 200
        finally:
            done.set()
        for future in asking:
            future.result()
    assert set(outcomes) <= {200, 503}
    assert outcomes[200]


@dataclass
class Platform:
    """What SageMaker does around a container: loads what is asked for, unloads what has waited longest to make room."""

    endpoint: Endpoint
    used: dict[str, int] = field(default_factory=dict)
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    clock: Iterator[int] = field(default_factory=itertools.count)

    def _note(self, verb: str, answer: requests.Response) -> int:
        self.seen[verb, answer.status_code] += 1
        return answer.status_code

    def answer(self, name: str) -> int:
        """Return the number of classes that the model called *name* answers with."""
        for _ in range(50):
            self.used[name] = next(self.clock)
            answer = self.endpoint.invoke(name)
            status = self._note("invoke", answer)
            if status == 200:
                return len(answer.json()["predictions"][0]["probabilities"])
            assert status in (404, 507), answer.text
            if status == 507:
                self._make_room(name)
            while self._note("load", self.endpoint.load(name)) == 507:
                self._make_room(name)
        pytest.fail(f"{name} is never answered: {self.seen}")

    def _make_room(self, wanted: str) -> None:
        loaded = sorted(self.endpoint.names(), key=lambda name: self.used.get(name, 0))
        for name in [name for name in loaded if name != wanted][:3]:
            self._note("unload", self.endpoint.unload(name))


@in_one_place
def test_200_models_cycled_under_load(endpoint: Endpoint, image: str | None) -> None:
    assert endpoint.load("m000").status_code == 200
    endpoint.empty()
    start = endpoint.private_mb()
    platform = Platform(endpoint)
    names = [f"m{number:03}" for number in range(MANY)] * 2
    np.random.default_rng(1).shuffle(names)
    with ThreadPoolExecutor(6) as pool:
        classes = list(pool.map(platform.answer, names))
    assert classes == [3 if int(name[1:]) % 2 else 43 for name in names]
    peak, loaded = endpoint.private_mb(), len(endpoint.names())
    statuses = {verb: {status for known, status in platform.seen if known == verb} for verb, _ in platform.seen}
    assert statuses["invoke"] <= {200, 404, 507}
    assert statuses["load"] <= {200, 409, 507}
    if image:  # the memory that is set makes the platform unload
        assert platform.seen["load", 507]
        assert platform.seen["unload", 200]
        assert 10 <= loaded < MANY
    else:
        assert loaded == MANY
    endpoint.empty()
    end = endpoint.private_mb()
    assert peak - start > loaded
    assert end - start < 0.5 * (peak - start)  # the allocator keeps some; a leak of every model would be twice the peak


def test_a_worker_that_dies_is_replaced_by_one_that_agrees(
    base: Path, image: str | None, tmp_path: Path, running: Endpoint
) -> None:
    with serving(base, tmp_path / "log", image, VARIABLES, options(base)) as server:
        endpoint = Endpoint(server, running.models)
        names = [f"m{number:03}" for number in range(6)]
        for name in names:
            assert endpoint.load(name).status_code == 200

        def everywhere(name: str) -> set[int]:
            with ThreadPoolExecutor(8) as pool:
                return {answer.status_code for answer in pool.map(endpoint.invoke, [name] * 16)}

        for name in names:
            assert everywhere(name) == {200}
        for gone in ("m000", "m001"):  # first the one worker, then the other
            before = server.workers()
            os.kill(min(before), signal.SIGKILL)
            wait_for_another(server, before)
            names.remove(gone)
            assert endpoint.unload(gone).status_code == 200
            assert endpoint.names() == names
            assert everywhere(gone) == {404}
            for name in names:
                assert everywhere(name) == {200}
                assert endpoint.load(name).status_code == 409
        assert len(server.workers() & before) == 1


def wait_for_another(server: Server, before: set[int]) -> None:
    wait_until(
        lambda: len(server.workers()) == 2 and len(server.workers() & before) == 1, 60, "another worker is there"
    )


def test_a_server_leaves_no_list_behind(base: Path, tmp_path: Path) -> None:
    with serving(base, tmp_path / "log", None, VARIABLES) as server:
        sockets = Path("/dev").glob("shm/models-*/notifications/*")
        found = [path for path in sockets if int(path.name) in server.workers()]
        assert found  # of the worker that was ready first, at least
        assert server.stop() == 0
    assert not found[0].parent.parent.exists()


def test_an_engine_that_keeps_memory_is_refused(base: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="with SAGEMAKER_MULTI_MODEL expected auto or litert"),
        serving(base, tmp_path / "log", None, VARIABLES | {"SERVING_ENGINE": "tensorflow"}),
    ):
        pass


def test_the_sdks_sagemaker_program_does_not_prevent_the_start(base: Path, tmp_path: Path) -> None:
    with serving(base, tmp_path / "log", None, VARIABLES | {"SAGEMAKER_PROGRAM": "mine.py"}) as server:
        assert requests.get(f"{server.url}/models", timeout=60).json() == {"models": []}
