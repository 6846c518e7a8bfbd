"""Ctrl-C in SageMaker's local mode, which both SDKs would drop; with real containers."""

import json
import os
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.aws.local_mode.sdk import ROOT, command, logged
from tests.conftest import IMAGE
from tests.support.helpers import WITH_DEFAULT_SIGINT, Job, free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("clean_local_mode")]

_SAID = (
    "Error: interrupted; the containers, networks and files of local mode are removed; nothing runs, nothing bills\n"
)


def interrupt(
    scratch: Path, text: str, sdk: str, module: str, *options: object, kill: signal.Signals | None = None
) -> tuple[int, str]:
    """Press Ctrl-C, or *kill* the command alone, when a container has logged *text*; return exit code and stderr.

    A terminal sends Ctrl-C to docker compose too.
    """
    scratch.mkdir()
    words, environment = command(sdk, module, "--image", IMAGE, "--port", free_port(), *options)
    with (scratch.parent / "stdout").open("w+") as stdout:
        process = subprocess.Popen(
            [*WITH_DEFAULT_SIGINT, *words], cwd=ROOT, env=environment | {"TMPDIR": str(scratch)},
            stdout=stdout, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        with process:
            try:

                def reached() -> str:
                    assert process.poll() is None, Path(stdout.name).read_text()
                    return logged(scratch, text)

                wait_until(reached, 200, f"a container logs {text}", Path(stdout.name).read_text)
                process.send_signal(kill) if kill else os.killpg(process.pid, signal.SIGINT)
                _, errors = process.communicate(timeout=60)
                return process.returncode, errors
            finally:
                process.terminate()  # nothing, if it has ended


@pytest.mark.parametrize(
    ("sdk", "module", "kill"), [("v2", "scripts.sagemaker_local", None), ("v3", "scripts.sdk_v3", signal.SIGINT)]
)
def test_ctrl_c_while_a_local_job_trains_serves_no_half_trained_model(
    prepared: Path, tmp_path: Path, sdk: str, module: str, kill: signal.Signals | None
) -> None:
    scratch, output = tmp_path / "scratch", tmp_path / "out"
    code, errors = interrupt(
        scratch, "epoch 2 of 10000", sdk, module, "--training", prepared / "training",
        "--samples", prepared / "samples", "--output", output, "-p", "epochs=10000", kill=kill,
    )  # fmt: skip
    assert (code, errors.splitlines(keepends=True)[-1]) == (130, _SAID)
    assert "Traceback" not in errors
    assert not list(scratch.iterdir())
    assert not output.exists()


def test_ctrl_c_while_a_local_endpoint_starts_leaves_no_container(prepared: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    code, errors = interrupt(
        scratch, "Starting gunicorn", "v3", "scripts.sdk_v3", "--training", prepared / "training",
        "--samples", prepared / "samples", "--output", tmp_path / "out", "-p", "epochs=1",
    )  # fmt: skip
    assert (code, errors.splitlines(keepends=True)[-1]) == (130, _SAID)
    assert "Traceback" not in errors
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("image", ["container"], indirect=True)
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_local_transform_job_leaves_no_container(
    job: Job, prepared: Path, tmp_path: Path, kill: signal.Signals
) -> None:
    scratch, archive = tmp_path / "scratch", tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(job.base / "model", ".")
    code, errors = interrupt(
        scratch, "Starting gunicorn", "v2", "scripts.transform_local", prepared / "test" / "test.npz",
        "--model-data", archive, "--output", tmp_path / "report", "--json", kill=kill,
    )  # fmt: skip
    assert (code, errors.splitlines(keepends=True)[-1]) == (128 + kill, _SAID)
    assert f"Error: {json.loads((tmp_path / 'stdout').read_text())['error']}\n" == _SAID
    assert "Traceback" not in errors
    assert not list(scratch.iterdir())
    assert not (tmp_path / "report").exists()
