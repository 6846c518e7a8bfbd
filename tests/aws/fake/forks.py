"""Commands in processes that are forked from one that has imported the SDK, which takes most of a command's time.

    Forks.run(words) ──> python forks.py, imports once ──fork──> what `python -c CODE ARGUMENTS` does

A command's own modules are not imported before the fork, so nothing of one command is seen by the next.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_SLOW = ("boto3", "click", "rich.progress", "rich.table", "sagemaker.estimator")
"""Third-party modules that commands import."""
_LIMIT_SECONDS = 180
"""A command that takes longer is taken to hang, and is ended by SIGALRM."""


class Forks:
    """Processes of one Python each, from which its commands are forked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[str, subprocess.Popen[str]] = {}

    def run(
        self, words: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run `PYTHON -c CODE ARGUMENTS` without input; return its exit code and what it prints.

        Raises:
            subprocess.TimeoutExpired: it takes more than three minutes.
        """
        python, option, code, *arguments = words
        assert option == "-c"
        outputs = [self._folder / name for name in ("output", "error")]
        command = {
            "code": code,
            "arguments": arguments,
            "cwd": str(cwd),
            "environment": dict(environment),
            "outputs": list(map(str, outputs)),
        }
        server = self._server(python, environment)
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(command) + "\n")
        server.stdin.flush()
        exit_code = int(server.stdout.readline())
        output, error = (path.read_text() for path in outputs)
        if exit_code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(words, _LIMIT_SECONDS, output, error)
        return subprocess.CompletedProcess(words, exit_code, output, error)

    def _server(self, python: str, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        if python not in self._servers:
            self._servers[python] = subprocess.Popen(
                [python, "-P", __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._servers[python]

    def close(self) -> None:
        """End the processes."""
        for server in self._servers.values():
            server.communicate()


def _serve() -> None:
    """Answer each line of standard input, a command, with its exit code."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the SDK prints when it is imported
    for module in _SLOW:
        with contextlib.suppress(ModuleNotFoundError):  # one of the environments has the SDK
            importlib.import_module(module)
    gc.freeze()  # no fork copies the pages of these objects to count references
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _become(command: Mapping[str, Any]) -> NoReturn:
    for number, path in enumerate([os.devnull, *command["outputs"]]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["environment"])
    sys.argv = ["-c", *command["arguments"]]
    sys.path.insert(0, "")
    signal.alarm(_LIMIT_SECONDS)
    exit_code = 0
    try:
        exec(command["code"], {"__name__": "__main__"})  # noqa: S102 # as `python -c` does
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201
    except BaseException:  # noqa: BLE001 # as Python does: it ends the process
        traceback.print_exc()
        exit_code = 1
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    sys.stdout.flush()
    os._exit(exit_code)  # the usual end frees all of the SDK's objects one by one, for half a second


if __name__ == "__main__":
    _serve()
