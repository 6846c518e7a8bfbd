"""A browser, an endpoint with its page, and a photo for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.http.page.browser import Served, chromium, opened, served
from tests.support.helpers import Job, free_port


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(job: Job, image: str | None) -> Iterator[Served]:  # noqa: ARG001 # says where the job ran
    with served(job.base, free_port()) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    with opened(browser, server.page) as page:
        yield page


@pytest.fixture(scope="module")
def sign(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of a sign, as a PNG, with a name that is markup to HTML and quotes to a shell."""
    file = tmp_path_factory.mktemp("photo") / """it's <b>a "sign"<b>.png"""
    with Image.open(prepared / "samples" / "14-Stop.ppm") as drawn:
        drawn.resize((300, 200)).save(file)
    return file
