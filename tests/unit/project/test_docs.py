"""The documentation says what is so: its commands, links and quoted messages are those of the product."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from local_test.check import catalogue
from tests.docs.fences import PAGES, ROOT, blocks, commands

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NOT_PARSED = {
    "aws": "AWS's own program",
    "cd": "the shell's",
    "cp": "the shell's",
    "curl": "tests/http/docs/test_documentation.py and test_docs_examples.py send these requests",
    "docker": "tests/contract builds and runs the images that the pages make",
    "export": "the shell's",
    "git": "would fetch the repository that this is",
    "grep": "the shell's",
    "head": "the shell's",
    "mkdir": "the shell's",
    "venv/bin/pip": "downloads; tests/unit/test_architecture.py holds the packages that it names",
}
"""Programs whose commands are not read here, with the reason."""
OWN_FILES = {"mine/draw.py"}
"""Programs that a page has the reader write; tests/http/docs/test_docs_examples.py runs them."""
OTHERS = {"pytest", "venv"}
"""Modules whose options are not ours."""
OTHERS_SAY = {
    "--mount option requires BuildKit", "buildx component is missing", "port is already allocated",
    "Unsupported manifest media type", "did not pass the ping health check", "exec format error",
    "executable file not found", "CUDA driver version is insufficient", "ExecuteUserScriptError", "ModelError",
    "No space left on device", "Missing option '--role'", "does not contain required ... Docker label(s)",
}  # fmt: skip
"""Messages on the page for trouble that Docker, CUDA, SageMaker and click write."""


def every_command() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for command in commands(page):
            yield page.name, command


@pytest.mark.parametrize(("page", "command"), sorted(set(every_command())))
def test_a_command_that_is_shown_is_one_that_works(page: str, command: str) -> None:
    words = shlex.split(command)
    while re.fullmatch("[A-Z_]+=.*", words[0]):
        words.pop(0)
    if words[0] == "make":
        check_make(words[1:])
    elif re.fullmatch(r"(\S+/)?python3?", words[0]):
        check_python(words[1:])
    else:
        assert words[0] in NOT_PARSED, f"{page}: {words[0]}"


def check_make(words: list[str]) -> None:
    for word in words:
        name, equals, _ = word.partition("=")
        if equals:
            assert re.search(rf"\$\({name}\)|^{name} \?=|^export .*\b{name}\b", MAKEFILE, re.MULTILINE), word
        elif not re.fullmatch(r"\.venv-sdk-v[23]/installed", word):
            assert re.search(rf"^{word}:", MAKEFILE, re.MULTILINE), word


def check_python(words: list[str]) -> None:
    if words[0] != "-m":
        assert words[0] in OWN_FILES
        return
    if words[1] in OTHERS or words[1] == "scripts.NAME":
        return
    module = words[1] if (ROOT / f"{words[1].replace('.', '/')}.py").exists() else f"{words[1]}.__main__"
    main = getattr(importlib.import_module(module), "main", None)
    if not isinstance(main, click.Command):
        assert words[2:] == [], "it takes no options"
        return
    # click reads all options before --help ends it, so a file need not be there
    done = CliRunner().invoke(main, [*words[2:], "--help"])
    assert done.exit_code == 0, done.output


def test_links_of_the_readme_lead_somewhere() -> None:
    """Those of the other pages are followed by `make docs`."""
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if "//" not in link and not (ROOT / link).is_file()]


def test_links_of_the_readme_lead_to_headings() -> None:
    """MkDocs does not render the README, so `make docs` does not follow them."""
    links = re.findall(r"\]\((\S+\.md)#([\w-]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    for page, anchor in links:
        headings = re.findall("^##+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{page}#{anchor}"


def test_the_readme_shows_what_the_pages_show() -> None:
    """Their output is held by tests of its own."""
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("check.md", "getting-started.md"))
    shown = [block.text for block in blocks(ROOT / "README.md") if block.language == "text"]
    assert len(shown) == 2
    assert {line for text in shown for line in text.splitlines()} <= set(pages.splitlines())


def said() -> Iterator[str]:
    """Yield all texts that the product can write, with "..." for what differs."""
    yield MAKEFILE
    for folder in ("container", "local_test", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
                elif isinstance(node, ast.JoinedStr):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)


def test_messages_on_the_page_for_trouble_are_those_of_the_product() -> None:
    page, _, _silent = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").partition("Silent faults")
    first_columns = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| ")]
    quoted = {span for column in first_columns for span in re.findall("`([^`]+)`", column)} - OTHERS_SAY
    patterns = {message: ".*".join(map(re.escape, message.split("..."))) for message in quoted}
    texts = list(said())
    assert quoted
    for message, pattern in patterns.items():
        assert any(re.search(pattern, text, re.DOTALL) for text in texts), message


def test_points_that_the_docs_name_exist() -> None:
    points = {point.name for scenario in catalogue.ALL for point in scenario.points}
    for page in PAGES:
        named = re.findall(r"`([TH]\d+-[a-z-]+)`", page.read_text(encoding="utf-8"))
        assert set(named) <= points, page.name
