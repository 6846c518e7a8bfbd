"""With --json standard output is one document, whose fields docs/commands.md lists."""

import json
import re
from typing import Any

import pytest
from moto.sagemaker.models import sagemaker_backends

from tests.aws.cloud import ACCOUNT, IMAGE, MODEL, REGION, ROLE, ROOT, Cloud, patch_created

FIELDS = {
    module: set(re.findall(r"`(\w+)`", fields))
    for module, fields in re.findall(
        r"^\| `(\w+)` \| (.+) \|$", (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), re.MULTILINE
    )
}


def document(cloud: Cloud, module: str, *arguments: Any, code: int = 0) -> dict[str, Any]:
    done = cloud.run(module, *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) - {"error"} == FIELDS[module]
    return found


def test_an_endpoint_comes_and_goes_as_documents(cloud: Cloud) -> None:
    name = "traffic-signs-json"
    options = ("--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--endpoint-name", name, "--yes")
    assert document(cloud, "deploy", *options) == {
        "endpoint": name, "status": "InService", "image": IMAGE, "role": ROLE, "model_data": MODEL,
        "delete": f"python -m scripts.delete_endpoint {name}",
    }  # fmt: skip
    parts = {f"endpoint {name}": "deleted", f"configuration {name}": "deleted", f"model {name}": "deleted"}
    assert document(cloud, "delete_endpoint", name) == {"endpoint": name, "parts": parts}


@pytest.mark.parametrize("failed", [False, True])
def test_a_training_job_is_a_document_even_if_it_fails(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, *, failed: bool
) -> None:
    if failed:
        status = {"training_job_status": "Failed", "failure_reason": "AlgorithmError: no images"}
        patch_created(monkeypatch, sagemaker_backends[ACCOUNT][REGION], "create_training_job", **status)
    found = document(cloud, "train", *cloud.job, "--yes", code=int(failed))
    written = json.loads((cloud.folder / "job.json").read_text())
    assert {name: found[name] for name in written} == written
    assert found["status"] == ("Failed" if failed else "Completed")
    assert ("AlgorithmError: no images" in found.get("error", "")) == failed
