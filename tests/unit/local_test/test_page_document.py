"""What the page's document promises and can be read off it, on a machine without a browser."""

import base64
import hashlib
import html.parser
import re

import pytest

from local_test.page import server

ENDPOINT = "http://127.0.0.1:8080"
CONTENT, POLICY = server.document(ENDPOINT)


class Reader(html.parser.HTMLParser):
    """Collects start tags with their attributes, and the text of style and script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = {"script": "", "style": "", "button": ""}
        self.buttons: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "input" and "label" in self.open:
            found["aria-label"] = "of its label"
        self.tags.append((tag, found))
        if tag not in ("meta", "link", "img", "input", "br", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "path":
            return
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        if tag == "button":
            self.buttons.append(self.text["button"])
            self.text["button"] = ""

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.text:
            self.text[self.open[-1]] += data


@pytest.fixture(scope="module")
def page() -> Reader:
    reader = Reader()
    reader.feed(CONTENT.decode())
    reader.close()
    assert reader.open == [], "elements that are not closed"
    return reader


def ids(page: Reader) -> list[str]:
    return [attributes["id"] for _, attributes in page.tags if "id" in attributes]


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else(page: Reader) -> None:
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.text[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in POLICY
    assert POLICY.startswith("default-src 'none'; ")
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


def test_the_document_is_complete_and_loads_nothing_else(page: Reader) -> None:
    assert "{{" not in CONTENT.decode()
    kept = [tag for tag, attributes in page.tags if tag in ("script", "link", "img") and "src" in attributes]
    assert kept == []
    outside = set(re.findall(r"https?://[\w.:]+", CONTENT.decode())) - {ENDPOINT, "http://www.w3.org"}  # SVG's name
    assert outside == set()
    assert not re.search(r"@import|url\(", page.text["style"])


def test_the_page_has_no_handler_or_style_in_an_attribute(page: Reader) -> None:
    """The policy would ignore them."""
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert "innerHTML" not in page.text["script"]


def test_every_element_that_the_script_asks_for_is_there_once(page: Reader) -> None:
    asked = set(re.findall(r'byId\("([\w-]+)"\)', page.text["script"]))
    asked |= {f"{action}-{kind}" for kind in ("image", "folder") for action in ("choose",)}
    asked |= {"image-input", "folder-input"}
    assert len(asked) > 30
    assert asked <= set(ids(page))
    assert len(ids(page)) == len(set(ids(page)))
    assert set(re.findall(r"^#([\w-]+)", page.text["style"], re.MULTILINE)) <= set(ids(page))


def test_a_screen_reader_has_a_name_for_everything(page: Reader) -> None:
    assert all(text.strip() for text in page.buttons)
    assert len(page.buttons) == len([tag for tag, _ in page.tags if tag == "button"])
    named = {"aria-label", "aria-labelledby"}
    for tag, attributes in page.tags:
        if tag in ("input", "section", "dialog", "progress", "pre"):
            assert named & attributes.keys(), (tag, attributes)
        if reference := attributes.get("aria-labelledby"):
            assert reference in ids(page)
    live = {
        attributes["id"]: attributes["role"]
        for _, attributes in page.tags
        if "role" in attributes and "id" in attributes
    }
    assert (live["status"], live["problem"], live["table-status"]) == ("status", "alert", "status")


def test_an_endpoints_url_is_text() -> None:
    content, policy = server.document('http://"><script>')
    assert b'data-endpoint="http://&quot;&gt;&lt;script&gt;"' in content
    assert policy == POLICY
