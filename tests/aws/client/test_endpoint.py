"""The commands with an endpoint's name: SageMaker's runtime protocol, with a real server behind it."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.cloud import ENDPOINT, ROOT, Cloud
from tests.support.helpers import Job, Server


@pytest.fixture
def runtime(server: Server) -> Iterator[str]:
    """The platform between InvokeEndpoint and the container, because moto returns fixed answers."""

    class Platform(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == f"/endpoints/{ENDPOINT}/invocations"
            answer = server.post(body, self.headers["Content-Type"], Accept=self.headers["Accept"])
            content = answer.content
            self.send_response(200 if answer.ok else 424)
            if not answer.ok:
                self.send_header("x-amzn-ErrorType", "ModelError")
                words = {
                    "OriginalStatusCode": answer.status_code,
                    "OriginalMessage": answer.text,
                    "Message": "model error",
                }
                content = json.dumps(words).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform) as platform:
        threading.Thread(target=platform.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{platform.server_port}"
        platform.shutdown()


def run(cloud: Cloud, runtime: str, module: str, *options: Any) -> "subprocess.CompletedProcess[str]":
    environment = cloud.environment | {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": runtime, "COLUMNS": "120"}
    words = [sys.executable, "-m", f"scripts.{module}", "--endpoint", ENDPOINT, *map(str, options)]
    return subprocess.run(
        words, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.usefixtures("synchronous_endpoint")
def test_invoke_and_evaluate_by_name(cloud: Cloud, runtime: str, job: Job, prepared: Path, tmp_path: Path) -> None:
    done = run(cloud, runtime, "invoke", prepared / "samples")
    assert done.returncode == 0, done.stderr
    assert sum(".ppm" in line for line in done.stdout.splitlines()) == 43
    done = run(cloud, runtime, "evaluate", prepared / "validation" / "validation.npz", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((job.base / "output" / "data" / "metrics.json").read_text())
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert result["accuracy_per_class"] == pytest.approx(metrics["accuracy_per_class"])


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.usefixtures("synchronous_endpoint")
def test_an_error_shows_the_containers_own_message(cloud: Cloud, runtime: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    done = run(cloud, runtime, "invoke", tmp_path / "broken.png")
    assert done.returncode == 1
    words = server.post(b"no image", "image/png").text
    assert done.stderr == f"Error: {tmp_path}/broken.png: ModelError from endpoint {ENDPOINT}: {words}\n"
