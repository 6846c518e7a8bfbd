"""Who computes when: requests joined on the event loop, and the pool of threads with its queue."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from traffic_signs.errors import DisconnectedError, OverloadError
from traffic_signs.serving.http.scheduling import EventLoopBatcher, Pool
from traffic_signs.serving.telemetry import prometheus
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record


class Network:
    """Sums of the pixels, and how many images each run had."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.fails = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if self.fails:
            raise ValueError("the network broke")
        self.batches.append(len(images))
        time.sleep(0.0002 * len(images))  # so that what an image takes can be told
        return np.asarray(images.reshape(len(images), -1).sum(axis=1, dtype=np.float32, keepdims=True))


def image(value: int, number: int = 1) -> np.ndarray:
    return np.full((number, 32, 32, 1), value, np.uint8)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_requests_of_one_iteration_of_the_loop_are_one_run() -> None:
    network = Network()
    batcher = EventLoopBatcher(network, 64)
    network.batches.clear()
    batcher.seconds_per_image = 0.0002  # what a busy machine measures may leave room for fewer images

    async def ask() -> list[np.ndarray]:
        return await asyncio.gather(*(batcher.submit(image(value, 1 + value % 2)) for value in range(5)))

    answers = run(ask())
    assert network.batches == [7]
    for value, rows in enumerate(answers):
        assert rows.tolist() == [[1024.0 * value]] * (1 + value % 2)


def test_a_run_is_short_enough_for_the_loop_and_the_rest_follows() -> None:
    network = Network()
    batcher = EventLoopBatcher(network, 64)
    network.batches.clear()
    turns = []

    async def ask() -> None:
        futures = [batcher.submit(image(value % 256)) for value in range(200)]
        while not all(future.done() for future in futures):
            turns.append(sum(future.done() for future in futures))
            await asyncio.sleep(0)  # a turn of the loop
        assert [future.result().item() for future in futures] == [1024.0 * (value % 256) for value in range(200)]

    run(ask())
    assert sum(network.batches) == 200
    assert max(network.batches) < 64  # 5 ms have room for fewer of 0.2 ms each
    assert len(set(turns)) > 3  # others had their turns in between


def test_an_error_of_the_network_reaches_its_whole_batch_and_the_next_are_answered() -> None:
    network = Network()
    batcher = EventLoopBatcher(network, 64)

    async def ask() -> None:
        network.fails = True
        found = await asyncio.gather(*(batcher.submit(image(1)) for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in found] == ["the network broke"] * 3
        network.fails = False
        assert (await batcher.submit(image(1))).item() == 1024

    run(ask())


def test_a_client_that_left_delays_no_other() -> None:
    batcher = EventLoopBatcher(Network(), 64)

    async def ask() -> None:
        gone, stays = batcher.submit(image(1)), batcher.submit(image(2))
        gone.cancel()
        assert (await stays).item() == 2048

    run(ask())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)  # the loop works meanwhile; `run` bounds it


async def occupied(pool: Pool, number: int) -> tuple[list["asyncio.Task[str]"], Callable[[], None]]:
    """Occupy *number* threads; return their tasks and what lets them go on."""
    go_on, begun = threading.Event(), []

    def work() -> str:
        begun.append(1)
        go_on.wait(30)
        return "done"

    tasks = [asyncio.ensure_future(pool.run(work, Record())) for _ in range(number)]
    await until(lambda: len(begun) == number)
    return tasks, go_on.set


def test_more_requests_than_the_queue_takes_are_refused_and_counted() -> None:
    metrics = Metrics()
    pool = Pool(2, 3, 60.0, metrics)

    async def ask() -> None:
        tasks, go_on = await occupied(pool, 2)
        queued = [asyncio.ensure_future(pool.run(lambda: "queued", Record())) for _ in range(3)]
        await until(lambda: pool.queued == 3)
        with pytest.raises(OverloadError, match="too many requests are queued"):
            await pool.run(lambda: "refused", Record())
        going_on = asyncio.ensure_future(pool.run(lambda: "a stream's next part", Record(), admitted=True))
        go_on()
        assert await asyncio.gather(*tasks, *queued) == ["done"] * 2 + ["queued"] * 3
        assert await going_on == "a stream's next part"
        assert pool.queued == 0

    run(ask())
    page = prometheus.render(metrics.rows, {}, [])
    assert b"traffic_signs_queue_refused_total 1.0" in page
    assert b"traffic_signs_queue_length 0.0" in page


def test_a_request_that_would_wait_for_too_long_is_refused() -> None:
    pool = Pool(1, 100, 0.01, Metrics())

    async def ask() -> None:
        for _ in range(20):  # until it is known how long they take: twice as long as a client waits
            await pool.run(lambda: time.sleep(0.02), Record())
        tasks, go_on = await occupied(pool, 1)
        queued = asyncio.ensure_future(pool.run(lambda: "queued", Record()))
        await until(lambda: pool.queued == 1)
        with pytest.raises(OverloadError):
            pool.check_capacity()
        go_on()
        assert await asyncio.gather(*tasks, queued) == ["done", "queued"]

    run(ask())


def test_a_client_that_leaves_the_queue_is_not_computed_for() -> None:
    pool = Pool(1, 10, 60.0, Metrics())
    computed = []

    async def ask() -> None:
        tasks, go_on = await occupied(pool, 1)
        record = Record()
        queued = asyncio.ensure_future(pool.run(lambda: computed.append(1), record))
        await until(lambda: pool.queued == 1)
        record.client_left = True
        assert record.future
        record.future.cancel()
        with pytest.raises(DisconnectedError):
            await queued
        assert pool.queued == 0
        go_on()
        await asyncio.gather(*tasks)
        await pool.run(lambda: None, Record())  # behind which it would have come

    run(ask())
    assert computed == []
