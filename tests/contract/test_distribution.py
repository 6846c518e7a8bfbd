"""One job on several devices and on several hosts: bare processes of this machine, and real containers."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.platform import container, engine, opt_ml
from tests.conftest import in_one_place
from tests.support.helpers import Job
from tests.support.waiting import wait_until

_REPLICAS = """
import dataclasses, sys, threading
import traffic_signs.training
import numpy as np, tensorflow as tf
from traffic_signs.data.dataset import Dataset
from traffic_signs.training.fit import loop
from traffic_signs.training.recipe import presets
from traffic_signs.training.fit.checkpoints import State
from pathlib import Path
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
data = Dataset.load(Path(sys.argv[1]))
data = data.take(np.arange(200)), data.take(np.arange(200, 250))
recipe = dataclasses.replace(presets.PRESETS["best"], epochs=2, batch_size=15)
states = []
for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
    strategy = tf.distribute.MirroredStrategy(devices)
    options = {"seed": 1, "strategy": strategy, "stop": threading.Event()}
    done = loop.fit(recipe, *data, **options, save=states.append)
    again = loop.fit(recipe, *data, **options, resume=State.from_bytes(states[-2].to_bytes()))
    assert all(np.array_equal(one, other) for one, other in zip(done.weights, again.weights))
    print(done.history["train_loss"])
