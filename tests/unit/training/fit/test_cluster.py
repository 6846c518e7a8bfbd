"""The hosts of one job, each a process of its own, on this machine's loopback."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.helpers import free_port
from traffic_signs.errors import HostsError
from traffic_signs.training.fit.cluster import Cluster
from traffic_signs.training.fit.hosts import Hosts

_HOST = """
import os, sys, threading
from traffic_signs.training.fit.cluster import Cluster
from traffic_signs.training.fit.hosts import Hosts
name, port, data, then = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
cluster = Cluster(Hosts(name, ("localhost", "b", "c")), threading.Event(), port, 30)
print("connected", flush=True)
if then == "fail early":
    sys.stdin.readline()
    raise SystemExit("no such luck")
print(cluster.synchronize(data, name.encode() * 100_000)[:9].decode(), flush=True)
if then == "fail":
    raise SystemExit("no such luck")
if then == "die":
    os.kill(os.getpid(), 9)
if name == "localhost":
    sys.stdin.readline()
cluster.leave()
"""


class Host:
    def __init__(self, name: str, port: int, data: str = "data", then: str = "work") -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HOST, name, str(port), data, then],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def end(self, words: str = "") -> tuple[int, str]:
        _, errors = self._process.communicate(words, timeout=60)
        return self._process.returncode, errors


def test_all_hosts_get_the_chiefs_data_and_none_starts_before_it() -> None:
    port = free_port()
    early = Host("b", port)  # before the chief, which it then looks for until it is there
    chief = Host("localhost", port)
    late = Host("c", port)
    for host in (chief, early, late):
        assert host.line() == "connected"
        assert host.line() == "localhost"
    assert early.runs
    assert late.runs
    assert chief.end("all is written\n") == (0, "")
    assert early.end() == late.end() == (0, "")


@pytest.mark.parametrize("then", ["fail", "die"])
def test_the_others_fail_with_a_chief_that_fails_while_it_writes(then: str) -> None:
    port = free_port()
    others = [Host(name, port) for name in "bc"]
    assert Host("localhost", port, then=then).end()[0] != 0
    for other in others:
        code, log = other.end()
        assert code == 1
        assert "HostsError: localhost ended before the model was written" in log


@pytest.mark.parametrize("failing", ["localhost", "b"])
def test_all_fail_with_one_that_fails_before_the_training(failing: str) -> None:
    port = free_port()
    hosts = [Host(name, port, then="fail early" if name == failing else "work") for name in ("localhost", "b", "c")]
    assert [host.line() for host in hosts] == ["connected"] * 3
    hosts.sort(key=lambda host: host.name != failing)
    ends = [host.end() for host in hosts]
    assert [code for code, _ in ends] == [1, 1, 1]
    assert sum("before the training began; see its log" in log for _, log in ends) == 2


def test_hosts_with_different_data_do_not_train() -> None:
    port = free_port()
    hosts = [Host(name, port, data) for name, data in (("localhost", "data"), ("b", "data"), ("c", "other"))]
    ends = [host.end() for host in hosts]
    assert [code for code, _ in ends] == [1, 1, 1]
    assert "HostsError: the hosts have different data or settings" in ends[0][1]


def test_the_wait_for_a_missing_chief_ends() -> None:
    with pytest.raises(HostsError, match="localhost cannot be reached on port"):
        Cluster(Hosts("b", ("localhost", "b")), threading.Event(), free_port(), 0.5)


FILES = 1_100
"""More than have numbers below 1,024."""


@pytest.mark.parametrize("files", [0, FILES])
def test_the_wait_for_a_missing_host_ends(files: int) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * files:
        pytest.skip("a process may not open so many files here")
    with contextlib.ExitStack() as stack:
        for _ in range(files):
            stack.enter_context(Path(os.devnull).open())
        cluster = Cluster(Hosts("localhost", ("localhost", "b", "c")), threading.Event(), free_port(), 0.5)
        with pytest.raises(HostsError, match="2 of 3 hosts did not start in time"):
            cluster.synchronize("data", b"")


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()
    cluster = Cluster(Hosts("localhost", ("localhost", "b")), stop, free_port())
    stop.set()
    with pytest.raises(HostsError, match="stopped before all hosts were up"):
        cluster.synchronize("data", b"")


def test_the_wait_for_a_chief_that_hangs_while_it_writes_ends() -> None:
    port = free_port()
    chief, late = Host("localhost", port), Host("c", port)
    other = Cluster(Hosts("b", ("localhost", "b", "c")), threading.Event(), port)
    other.synchronize("data", b"")
    with pytest.raises(HostsError, match=r"^localhost has not written the model within 0\.01 min; see its log$"):
        other.leave(0.6)
    assert chief.end("all is written\n") == (0, "")
    assert late.end() == (0, "")


def test_a_single_host_opens_no_connection() -> None:
    cluster = Cluster(Hosts("a", ("a",)), threading.Event(), free_port())
    assert cluster.synchronize("data", b"state") == b"state"
    cluster.leave()


def test_the_hosts_are_read_from_what_the_platform_writes(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "more": 1}))
    hosts = Hosts.from_file(path)
    assert hosts == Hosts("algo-2", ("algo-1", "algo-2"))
    assert (hosts.chief, hosts.is_chief) == ("algo-1", False)


@pytest.mark.parametrize("text", ["", "[]", '{"hosts": ["a"]}', '{"current_host": "b", "hosts": ["a"]}'])
def test_a_file_that_does_not_name_the_hosts_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(text)
    with pytest.raises(HostsError, match=r"resourceconfig\.json"):
        Hosts.from_file(path)
