"""Turns, and requests that are joined into batches."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.support.waiting import wait_until
from traffic_signs.fair_lock import FairLock
from traffic_signs.serving.engine.batching import Batcher


def rows(images: np.ndarray) -> np.ndarray:
    return np.asarray(images.reshape(len(images), -1).sum(axis=1, dtype=np.float32, keepdims=True))


def wait_for_who_waits(lock: FairLock, count: int) -> None:
    # nobody else knows of a thread that it has asked
    wait_until(lambda: len(lock._queue) >= count, 60, f"{count} threads wait")  # noqa: SLF001


def test_turns_come_in_the_order_of_requests() -> None:
    lock, order = FairLock(), []

    def ask(number: int) -> None:
        with lock:
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    with lock:
        for count, thread in enumerate(threads, 1):
            thread.start()
            wait_for_who_waits(lock, count)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_a_thread_that_asks_again_at_once_starves_no_other() -> None:
    lock, order = FairLock(), []

    def other() -> None:
        with lock:
            order.append("other")

    thread = threading.Thread(target=other)
    with lock:
        thread.start()
        wait_for_who_waits(lock, 1)
    with lock:
        order.append("again")
    thread.join()
    assert order == ["other", "again"]


def test_the_lock_is_given_back_after_an_error() -> None:
    lock = FairLock()
    with pytest.raises(ValueError, match="inside"), lock:
        raise ValueError("inside")
    with lock:
        pass


def test_everybody_gets_the_rows_of_his_own_images() -> None:
    sizes: list[int] = []

    def network(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        time.sleep(0.002)  # so that others come meanwhile, who are joined
        return rows(images)

    batcher = Batcher(network, 64)
    generator = np.random.default_rng(1)
    requests = [generator.integers(0, 256, (size, 4, 4, 1), dtype=np.uint8) for size in [1, 7, 64, 30, 33, 2] * 30]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(batcher.run, requests))
    for images, answer in zip(requests, answers, strict=True):
        np.testing.assert_array_equal(answer, rows(images))
    assert sum(sizes) == sum(map(len, requests))
    assert max(sizes) <= 64
    assert len(sizes) < len(requests)


def test_an_error_reaches_all_requests_of_the_batch() -> None:
    def network(images: np.ndarray) -> np.ndarray:
        time.sleep(0.01)  # so that others come meanwhile, who are joined
        raise MemoryError(f"{len(images)} images")

    batcher = Batcher(network, 8)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(batcher.run, np.zeros((1, 4, 4, 1), np.uint8)) for _ in range(24)]
        assert all(isinstance(future.exception(timeout=10), MemoryError) for future in futures)
