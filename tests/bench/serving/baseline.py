"""Deployment of an earlier commit's image with the current model.

The earlier program rejects fields of `artifact.json` that it does not know. So it gets a copy of the model's folder
whose `artifact.json` has only the format number and the fields that the earlier program reports.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.serving.containers import Deployment, docker

_PRINT_FORMAT = """
import dataclasses, json
try:
    from traffic_signs.model import artifact
except ImportError:  # commits before the package `model`
    from traffic_signs import artifact
print(json.dumps([artifact.FORMAT, [field.name for field in dataclasses.fields(artifact.Artifact)]]))
"""


@contextlib.contextmanager
def deployments(model: Path, current: str, bench: str, baseline: str | None) -> Iterator[dict[str, Deployment]]:
    """Yield the image and the model's folder of each kind of server.

    Args:
        model: Folder of the model.
        current: This project's image.
        bench: The peers' image.
        baseline: This project's image of an earlier commit, if there is a baseline.
    """
    found = {"current": Deployment(current, model), "bench": Deployment(bench, model)}
    with tempfile.TemporaryDirectory() as folder:
        if baseline:
            found["baseline"] = Deployment(baseline, _downgrade(model, baseline, Path(folder)))
        yield found


def _downgrade(model: Path, image: str, folder: Path) -> Path:
    """Copy *model* into *folder* in the format that *image* can read; return the copy."""
    number, known = json.loads(docker("run", "--rm", image, "python", "-c", _PRINT_FORMAT))
    copy = folder / "model"
    shutil.copytree(model, copy)
    path = copy / "artifact.json"
    content = json.loads(path.read_bytes())
    kept = {key: value for key, value in content.items() if key in (*known, "sha256")}
    path.write_text(json.dumps({"format": number, **kept}), encoding="utf-8")
    return copy
