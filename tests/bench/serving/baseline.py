"""An earlier commit's image as a server beside the current one, with the same networks.

Its reader refuses fields of `artifact.json` that it does not know. So it gets a copy of the model's folder in which
that file has its own format number and the fields that it knows, as its own program says.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.serving.containers import Place, docker

_KNOWN = (
    "import dataclasses, json; from traffic_signs import artifact as a; "
    "print(json.dumps([a.FORMAT, [field.name for field in dataclasses.fields(a.Artifact)]]))"
)


@contextlib.contextmanager
def places(model: Path, current: str, bench: str, baseline: str | None) -> Iterator[dict[str, Place]]:
    """Give the image and the model's folder of each kind of server.

    Args:
        model: the current commit's folder.
        current: this project's image.
        bench: the peers' image.
        baseline: this project's image of an earlier commit; it has no servers without one.
    """
    found = {"current": Place(current, model), "bench": Place(bench, model)}
    with tempfile.TemporaryDirectory() as folder:
        if baseline:
            found["baseline"] = Place(baseline, _readable(model, baseline, Path(folder)))
        yield found


def _readable(model: Path, image: str, folder: Path) -> Path:
    """Copy *model* into *folder*, so that *image* can read it; return the copy."""
    number, known = json.loads(docker("run", "--rm", image, "python", "-c", _KNOWN))
    copy = folder / "model"
    shutil.copytree(model, copy)
    path = copy / "artifact.json"
    content = json.loads(path.read_bytes())
    kept = {key: value for key, value in content.items() if key in (*known, "sha256")}
    path.write_text(json.dumps({"format": number, **kept}), encoding="utf-8")
    return copy
