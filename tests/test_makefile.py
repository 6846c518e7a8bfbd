"""The Makefile in a checkout of its own: where it puts things, what it refuses, what it removes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile, and a Python that only notes down what it is called with."""
    folder = tmp_path / "checkout"
    for name in ("docker/locks/dev.txt", "pyproject.toml", ".venv/installed"):  # the last is the newest
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / ".venv" / "bin").mkdir()
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@" >> called\n')
    python.chmod(0o755)
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def make(checkout: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in ("DATA", "MAKEFLAGS", "ENDPOINT")}
    command = ["make", "DOCKER=no-such-program", *words]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("data", ["data/mine", "data/mine/", "../checkout/data/mine"])
def test_prepared_arrays_lie_apart_from_the_images(data: str, checkout: Path) -> None:
    assert make(checkout, "data", f"DATA={data}").returncode == 0
    assert (checkout / "called").read_text().split()[-2:] == ["--output", "results/mine/data"]


@pytest.mark.parametrize("verb", ["local-predict", "evaluate", "local-train"])
def test_every_verb_finds_them_there(verb: str, checkout: Path) -> None:
    assert make(checkout, verb, "DATA=data/mine").returncode == 0
    assert " results/mine/data/" in (checkout / "called").read_text().splitlines()[-1]


def test_clean_removes_what_was_made_and_nobodys_images(checkout: Path) -> None:
    for name in ("data/mine/stop/1.png", "results/mine/data/training/training.npz"):
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).touch()
    assert make(checkout, "clean").returncode == 0
    assert (checkout / "data" / "mine" / "stop" / "1.png").exists()
    assert not (checkout / "results").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "DATA=."], "DATA=. has no name"),
        (["data", "DATA=.."], "DATA=.. has no name"),
        (["data", "DATA=signs/../"], "DATA=signs/../ has no name"),
        (["data", "DATA=/"], "DATA=/ has no name"),
        (["data", "DATA="], "DATA= has no name"),
        (["data", "DATA=my signs"], "DATA=my signs has a space: link the folder to a name without one"),
        (["invoke"], "ENDPOINT=NAME is missing"),
        (["evaluate-endpoint"], "ENDPOINT=NAME is missing"),
        (["delete-endpoint"], "ENDPOINT=NAME is missing"),
        (["local-serve", "DATA=mine"], "no model in results/mine/opt-ml yet: make local-train first"),
    ],
)
def test_what_cannot_work_is_refused_in_a_line(words: list[str], message: str, checkout: Path) -> None:
    (checkout / "results" / "mine" / "opt-ml" / "model").mkdir(parents=True)  # of a job that wrote none
    done = make(checkout, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (checkout / "called").exists()


def test_a_dry_run_starts_nothing(checkout: Path) -> None:
    done = make(checkout, "-n", "demo")
    assert done.returncode == 0, done.stderr
    assert "local_test serve" in done.stdout
    assert not (checkout / "called").exists()
