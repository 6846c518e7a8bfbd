"""The Makefile in a checkout of its own: where it puts things, what it refuses, what it removes."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.platform.engine import DOCKER

ROOT = Path(__file__).resolve().parents[3]


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


def make(checkout: Path, *words: str, stdin: int = subprocess.DEVNULL) -> "subprocess.CompletedProcess[str]":
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("BASE", "DATA", "ENDPOINT", "MAKEFLAGS", "MAKELEVEL", "PLATFORM", "YES")
    }
    command = ["make", "DOCKER=no-such-program", *words]
    return subprocess.run(
        command, cwd=checkout, env=environment, stdin=stdin, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("data", ["data/mine", "data/mine/", "../checkout/data/mine"])
def test_prepared_arrays_are_kept_apart_from_the_images(data: str, checkout: Path) -> None:
    assert make(checkout, "data", f"DATA={data}").returncode == 0
    assert (checkout / "called").read_text().split()[-2:] == ["--output", "results/mine/data"]


@pytest.mark.parametrize("verb", ["local-predict", "evaluate", "local-train"])
def test_every_verb_finds_them_there(verb: str, checkout: Path) -> None:
    assert make(checkout, verb, "DATA=data/mine").returncode == 0
    assert " results/mine/data/" in (checkout / "called").read_text().splitlines()[-1]


def test_a_model_is_served_with_its_page(checkout: Path) -> None:
    (checkout / "results/mine/opt-ml/model").mkdir(parents=True)
    (checkout / "results/mine/opt-ml/model/artifact.json").touch()
    assert make(checkout, "local-serve", "DATA=data/mine").returncode == 0
    assert (checkout / "called").read_text().split()[-3:] == ["--port", "8080", "--page"]


def test_a_model_is_registered_with_the_first_sample_of_its_data(checkout: Path) -> None:
    assert make(checkout, "register", "DATA=data/mine").returncode == 0
    assert (checkout / "called").read_text().splitlines()[-1] == "-m scripts.register"
    samples = checkout / "results/mine/data/samples"
    samples.mkdir(parents=True)
    for name in ("00-stop.png", "01-yield.png"):
        (samples / name).touch()
    assert make(checkout, "register", "DATA=data/mine").returncode == 0
    last = (checkout / "called").read_text().splitlines()[-1]
    assert last == "-m scripts.register --sample results/mine/data/samples/00-stop.png"


OWN = ("data/mine/stop/1.png", "results/mine/opt-ml/model/model.keras", "results/mine/predictions.png")


@pytest.fixture
def used(checkout: Path) -> Path:
    """A checkout with images, results and caches."""
    for name in (*OWN, ".mypy_cache/x", ".ruff_cache/x", "build/image-cpu.log", "scripts/__pycache__/x.pyc"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    (checkout / ".venv-sdk-v2").mkdir()
    return checkout


def test_clean_removes_caches_and_environments_and_no_images_or_models(used: Path) -> None:
    assert make(used, "clean").returncode == 0
    assert {path.name for path in used.iterdir()} == {
        "Makefile",
        "docker",
        "pyproject.toml",
        "scripts",
        "data",
        "results",
    }
    assert not list(used.rglob("__pycache__"))
    assert all((used / name).exists() for name in OWN)


def test_clean_results_lists_what_it_would_delete_and_does_not_without_a_yes(used: Path) -> None:
    done = make(used, "clean-results")
    assert done.returncode == 2
    assert "results/mine/predictions.png" in done.stdout
    assert "nothing deleted: cannot ask without a terminal; set YES=1" in done.stderr
    assert all((used / name).exists() for name in OWN)


@pytest.mark.parametrize(("answer", "deleted"), [("y", True), ("n", False), ("", False)])
def test_clean_results_asks_on_a_terminal(answer: str, deleted: bool, used: Path) -> None:
    ours, theirs = os.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = make(used, "clean-results", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert "delete all of it? [y/N]" in done.stderr
    assert (used / "results").exists() is not deleted
    assert (used / OWN[0]).exists()


def test_clean_results_deletes_with_a_yes_beforehand_and_only_results(used: Path) -> None:
    assert make(used, "clean-results", "YES=1").returncode == 0
    assert not (used / "results").exists()
    assert (used / OWN[0]).exists()
    assert make(used, "clean-results").stdout == "results/ does not exist\n"


def test_every_target_for_people_has_a_line_of_help_in_a_group() -> None:
    done = make(ROOT, "help")
    groups = re.split(r"\n\n(?=\w)", done.stdout)
    listed = {line.split()[1] for group in groups for line in group.splitlines() if line.startswith("  make ")}
    internal = {"image", "bench-image", "baseline-image"}
    targets = re.findall(r"^([a-z0-9-]+):(?!.*:=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed == set(targets) - internal
    assert [group.splitlines()[0] for group in groups[1:3]] == ["Start here", "Your image"]
    assert max(map(len, done.stdout.splitlines())) <= 130


@pytest.fixture
def builder(checkout: Path) -> Path:
    """A checkout in which `make build` finds what it needs."""
    for name in ("container", "docker"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return checkout


@pytest.mark.engine
def test_a_build_that_fails_shows_the_end_of_its_log_and_little_else(builder: Path) -> None:
    done = make(builder, "build", f"DOCKER={DOCKER}", "BASE=scratch", "TARGET=cpu", "IMAGE=traffic-signs-test-makefile")
    if "has no BuildKit" in done.stderr:
        pytest.skip(f"{DOCKER} has no BuildKit")
    assert done.returncode == 2
    log = (builder / "build" / "image-cpu.log").read_text().splitlines()
    assert log[-1] in done.stderr
    assert "was not built; see the complete log in build/image-cpu.log" in done.stderr
    assert len((done.stdout + done.stderr).splitlines()) < 30


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker")
def test_a_client_without_buildkit_gets_an_error_that_names_what_to_install(builder: Path) -> None:
    client = Path(str(shutil.which("docker")))
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    probe = subprocess.run([client, "build", builder], env=environment, capture_output=True, text=True, check=False)
    if "buildx component is missing" not in probe.stderr:
        pytest.skip("this docker has BuildKit")
    done = make(builder, "build", f"DOCKER={client}")
    assert done.returncode == 2
    assert "has no BuildKit; install its buildx component" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["TARGET=tpu"], "TARGET=tpu; expected cpu or gpu"),
        (["PLATFORM=linux/arm"], "PLATFORM=linux/arm; expected linux/amd64 or linux/arm64"),
        (["PLATFORM=linux/arm64"], "TARGET=gpu is for linux/amd64 only; add TARGET=cpu"),
    ],
)
def test_an_image_that_there_cannot_be_is_refused(words: list[str], message: str, builder: Path) -> None:
    done = make(builder, "build", *words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == message
    assert not (builder / "build").exists()


@pytest.fixture
def x86_base() -> Iterator[str]:
    """A base image that only this engine has, for x86-64."""
    name = f"traffic-signs-test-base:{os.getpid()}"
    command = [DOCKER, "build", "--platform", "linux/amd64", "--tag", name, "-"]
    text, variables = "FROM scratch\nLABEL a=b\n", {**os.environ, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(command, input=text, text=True, check=False, capture_output=True, env=variables)
    if "buildx component is missing" in done.stderr:
        pytest.skip(f"{DOCKER} has no BuildKit")
    assert done.returncode == 0, done.stderr
    yield name
    subprocess.run([DOCKER, "rmi", name], check=True, capture_output=True)


@pytest.mark.engine
def test_a_base_image_for_another_processor_is_named_when_the_build_fails(builder: Path, x86_base: str) -> None:
    words = ["TARGET=cpu", "PLATFORM=linux/arm64", "IMAGE=traffic-signs-test-makefile", f"BASE={x86_base}"]
    done = make(builder, "build", f"DOCKER={DOCKER}", *words)
    assert done.returncode == 2
    assert (
        f"error: traffic-signs-test-makefile:cpu-arm64 was not built; {x86_base} is here for linux/amd64: name a base"
        " image for linux/arm64, BASE=IMAGE, or reach a registry that has one; log: build/image-cpu-arm64.log\n"
    ) in done.stderr


@pytest.mark.engine
def test_a_builder_that_ignores_the_platform_is_found_out(builder: Path, x86_base: str) -> None:
    """As Docker's classic builder does with a base image that it has."""
    classic = builder / "classic"
    classic.write_text(f'#!/bin/sh\n[ "$1" != buildx ] || exit 1\nDOCKER_BUILDKIT=0 exec {DOCKER} "$@"\n')
    classic.chmod(0o755)
    (builder / "docker" / "Dockerfile").write_text("ARG BASE\nFROM $BASE\nLABEL c=d\n")
    words = ["TARGET=cpu", "PLATFORM=linux/arm64", "IMAGE=traffic-signs-test-makefile", f"BASE={x86_base}"]
    done = make(builder, "build", f"DOCKER={classic}", *words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "error: traffic-signs-test-makefile:cpu-arm64 came out for linux/amd64, not for linux/arm64, and its name is"
        f" removed; get the base image first: docker pull --platform linux/arm64 {x86_base}"
    )
    gone = [DOCKER, "image", "inspect", "traffic-signs-test-makefile:cpu-arm64"]
    assert subprocess.run(gone, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "DATA=."], "DATA=. has no name"),
        (["data", "DATA=.."], "DATA=.. has no name"),
        (["data", "DATA=signs/../"], "DATA=signs/../ has no name"),
        (["data", "DATA=/"], "DATA=/ has no name"),
        (["data", "DATA="], "DATA= has no name"),
        (["data", "DATA=my signs"], "DATA=my signs has a space: use a link without one"),
        (["invoke"], "ENDPOINT=NAME is missing"),
        (["evaluate-endpoint"], "ENDPOINT=NAME is missing"),
        (["delete-endpoint"], "ENDPOINT=NAME is missing"),
        (["local-serve", "DATA=mine"], "no model in results/mine/opt-ml; run make local-train first"),
    ],
)
def test_a_misspelt_variable_or_missing_model_is_refused_in_one_line(
    words: list[str], message: str, checkout: Path
) -> None:
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
