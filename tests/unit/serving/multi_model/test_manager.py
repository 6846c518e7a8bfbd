"""The registry of a multi-model endpoint: two workers that share a list, within one process."""

import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.support.helpers import Job
from traffic_signs.errors import AlreadyLoadedError, NotLoadedError, OutOfMemoryError, RequestError
from traffic_signs.serving.engine import hardware
from traffic_signs.serving.multi_model import memory as measuring
from traffic_signs.serving.multi_model import registry
from traffic_signs.serving.multi_model.manager import ModelManager

MB = 2**20
ROOM = 2 * 100 * MB
"""What is kept free for the requests of two workers."""
PIXELS = np.zeros((2, 32, 32, 1), np.uint8)


class Memory:
    """What is free, as far as `hardware.free_bytes` says."""

    free = 10_000 * MB


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(hardware, "free_bytes", lambda: memory.free)
    return memory


@pytest.fixture
def root(small_job: Job, tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        shutil.copytree(small_job.base / "model", tmp_path / "models" / name)
    return tmp_path / "models"


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = registry.create()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def workers(
    root: Path, folder: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> tuple[ModelManager, ModelManager]:
    assert memory.free

    def worker(pid: int) -> ModelManager:
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: pid)
            return ModelManager(root, folder, 2)

    return worker(1), worker(2)


def answers(worker: ModelManager, name: str) -> int:
    with worker.using(name) as predictor:
        return int(predictor.predict(PIXELS).shape[1])


def holders(folder: Path, name: str) -> set[str]:
    return {path.parent.name for path in (folder / "holders").glob(f"*/{name}")}


def test_what_one_worker_loads_the_other_answers_with(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path
) -> None:
    one, two = workers
    entry = one.load("a", str(root / "a"))
    assert entry.size > 1 * MB
    assert holders(folder, "a") == {"1"}  # the other one loads it once it is asked
    assert two.get("a") == entry
    assert (answers(one, "a"), answers(two, "a")) == (3, 3)
    assert holders(folder, "a") == {"1", "2"}
    with pytest.raises(AlreadyLoadedError):
        two.load("a", str(root / "a"))


def test_an_unload_by_any_worker_frees_the_model_in_all(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path
) -> None:
    one, two = workers
    for first, second in ((one, two), (two, one)):
        first.load("a", str(root / "a"))
        assert answers(second, "a") == 3
        second.unload("a")
        assert holders(folder, "a") == set()
        for worker in workers:
            with pytest.raises(NotLoadedError):
                answers(worker, "a")


def test_unloading_waits_for_the_requests_that_use_the_model(
    workers: tuple[ModelManager, ModelManager], root: Path
) -> None:
    one, two = workers
    one.load("a", str(root / "a"))
    with ThreadPoolExecutor() as pool:
        with two.using("a") as predictor:
            unloading = pool.submit(one.unload, "a")
            with pytest.raises(TimeoutError):
                unloading.result(0.3)
            with pytest.raises(NotLoadedError):  # nobody new
                answers(two, "a")
            with pytest.raises(AlreadyLoadedError, match="is still being unloaded"):
                one.load("a", str(root / "a"))
            assert predictor.predict(PIXELS).shape == (2, 3)
        unloading.result(30)
    one.load("a", str(root / "a"))


def test_unloading_does_not_wait_for_a_worker_that_died(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path
) -> None:
    one, two = workers
    one.load("a", str(root / "a"))
    with two.using("a"), ThreadPoolExecutor() as pool:
        unloading = pool.submit(one.unload, "a")
        with pytest.raises(TimeoutError):
            unloading.result(0.2)
        registry.remove_worker(folder, 2)
        unloading.result(30)


def test_507_counts_what_other_workers_will_need(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path, memory: Memory
) -> None:
    one, two = workers
    size = one.load("a", str(root / "a")).size
    memory.free = ROOM + size + 2 * MB
    with pytest.raises(OutOfMemoryError, match="no memory for another model: "):
        two.load("b", str(root / "b"))
    assert holders(folder, "b") == set()
    assert answers(two, "a") == 3  # now both have it, and nothing is promised any more
    memory.free = ROOM + size + 2 * MB
    two.load("b", str(root / "b"))


def test_507_when_a_model_turns_out_larger_than_its_file(
    workers: tuple[ModelManager, ModelManager],
    root: Path,
    folder: Path,
    memory: Memory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory.free = ROOM + 10 * MB
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "private_bytes", iter((0, 15 * MB)).__next__)
        with pytest.raises(OutOfMemoryError, match=f"{15 * MB:,} bytes needed"):
            workers[0].load("a", str(root / "a"))
    assert holders(folder, "a") == set()
    assert workers[1].page("", 10) == ([], None)
    assert workers[1].load("a", str(root / "a")).size < 10 * MB


def test_507_when_a_listed_model_does_not_fit_any_more(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path, memory: Memory
) -> None:
    one, two = workers
    one.load("a", str(root / "a"))
    memory.free = 1
    assert answers(one, "a") == 3
    with pytest.raises(OutOfMemoryError, match="no memory for model a"):
        answers(two, "a")
    assert holders(folder, "a") == {"1"}
    memory.free = 10_000 * MB
    assert answers(two, "a") == 3


def test_a_list_without_room_is_507(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(OutOfMemoryError, match="No space left"):
            workers[0].load("a", str(root / "a"))
    assert holders(folder, "a") == set()
    workers[0].load("a", str(root / "a"))


def test_a_model_whose_files_go_is_unloaded_for_all(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path
) -> None:
    one, two = workers
    one.load("a", str(root / "a"))
    shutil.rmtree(root / "a")
    assert answers(one, "a") == 3  # in its memory
    with pytest.raises(NotLoadedError, match="is missing"):
        answers(two, "a")
    with pytest.raises(NotLoadedError):
        answers(one, "a")
    for _ in range(500):
        if not holders(folder, "a"):
            break
        threading.Event().wait(0.02)
    assert holders(folder, "a") == set()


def test_a_model_that_cannot_be_loaded_is_not_listed(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path
) -> None:
    (root / "a" / "model.tflite").write_bytes(b"damaged")
    with pytest.raises(RequestError, match="is damaged"):
        workers[0].load("a", str(root / "a"))
    assert holders(folder, "a") == set()
    assert workers[1].page("", 10) == ([], None)


def test_a_model_with_code_of_its_own_is_refused(workers: tuple[ModelManager, ModelManager], root: Path) -> None:
    (root / "a" / "code").mkdir()
    (root / "a" / "code" / "inference.py").write_text("def predict_fn(data, model): ...\n")
    with pytest.raises(RequestError, match=r"code/inference\.py is a model's own code"):
        workers[0].load("a", str(root / "a"))


def test_pages_continue_after_a_name_while_models_come_and_go(
    workers: tuple[ModelManager, ModelManager], root: Path
) -> None:
    one, two = workers
    for name in ("b", "c", "a"):
        one.load(name, str(root / name))
    entries, token = two.page("", 2)
    assert ([entry.name for entry in entries], token) == (["a", "b"], "b")
    two.unload("b")
    entries, token = one.page("b", 2)
    assert ([entry.name for entry in entries], token) == (["c"], None)
    assert one.page("c", 2) == ([], None)


def test_many_threads_load_use_and_unload_at_once(
    workers: tuple[ModelManager, ModelManager], root: Path, folder: Path
) -> None:
    def cycle(number: int) -> set[str]:
        worker, name = workers[number % 2], "abc"[number % 3]
        seen = set()
        for _ in range(15):
            for work in (lambda: worker.load(name, str(root / name)), lambda: answers(worker, name)):
                try:
                    work()
                    seen.add("done")
                except (AlreadyLoadedError, NotLoadedError) as error:
                    seen.add(type(error).__name__)
            try:
                worker.unload(name)
            except NotLoadedError as error:
                seen.add(type(error).__name__)
        return seen

    with ThreadPoolExecutor(8) as pool:
        seen = set().union(*pool.map(cycle, range(8)))
    assert "done" in seen
    assert workers[0].page("", 10) == ([], None)
    assert all(holders(folder, name) == set() for name in "abc")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("[" * 10_000, r"a/artifact\.json is not a valid model description \(JSON nested too deep\)"),
        (
            r'{"format": 2, "sha256": {}, "preset": "p", "data_fingerprint": "d", "labels": ["\ud800"]}',
            r"labels\[0\] = ",
        ),
    ],
)
def test_a_damaged_description_is_refused_with_its_reason(
    root: Path, workers: tuple[ModelManager, ModelManager], description: str, message: str
) -> None:
    (root / "a" / "artifact.json").write_text(description)
    with pytest.raises(RequestError, match=message):
        workers[0].load("a", str(root / "a"))
