"""Chromium of this machine with the page of `local_test serve --page` in it."""

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.waiting import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A camera that shows a moving picture, and consent to its use."""
_PIXELS = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 32, 32).data)"


@dataclass(frozen=True)
class Served:
    """An endpoint and its page, as a user has started them."""

    endpoint: str
    page: str
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def served(base: Path, port: int) -> Iterator[Served]:
    """Run `local_test serve --page` for the model below *base* until the end of the block."""
    words = ["serve", "--base", str(base), "--port", str(port), "--page"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            log.open("wb") as stream,
            subprocess.Popen([sys.executable, "-m", "local_test", *words], stdout=stream, stderr=stream) as process,
        ):

            def address() -> "re.Match[str] | None":
                assert process.poll() is None, log.read_text()
                return re.search(r"a page to try it: (\S+)\n", log.read_text())

            try:
                found = wait_until(address, 120, "the page's address is printed", log.read_text)
                assert found
                yield Served(f"http://127.0.0.1:{port}", found[1], process)
            finally:
                process.terminate()
                process.wait(60)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CAMERA))
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open the page in a window of its own; errors of its script, and requests to others, fail the test."""
    context = browser.new_context(**options)
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    # Playwright intercepts file choosers while it has a listener for them, and does not wait until the browser knows of
    # a new one: on a busy machine a chooser that opens at once would be missed
    page.on("filechooser", lambda _: None)
    page.goto(url)
    yield page
    assert errors == []
    assert [other for other in asked if not other.startswith((url, "blob:", "data:"))] == []
    context.close()


def drop(page: Page, path: Path) -> None:
    """Drag *path*, a file or a folder, from the desktop onto the page."""
    box = page.locator("#drop").bounding_box()
    assert box
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})


def choose(page: Page, kind: str, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=f"Choose a{'n' if kind == 'image' else ''} {kind}").click()
    chooser.value.set_files(path)


def answered(server: Served, file: Path) -> dict[str, Any]:
    headers = {"Content-Type": "image/x-unknown", "X-Amzn-SageMaker-Custom-Attributes": "top_k=5;pixels=true"}
    body = requests.post(f"{server.endpoint}/invocations", data=file.read_bytes(), headers=headers, timeout=60).json()
    prediction: dict[str, Any] = body["predictions"][0]
    return prediction


def expect_answer(page: Page, expected: dict[str, Any]) -> None:
    """Hold what the page shows against the endpoint's own answer."""
    expect(page.locator("#best-name")).to_have_text(expected["name"])
    expect(page.locator("#bars .name")).to_have_text([each["name"] for each in expected["top_k"]])
    for shown, each in zip(page.locator("#bars .percent").all_text_contents(), expected["top_k"], strict=True):
        assert float(shown.strip("<> %")) == pytest.approx(100 * each["probability"], abs=0.11)
    drawn = np.reshape(page.locator("#pixels").evaluate(_PIXELS), (32, 32, 4))
    np.testing.assert_array_equal(drawn[..., :3], np.repeat(np.array(expected["pixels"])[..., None], 3, 2))
    assert (drawn[..., 3] == 255).all()
