"""What docs/ shows of the endpoint and of the commands is what they answer, up to numbers and names of classes.

Blocks of a page are run in order: `console`, each a command and its output, and `python`, whose output is the `text`
block behind it. Not run are `docker`, whose server the fixture stands for, `make`, which other tests run, and what
needs an AWS account.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.helpers import Job, Server, serving

ROOT = Path(__file__).resolve().parents[3]
NOT_RUN = ("docker", "make", "mkdir", ".venv-sdk-v2/", "...")
VARIABLES = {"multi-model": {"SAGEMAKER_MULTI_MODEL": "true"}, "batch-transform": {"SAGEMAKER_BATCH": "true"}}
_BLOCK = re.compile(r"^```(console|python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_OTHER_MODEL = (
    (re.compile(r'"name":\s*"[^"]*"'), '"name":"?"'),
    (re.compile(r"-?\d+(?:[.,]\d+)*(?:e-?\d+)?"), "0"),
    (re.compile(r"/opt/ml"), "BASE"),
)
"""What another model answers otherwise, or another machine."""


def runs(page: str) -> Iterator[tuple[list[str], str]]:
    """Yield commands and the output that the page shows."""
    blocks = _BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    for number, (kind, text) in enumerate(blocks):
        if kind == "python":
            follows = blocks[number + 1 : number + 2]
            yield [sys.executable, "-c", text], follows[0][1] if follows and follows[0][0] == "text" else ""
        elif kind == "console":
            for part in re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                if not command.startswith(NOT_RUN):
                    yield ["bash", "-c", command.replace("python -m", f"{sys.executable} -m")], output


def masked(text: str, base: Path) -> str:
    text = text.replace(str(base), "/opt/ml").strip()
    for pattern, replacement in _OTHER_MODEL:
        text = pattern.sub(replacement, text)
    return text


@pytest.fixture
def folder(job: Job, prepared: Path, tmp_path: Path) -> Path:
    """A checkout after `make local-train`."""
    results = tmp_path / "checkout" / "results" / "synthetic"
    results.mkdir(parents=True)
    (results / "opt-ml").symlink_to(job.base)
    (results / "data").symlink_to(prepared)
    for name in ("scripts", "local_test"):
        (tmp_path / "checkout" / name).symlink_to(ROOT / name)
    return tmp_path / "checkout"


@pytest.fixture
def documented(page: str, job: Job, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """The server that *page* speaks of, and where its /opt/ml is."""
    base = tmp_path / "opt-ml"
    (base / "models" / "lenet-a").mkdir(parents=True)
    for link in (base / "model", base / "models" / "lenet-a" / "model"):
        link.mkdir()
        for file in (job.base / "model").iterdir():
            (link / file.name).symlink_to(file)
    with serving(base, tmp_path / "log", environment=VARIABLES.get(page)) as server:
        yield server, base


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.parametrize(
    "page", ["serving-api", "streaming", "multi-model", "batch-transform", "observability", "deploy"]
)
def test_the_pages_show_what_is_answered(page: str, documented: tuple[Server, Path], folder: Path) -> None:
    server, base = documented
    found = list(runs(page))
    assert found
    for command, expected in found:
        command[-1] = (
            command[-1].replace("127.0.0.1:8080", server.url.removeprefix("http://")).replace("/opt/ml", str(base))
        )
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
        shown = [line for line in done.stderr.splitlines() if line.startswith("Error")]  # not curl's progress
        assert masked("\n".join([done.stdout, *shown]), base) == masked(expected, base), (command, done.stderr)
