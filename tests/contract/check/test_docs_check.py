"""docs/check.md followed to the letter: its image is built and checked, repaired and checked again."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.platform.engine import DOCKER
from tests.docs.fences import ROOT, blocks, files, in_block

pytestmark = pytest.mark.engine
PAGE = ROOT / "docs" / "check.md"
IMAGE = f"{os.environ.get('IMAGE', 'traffic-signs')}-docs-check:latest"
"""In place of the page's mine:latest, which somebody may have."""
BASH = shutil.which("bash") or "bash"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A copy of the repository, as far as the check needs it, in which the environment of the page is this one."""
    (tmp_path / "local_test").symlink_to(ROOT / "local_test")
    (tmp_path / "venv").symlink_to(Path(sys.prefix))
    yield tmp_path
    subprocess.run([DOCKER, "rmi", "--force", IMAGE, "check-mine:latest"], capture_output=True, check=False)


def test_the_page_leads_to_an_image_that_keeps_the_contract(desk: Path) -> None:
    lines: list[str] = []
    outputs = 0
    for block in blocks(PAGE):
        if block.title:
            file = desk / block.title
            file.parent.mkdir(exist_ok=True, parents=True)
            file.write_text(block.text)
        elif "pip install" in block.text:
            lines = [line for line in in_block(block) if line.startswith(("docker build", "venv/bin/python -m local"))]
        elif block.language == "text":
            outputs += 1
            printed = run(lines, desk)
            assert verdicts(printed) == verdicts(block.text), printed
            assert counts(printed) == counts(block.text)
            assert set(explained(block.text)) <= set(explained(printed))
    assert (len(lines), outputs) == (2, 2)


@pytest.mark.parametrize(("repaired", "code"), [(False, 1), (True, 0)], ids=["broken", "repaired"])
def test_the_line_for_github_actions_fails_a_broken_image_and_passes_a_good_one(
    desk: Path, repaired: bool, code: int
) -> None:
    """Once in the workflow of the page, as far as it runs without GitHub."""
    for name, text in every_version(PAGE) if repaired else files(PAGE).items():
        (desk / name).parent.mkdir(exist_ok=True, parents=True)
        (desk / name).write_text(text)
    [line] = re.findall("run: (venv/bin/python .*)", files(PAGE)["mine/.github/workflows/check.yml"])
    summary = desk / "summary.md"
    environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(summary)}
    done = subprocess.run(
        [BASH, "-c", line], cwd=desk, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("::error title=H8-stops-in-time::" in done.stdout) is not repaired
    assert ("| broken | H8-stops-in-time |" in summary.read_text()) is not repaired
    assert "mine/, real-time: " in summary.read_text()


def every_version(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of *page* with their text, those that it replaces before what replaces them."""
    yield from ((block.title, block.text) for block in blocks(page) if block.title)


def run(lines: list[str], folder: Path) -> str:
    """Run *lines* and return what they print in a terminal as wide as the page's."""
    script = "\n".join(lines).replace("mine:latest", IMAGE).replace("docker build", f"{DOCKER} build")
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [BASH, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout + done.stderr


def verdicts(text: str) -> set[tuple[str, str]]:
    """Return the points that are broken, have a warning or are inconclusive, with their verdicts."""
    return set(re.findall(r"^(broken|warning|inconclusive)  ([TH]\d+-[\w-]+)$", text, re.MULTILINE))


def explained(text: str) -> list[str]:
    """Return the lines that do not depend on the run: what is expected, the fix and the source."""
    return re.findall(r"^  (?:expected|fix|source)  .*$", text, re.MULTILINE)


def counts(text: str) -> str:
    """Return how many points hold and how many do not."""
    [found] = re.findall(r"real-time: (.*), in \d+ s", text)
    return str(found)
