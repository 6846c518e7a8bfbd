"""An earlier commit's image as a server beside the current one, with the same networks.

Its reader refuses fields of `artifact.json` that it does not know. So it gets a copy of the model's folder in which
that file has its own format number and the fields that it knows, as its own program says.
"""

import json
import shutil
from pathlib import Path

from tests.bench.serving.containers import docker

_KNOWN = (
    "import dataclasses, json; from traffic_signs import artifact as a; "
    "print(json.dumps([a.FORMAT, [field.name for field in dataclasses.fields(a.Artifact)]]))"
)


def readable(model: Path, image: str, folder: Path) -> Path:
    """Copy *model* into *folder*, so that *image* can read it; return the copy."""
    number, known = json.loads(docker("run", "--rm", image, "python", "-c", _KNOWN))
    copy = folder / "model"
    shutil.copytree(model, copy)
    path = copy / "artifact.json"
    content = json.loads(path.read_bytes())
    kept = {key: value for key, value in content.items() if key in (*known, "sha256")}
    path.write_text(json.dumps({"format": number, **kept}), encoding="utf-8")
    return copy
