"""Images for the contract check's own tests: one that keeps the contract, and mutants of it that break one point.

    good/Dockerfile, good/train, good/serve  +  lines, files  ->  build  ->  the image's name
    the same programs  +  files                               ->  programs  ->  a folder, for bare runs

A mutant is made by `changed`: the good program with one place replaced, so that the point can be read off it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from local_test.platform.engine import DOCKER

GOOD = Path(__file__).parent / "good"
REPOSITORY = f"{os.environ.get('IMAGE', 'traffic-signs')}-contract-check"
MODEL = {"model.json": '{"factor": 2.0}'}
"""What the good image serves."""
PAYLOAD, CONTENT_TYPE = b'{"instances": [1, 2, 3]}', "application/json"
TRAINING = {"numbers.csv": "1\n2\n3\n"}
"""What the good image trains on, in the channel `training`."""
built: set[str] = set()
"""Images of the test that runs, without the good one."""


def changed(program: str, *replacements: tuple[str, str]) -> dict[str, str]:
    """Return {program: text} of the good program `train` or `serve`, each (old, new) put in the one place it fits."""
    text = (GOOD / program).read_text(encoding="utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {program}"
        text = text.replace(old, new)
    return {program: text}


def build(name: str, lines: Iterable[str] = (), files: Mapping[str, str] | None = None) -> str:
    """Build the good image with changes.

    Args:
        name: becomes the tag.
        lines: added at the end of the Dockerfile.
        files: text by name, laid into the build's folder over `train` and `serve`; others are there for COPY.

    Returns:
        The image's name; see `own_name` for all but the good one.
    """
    image = f"{REPOSITORY}:{name}" if name == "good" else own_name(name)
    with tempfile.TemporaryDirectory() as folder:
        context = programs(Path(folder) / "context", files)
        with (context / "Dockerfile").open("a", encoding="utf-8") as dockerfile:
            dockerfile.writelines(f"{line}\n" for line in lines)
        command = [DOCKER, "build", "--quiet", "--platform", "linux/amd64", "--tag", image, str(context)]
        # the classic builder may lose a cached layer to another process's `docker rmi` in the middle of a build
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return image


def own_name(name: str) -> str:
    """Return the name of an image of this process's own, so that `remove_mutants` takes none from another."""
    image = f"{REPOSITORY}:{name}-{os.getpid()}"
    built.add(image)
    return image


def remove_mutants() -> None:
    """Remove every image that was built, but for the good one."""
    if built:
        subprocess.run([DOCKER, "rmi", "--force", *built], capture_output=True, check=False)
    built.clear()


def programs(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Lay the good programs, changed by *files*, into the new *folder* and return it."""
    shutil.copytree(GOOD, folder)
    for name, text in (files or {}).items():
        (folder / name).write_bytes(text.encode())
    for path in folder.iterdir():  # whatever the checkout's umask: a serverless endpoint's user is nobody
        path.chmod(0o755)
    return folder


def laid(folder: Path, files: Mapping[str, str]) -> Path:
    """Write *files*, such as MODEL or TRAINING, below *folder* and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
