"""The page in a real browser: one image, with a real endpoint behind it."""

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.page.browser import Served, answered, choose, drop, expect_answer, needs_chromium, opened, served
from tests.support.helpers import Job, free_port

pytestmark = [needs_chromium, pytest.mark.parametrize("image", ["bare"], indirect=True)]


def test_a_chosen_image_shows_five_classes_and_what_the_network_sees(page: Page, server: Served, sign: Path) -> None:
    choose(page, "image", sign)
    expected = answered(server, sign)
    expect_answer(page, expected)
    expect(page.locator("#preview")).to_be_visible()
    expect(page.locator("#file-name")).to_contain_text(f"{sign.name}, ")
    expect(page.locator("#file-name")).to_contain_text("300 \N{MULTIPLICATION SIGN} 200 pixels")
    expect(page.locator("#latency")).to_contain_text("answered in ")
    expect(page.locator("#status")).to_contain_text(f"{sign.name}: {expected['name']}, ")
    widths = page.locator("#bars .bar").evaluate_all("bars => bars.map((bar) => parseFloat(bar.style.width))")
    assert widths == pytest.approx([100 * each["probability"] for each in expected["top_k"]], abs=0.01)


def test_a_dropped_image_is_answered(page: Page, server: Served, sign: Path) -> None:
    drop(page, sign)
    expect_answer(page, answered(server, sign))


def test_a_pasted_image_is_answered(browser: Browser, server: Served, sign: Path) -> None:
    with opened(browser, server.page, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.evaluate(
            """async (text) => {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const file = new Blob([bytes], { type: "image/png" });
                await navigator.clipboard.write([new ClipboardItem({ "image/png": file })]);
            }""",
            base64.b64encode(sign.read_bytes()).decode(),
        )
        page.keyboard.press("Control+V")
        expect_answer(page, answered(server, sign))  # the clipboard encodes the same pixels anew


def test_the_camera_takes_a_picture(page: Page) -> None:
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator("#bars .name")).to_have_count(5)
    expect(page.locator("#file-name")).to_contain_text("camera.png, ")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.locator("#video").evaluate("video => video.srcObject") is None


def test_an_image_format_that_browsers_do_not_show_is_answered(page: Page, server: Served, prepared: Path) -> None:
    file = prepared / "samples" / "14-Stop.ppm"
    choose(page, "image", file)
    expect_answer(page, answered(server, file))
    expect(page.locator("#hint")).to_contain_text("Your browser does not show images of this kind")


def test_a_refused_image_shows_the_endpoints_error_message(page: Page, tmp_path: Path, sign: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    choose(page, "image", tmp_path / "notes.txt")
    expect(page.get_by_role("alert")).to_contain_text("not a readable image (no BMP, GIF, JPEG, PNG, PNM or WebP file)")
    expect(page.locator("#answer")).to_be_hidden()
    choose(page, "image", sign)
    expect(page.locator("#bars .name")).to_have_count(5)
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.usefixtures("image")
def test_a_model_of_three_classes_shows_three(browser: Browser, small_job: Job, sign: Path) -> None:
    with served(small_job.base, free_port()) as server, opened(browser, server.page) as page:
        choose(page, "image", sign)
        expect(page.locator("#bars .name")).to_have_count(3)
        expect(page.locator("#seen")).to_be_visible()
        server.process.terminate()
        server.process.wait(60)
        choose(page, "image", sign)
        expect(page.get_by_role("alert")).to_contain_text("Is local_test serve still running?")


def test_names_are_shown_as_text_and_markup_in_them_does_nothing(page: Page, tmp_path: Path, sign: Path) -> None:
    evil = tmp_path / "<img src=x onerror=document.title='run'>.png"
    evil.write_bytes(sign.read_bytes())
    choose(page, "image", evil)
    expect(page.locator("#file-name")).to_contain_text(evil.name)
    page.evaluate("name => document.body.insertAdjacentHTML('beforeend', name)", evil.name)  # the policy, for real
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i>there</i>')")
    expect(page.get_by_text("there")).to_be_visible()
    assert page.title() == "Try the endpoint"
