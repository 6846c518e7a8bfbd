"""Where an image comes from: a folder with a Dockerfile, a registry, the engine."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_test.check.image.obtaining import NoImageError, obtain
from local_test.platform.engine import DOCKER
from tests.contract.check import images
from tests.contract.check.test_check import run
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the good image's Dockerfile; its image goes with the test."""
    yield images.programs(tmp_path / "Own Model")
    subprocess.run([DOCKER, "rmi", "--force", "check-own-model"], capture_output=True, check=False)


def logs(place: Path) -> list[Path]:
    return list(place.glob("*build.log"))


def test_a_folder_is_built_and_its_image_is_checked(folder: Path, tmp_path: Path) -> None:
    (scratch := tmp_path / "tmp").mkdir()
    done = run("check", folder, "--only", "image", TMPDIR=str(scratch))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(rf"building {folder} as check-own-model:latest, log: {scratch}/\S+-build\.log\n", done.stderr)
    assert done.stdout.splitlines()[-1].startswith(f"{folder}, real-time: ")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["[/bold]", "127.0.0.1:9/[/bold]own:1"])
def test_a_terminal_shows_a_name_that_looks_like_markup(name: str, tmp_path: Path) -> None:
    (folder := tmp_path / "[" / "bold]").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY none /\n")
    done = run("check", str(folder) if name == "[/bold]" else name, FORCE_COLOR="1", TMPDIR=str(tmp_path))
    assert done.returncode == 2
    assert "Error: " in done.stderr.splitlines()[-1]
    assert name in done.stderr


def test_the_log_of_a_build_stays_with_the_report(folder: Path, tmp_path: Path) -> None:
    done = run("check", folder, "--only", "T20-address", "--output", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert "COPY train serve" in (tmp_path / "report" / "build.log").read_text()
    assert json.loads((tmp_path / "report" / "check.json").read_text())["subject"] == str(folder)


def test_a_build_that_fails_shows_its_end_and_one_line(folder: Path, tmp_path: Path) -> None:
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN echo something is missing && exit 3\n")
    (scratch := tmp_path / "tmp").mkdir()
    done = run("check", folder, TMPDIR=str(scratch))
    assert done.returncode == 2
    [log] = logs(scratch)
    assert done.stderr.endswith(f"\nError: {folder} cannot be built; the whole log is in {log}\n")
    assert "something is missing" in done.stderr
    assert done.stderr.count("\n") <= 22
    assert done.stdout == ""


def test_a_client_without_buildkit_is_named(folder: Path, tmp_path: Path) -> None:
    client = tmp_path / "client"
    client.write_text(
        f'#!/bin/sh\nif [ "$1" = build ]; then echo "ERROR: BuildKit is enabled but the buildx component is missing"; '
        f'exit 1; fi\nexec {shutil.which(DOCKER)} "$@"\n'
    )
    client.chmod(0o755)
    done = run("check", folder, DOCKER=str(client), TMPDIR=str(tmp_path))
    assert done.returncode == 2
    assert f"{client} has no BuildKit; install docker-buildx-plugin" in done.stderr.splitlines()[-1]


def test_a_folder_without_a_dockerfile_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run("check", tmp_path)
    reason = f"{tmp_path} has no Dockerfile; add one, or check its programs with --bare {tmp_path}"
    assert (done.returncode, done.stderr) == (2, f"Error: {reason}\n")


def test_a_name_of_both_a_folder_and_an_image_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = images.build("good")
    (tmp_path / image).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoImageError, match=re.escape(f"write ./{image} or")):
        obtain(image, None, tmp_path)
    for path in (f"./{image}", f"{image}/", str(tmp_path / image)):
        with pytest.raises(NoImageError, match="has no Dockerfile"):
            obtain(path, None, tmp_path)
    with pytest.raises(NoImageError, match=r"there is no folder \./none"):
        obtain("./none", None, tmp_path)


def test_ctrl_c_amid_a_build_ends_it(folder: Path, tmp_path: Path) -> None:
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"RUN echo begun {tmp_path} && sleep 600\n")
    (scratch := tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "local_test", "check", str(folder)]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(scratch)}, stderr=subprocess.PIPE) as check:
        wait_until(lambda: any("begun" in log.read_text() for log in logs(scratch)), 120, "the build has begun")
        check.send_signal(signal.SIGINT)
        check.communicate(timeout=60)
    assert check.returncode == 128 + signal.SIGINT
    assert list(scratch.iterdir()) == logs(scratch)


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry on a free port, with its files in *folder*; its host and port."""
    if shutil.which("docker-registry") is None:
        pytest.skip("needs the program docker-registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    storage = {"filesystem": {"rootdirectory": str(folder / "storage")}}
    (folder / "registry.json").write_text(
        json.dumps({"version": 0.1, "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}})
    )
    command = ["docker-registry", "serve", str(folder / "registry.json")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 30, "the registry listens")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def test_an_image_of_a_registry_is_pulled_and_its_manifest_is_read_there(tmp_path: Path) -> None:
    with registry(tmp_path) as host:
        image = f"{host}/good:1"
        for words in (["tag", images.build("good"), image], ["push", "--quiet", image], ["rmi", image]):
            subprocess.run([DOCKER, *words], check=True, capture_output=True)
        try:
            done = run("check", image, "--only", "T20", "--verbose")
        finally:
            subprocess.run([DOCKER, "rmi", image], check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(f"pulling {image}\n")
        assert f"observed  {host} has application/vnd.docker.distribution.manifest.v2+json" in done.stdout
        absent = run("check", f"{host}/good:2")
    assert absent.returncode == 2
    line = f"Error: there is no image {host}/good:2 here, and it cannot be pulled: manifest for {host}/good:2 not found"
    assert absent.stderr.splitlines()[-1].startswith(line)