"""


def test_two_replicas_learn_what_one_does_and_can_be_resumed(prepared: Path) -> None:
    """Logical CPUs stand for GPUs, with batch normalisation, augmentation, averages and an odd batch size."""
    archive = prepared / "training" / "training.npz"
    done = subprocess.run([sys.executable, "-c", _REPLICAS, archive], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, two = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert one == pytest.approx(two, rel=0.2)
    assert "batch_size 15 is rounded up to 16 for 2 replicas" in done.stderr


class Hosts:
    """Two hosts of one job that run."""

    def __init__(
        self, folder: Path, prepared: Path, image: str | None, network: str, **hyperparameters: object
    ) -> None:
        names = ["algo-1", "algo-2"] if image else ["localhost", "127.0.0.1"]
        channels = {name: prepared / name for name in ("training", "validation")}
        self.bases = [folder / str(number) for number in (1, 2)]
        self.logs = [base.with_suffix(".log") for base in self.bases]
        self.programs = []
        for name, base in zip(names, self.bases, strict=True):
            if not base.exists():
                opt_ml.write(base, channels, hyperparameters, name)
            config = base / "input" / "config" / "resourceconfig.json"
            config.write_text(json.dumps({**json.loads(config.read_text()), "hosts": names}))
            for link in (base / "input" / "data").iterdir():
                link.unlink() if link.is_symlink() else link.rmdir()
            command = container.training_program(image, base, channels)
            if image:
                where = command.command.index("--hostname")
                options = ["--network", network, "--network-alias", name, "--hostname", name]
                command = container.Program(
                    [*command.command[:where], *options, *command.command[where + 2 :]], {}, command.container
                )
            self.programs.append(command)
        self._streams = [log.open("wb") for log in self.logs]
        self.processes = [command.start(stream) for command, stream in zip(self.programs, self._streams, strict=True)]

    def wait_for(self, text: str) -> None:
        def told() -> bool:
            assert self.processes[0].poll() is None, self.logs[0].read_text()
            return text in self.logs[0].read_text()

        wait_until(told, 200, f"the first host's log says: {text}", self.logs[0].read_text)

    def kill(self, number: int) -> None:
        name = self.programs[number].container
        if name:
            subprocess.run([engine.DOCKER, "kill", name], check=True, capture_output=True)
        else:
            self.processes[number].kill()

    def end(self) -> list[Job]:
        """Wait for both."""
        codes = [process.wait(200) for process in self.processes]
        return [Job(base, code, log.read_text()) for base, code, log in zip(self.bases, codes, self.logs, strict=True)]

    def close(self) -> None:
        for command, process in zip(self.programs, self.processes, strict=True):
            command.stop(process, 0)
        for stream in self._streams:
            stream.close()


@pytest.fixture
def network(image: str | None) -> Iterator[str]:
    name = f"traffic-signs-{uuid.uuid4().hex[:8]}"
    if image:
        subprocess.run([engine.DOCKER, "network", "create", name], check=True, capture_output=True)
    yield name
    if image:
        subprocess.run([engine.DOCKER, "network", "rm", name], check=True, capture_output=True)


def weights(job: Job) -> str:
    found = re.search(r"weights of epoch \d+, SHA-256 ([0-9a-f]{64})", job.log)
    assert found, job.log
    return found[1]


@in_one_place
def test_two_hosts_end_with_the_same_weights_and_learn_what_one_does(
    job: Job, prepared: Path, image: str | None, network: str, tmp_path: Path
) -> None:
    with contextlib.closing(Hosts(tmp_path, prepared, image, network, epochs=2)) as hosts:
        chief, other = hosts.end()
    assert (chief.code, other.code) == (0, 0), chief.log + other.log
    assert weights(chief) == weights(other)
    assert (chief.base / "model" / "artifact.json").exists()
    assert not any((other.base / "model").iterdir())
    assert not any((other.base / "checkpoints").iterdir())
    assert "train_loss=" not in other.log
    losses = [
        json.loads((base / "output" / "data" / "metrics.json").read_text())["history"]["train_loss"]
        for base in (job.base, chief.base)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)  # dropout draws otherwise


@in_one_place
@pytest.mark.parametrize("lost", [0, 1], ids=["the chief", "the other"])
def test_a_host_that_is_lost_ends_the_job_on_the_other_with_a_reason(
    prepared: Path, image: str | None, network: str, tmp_path: Path, lost: int
) -> None:
    with contextlib.closing(Hosts(tmp_path, prepared, image, network, epochs=10_000)) as hosts:
        hosts.wait_for("epoch 2 of 10000")
        hosts.kill(lost)
        left = hosts.end()[1 - lost]
    assert left.code == 1, left.log
    assert "another host was lost; see its log" in left.failure[:1024]
    assert not (left.base / "model" / "artifact.json").exists()


@in_one_place
def test_a_chief_that_dies_while_it_writes_the_model_ends_the_job_on_the_other_with_a_reason(
    prepared: Path, image: str | None, network: str, tmp_path: Path
) -> None:
    with contextlib.closing(Hosts(tmp_path, prepared, image, network, epochs=1)) as hosts:
        hosts.wait_for("weights of epoch 1")
        hosts.kill(0)
        left = hosts.end()[1]
    assert left.code == 1, left.log
    assert "ended before the model was written; see its log" in left.failure[:1024]


@in_one_place
def test_two_stopped_hosts_stop_at_one_step_and_resume_from_the_chiefs_checkpoint(
    prepared: Path, image: str | None, network: str, tmp_path: Path
) -> None:
    with contextlib.closing(Hosts(tmp_path, prepared, image, network, epochs=10_000)) as hosts:
        hosts.wait_for("epoch 2 of 10000")
        for process in hosts.processes:
            process.send_signal(signal.SIGTERM)
        chief, other = hosts.end()
    assert (chief.code, other.code) == (0, 0), chief.log + other.log
    steps = [re.search(r"training stops after step (\d+)", host.log) for host in (chief, other)]
    assert steps[0]
    assert steps[1]
    assert steps[0][1] == steps[1][1]
    assert weights(chief) == weights(other)
    assert (chief.base / "model" / "artifact.json").exists()
    with contextlib.closing(Hosts(tmp_path, prepared, image, network)) as hosts:
        hosts.wait_for(f"resuming after step {steps[0][1]}")
        for process in hosts.processes:
            process.send_signal(signal.SIGTERM)
        assert [host.code for host in hosts.end()] == [0, 0]
    assert f"resuming after step {steps[0][1]}" in hosts.logs[1].read_text()
