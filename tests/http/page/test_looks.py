"""Who can use the page: by keyboard, in light and dark, in a narrow window."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.page.browser import Served, choose, needs_chromium, opened

pytestmark = [needs_chromium, pytest.mark.parametrize("image", ["bare"], indirect=True)]


FOCUSED = """() => {
    const focused = document.activeElement;
    const shown = focused.matches("input") ? focused.nextSibling : focused;  // a radio button is drawn by its label
    return [shown.innerText, getComputedStyle(shown).outlineStyle];
}"""
"""The text of the element with the focus, and how its focus is drawn."""


def test_the_keyboard_reaches_everything(page: Page, sign: Path) -> None:
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(FOCUSED)
        names.append(name)
        assert outline == "solid"
    assert names[:5] == ["Choose an image", "Choose a folder", "Camera", "Copy", "curl"]
    page.get_by_label("curl", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#code")).to_contain_text("import boto3")
    page.get_by_role("button", name="Choose an image").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(sign)
    expect(page.locator("#bars .name")).to_have_count(5)
    page.get_by_role("button", name="Camera").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Camera")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Camera")).to_be_focused()


CONTRAST = """element => {
    const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = (colour) => parts(colour).map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    let below = element;
    while (getComputedStyle(below).backgroundColor === "rgba(0, 0, 0, 0)") below = below.parentElement;
    const [one, other] = [getComputedStyle(element).color, getComputedStyle(below).backgroundColor].map(light);
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(scheme: str, browser: Browser, server: Served, sign: Path) -> None:
    """By WCAG 2.2's contrast of level AA, 4.5 to 1."""
    with opened(browser, server.page, color_scheme=scheme) as page:
        backgrounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
        choose(page, "image", sign)
        expect(page.locator("#bars .name")).to_have_count(5)
        shown = page.locator("h1, h2, p, button, .name, .percent, code, figcaption span, fieldset span").all()
        poor = {
            each.inner_text(): ratio for each in shown if each.is_visible() and (ratio := each.evaluate(CONTRAST)) < 4.5
        }
        assert len(shown) > 20
        assert poor == {}
    assert (max(map(int, re.findall(r"\d+", backgrounds))) > 128) == (scheme == "light")


@pytest.mark.parametrize("width", [320, 390, 1120])
def test_nothing_sticks_out_of_a_narrow_window(width: int, browser: Browser, server: Served, prepared: Path) -> None:
    with opened(browser, server.page, viewport={"width": width, "height": 700}) as page:
        choose(page, "folder", prepared / "samples")
        expect(page.locator("#rows tr").first).to_contain_text("%")
        page.locator("#rows button").first.click()
        expect(page.locator("#bars .name")).to_have_count(5)
        assert page.evaluate("document.documentElement.scrollWidth") == width
