"""Several hosts of one job, each a process of its own, on this machine's loopback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import free_port
from traffic_signs.errors import HostsError
from traffic_signs.training.hosts import Hosts, follow

# the chief says when it is up and works until a line arrives; it fails only once both others are there
_MET = "others = [Lead._held[0].accept() for _ in range(2)]\n"
_ENDS = {
    "well": "lead.done(30)",
    "with an error": _MET + "raise SystemExit('no such luck')",
    "killed": _MET + "import os; os.kill(os.getpid(), 9)",
}
_CHIEF = """
import sys
from traffic_signs.training.hosts import Hosts, Lead
lead = Lead(Hosts("localhost", ("localhost", "b", "c")), int(sys.argv[1]))
print("up", flush=True)
sys.stdin.readline()
{end}
"""
_OTHER = """
import sys
from traffic_signs.training.hosts import Hosts, follow
print("up", flush=True)
follow(Hosts(sys.argv[2], ("localhost", "b", "c")), int(sys.argv[1]), 30)
"""


class Process:
    def __init__(self, code: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "up\n"

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def end(self, words: str = "") -> tuple[int, str]:
        _, errors = self._process.communicate(words, timeout=60)
        return self._process.returncode, errors


def test_the_others_go_when_the_chief_is_done_even_one_that_comes_late() -> None:
    port = free_port()
    early = Process(_OTHER, port, "b")  # before the chief, which it then looks for until it is there
    chief = Process(_CHIEF.format(end=_ENDS["well"]), port)
    late = Process(_OTHER, port, "c")
    assert early.runs
    assert late.runs
    assert chief.end("work is done\n") == (0, "")
    for other in (early, late):
        code, log = other.end()
        assert code == 0, log
        assert "localhost trains alone, of 3 hosts" in log


@pytest.mark.parametrize("how", ["with an error", "killed"])
def test_the_others_fail_with_a_chief_that_fails(how: str) -> None:
    port = free_port()
    chief = Process(_CHIEF.format(end=_ENDS[how]), port)
    others = [Process(_OTHER, port, name) for name in "bc"]
    assert chief.end("go on\n")[0] != 0
    for other in others:
        code, log = other.end()
        assert code == 1
        assert "HostsError: localhost ended before the training was done" in log


def test_a_chief_that_never_comes_is_not_waited_for_for_ever() -> None:
    with pytest.raises(HostsError, match="localhost cannot be reached on port"):
        follow(Hosts("b", ("localhost", "b")), free_port(), 0.5)


def test_a_host_that_never_comes_is_not_waited_for_for_ever() -> None:
    chief = Process(_CHIEF.format(end="lead.done(0.5)"), free_port())
    code, log = chief.end("work is done\n")
    assert code == 1
    assert "HostsError: 2 other hosts never came up" in log


def test_the_hosts_are_read_from_what_the_platform_writes(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "more": 1}))
    assert Hosts.from_file(path) == Hosts("algo-2", ("algo-1", "algo-2"))
    assert Hosts.from_file(path).chief == "algo-1"


@pytest.mark.parametrize("text", ["", "[]", '{"hosts": ["a"]}', '{"current_host": "b", "hosts": ["a"]}'])
def test_what_does_not_name_them_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(text)
    with pytest.raises(HostsError, match=r"resourceconfig\.json"):
        Hosts.from_file(path)
