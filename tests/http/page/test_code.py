"""The code that the page offers runs as it stands, copied by the page's own button."""

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
import requests
from PIL import Image
from playwright.sync_api import expect

from tests.http.page.browser import chromium, needs_chromium, opened, served
from tests.support.helpers import Job, free_port

pytestmark = [needs_chromium, pytest.mark.parametrize("image", ["bare"], indirect=True)]
ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = ("curl", "boto3", "SageMaker SDK v2", "SageMaker SDK v3")
PROGRAMS = {
    "curl": ("bash", "-c"),
    "boto3": (sys.executable, "-c"),
    "SageMaker SDK v2": (str(ROOT / ".venv-sdk-v2/bin/python"), "-c"),
    "SageMaker SDK v3": (str(ROOT / ".venv-sdk-v3/bin/python"), "-c"),
}
DESCRIPTION = {
    "EndpointName": "ENDPOINT-NAME",
    "EndpointArn": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/endpoint-name",
    "EndpointStatus": "InService",
    "CreationTime": 1_700_000_000,
    "LastModifiedTime": 1_700_000_000,
}


@pytest.fixture(scope="module")
def sign(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG with a name that a shell and Python have to quote."""
    file = tmp_path_factory.mktemp("photo") / """it's "one" $HOME\\n.png"""
    with Image.open(prepared / "samples" / "14-Stop.ppm") as drawn:
        drawn.save(file)
    return file


@pytest.fixture(scope="module")
def endpoint(job: Job, image: str | None, sign: Path) -> Iterator[tuple[str, dict[str, str]]]:  # noqa: ARG001 # as served
    """The endpoint's URL, and what the page's button copies in each language."""
    codes = {}
    with served(job.base, free_port()) as server:
        permissions = ["clipboard-read", "clipboard-write"]
        with chromium() as browser, opened(browser, server.page, permissions=permissions) as page:
            page.locator("#image-input").set_input_files(sign)
            for language in LANGUAGES:
                page.get_by_text(language, exact=True).click()
                page.get_by_role("button", name="Copy", exact=True).click()
                expect(page.get_by_role("button", name="Copied")).to_be_visible()
                codes[language] = page.evaluate("navigator.clipboard.readText()")
        yield server.endpoint, codes


@pytest.fixture(scope="module")
def aws(endpoint: tuple[str, dict[str, str]]) -> Iterator[str]:
    """The two answers of AWS that the code needs, because moto's are fixed: InvokeEndpoint and DescribeEndpoint."""

    class Platform(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            content = json.dumps(DESCRIPTION).encode()
            if self.path != "/":
                assert self.path == "/endpoints/ENDPOINT-NAME/invocations"
                names = ("Content-Type", "X-Amzn-SageMaker-Custom-Attributes")
                headers = {name: self.headers[name] for name in names}
                content = requests.post(f"{endpoint[0]}/invocations", data=body, headers=headers, timeout=60).content
            self.send_response(200)
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_copied_code_runs_as_it_stands(
    language: str, endpoint: tuple[str, dict[str, str]], aws: str, sign: Path, tmp_path: Path
) -> None:
    program = PROGRAMS[language]
    if "SDK" in language and not Path(program[0]).exists():
        pytest.skip(f"{program[0]} is not there; make test makes it")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ENDPOINT_URL": aws, "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }  # fmt: skip
    url, codes = endpoint
    done = subprocess.run(
        [*program, codes[language]], cwd=sign.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    headers = {"Content-Type": "image/png", "X-Amzn-SageMaker-Custom-Attributes": "top_k=5"}
    expected = requests.post(f"{url}/invocations", data=sign.read_bytes(), headers=headers, timeout=60).json()
    last = done.stdout.splitlines()[-1]  # SDK v2 logs to stdout
    assert last in (json.dumps(expected, separators=(",", ":")), str(expected))
