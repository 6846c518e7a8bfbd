"""The commands against an endpoint by its name: SageMaker's runtime protocol, a real server behind it."""

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

from tests.helpers import Job, Server, serving
from tests.test_cloud import ROOT, Cloud, aws, cloud, pytestmark  # noqa: F401 # fixtures, and when to skip

NAME = "traffic-signs-here"


@pytest.fixture
def server(job: Job, tmp_path: Path) -> Iterator[Server]:
    with serving(job.base, tmp_path / "log") as server:
        yield server


@pytest.fixture
def runtime(server: Server) -> Iterator[str]:
    """What the platform does between InvokeEndpoint and the container; moto answers with texts of its own."""

    class Platform(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == f"/endpoints/{NAME}/invocations"
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


def run(cloud: Cloud, runtime: str, module: str, *options: Any) -> "subprocess.CompletedProcess[str]":  # noqa: F811 # the fixture
    client = cloud.sagemaker
    variant = {"VariantName": "AllTraffic", "ModelName": NAME, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
    client.create_model(ModelName=NAME, ExecutionRoleArn="arn:aws:iam::111122223333:role/none")
    client.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    environment = cloud.environment | {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": runtime, "COLUMNS": "120"}
    words = [sys.executable, "-m", f"scripts.{module}", "--endpoint", NAME, *map(str, options)]
    try:
        return subprocess.run(
            words, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        client.delete_endpoint(EndpointName=NAME)
        client.delete_endpoint_config(EndpointConfigName=NAME)
        client.delete_model(ModelName=NAME)


@pytest.mark.parametrize("image", ["bare"], indirect=True)
def test_invoke_and_evaluate_by_name(cloud: Cloud, runtime: str, prepared: Path, tmp_path: Path) -> None:  # noqa: F811 # the fixture
    done = run(cloud, runtime, "invoke", prepared / "samples")
    assert done.returncode == 0, done.stderr
    assert sum(".ppm" in line for line in done.stdout.splitlines()) == 43
    done = run(cloud, runtime, "evaluate", prepared / "validation" / "validation.npz", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["images"] > 0


@pytest.mark.parametrize("image", ["bare"], indirect=True)
def test_the_containers_own_words_come_through(cloud: Cloud, runtime: str, tmp_path: Path) -> None:  # noqa: F811 # the fixture
    (tmp_path / "broken.png").write_bytes(b"no image")
    done = run(cloud, runtime, "invoke", tmp_path / "broken.png")
    assert done.returncode == 2
    assert f"ModelError from endpoint {NAME}: " in done.stderr
    assert "image" in done.stderr.partition(NAME)[2]
    assert "Traceback" not in done.stderr
