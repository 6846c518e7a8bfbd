"""What the documentation shows: its pages, their fenced blocks, and the commands in them.

README.md, docs/*.md ...  ->  pages  ->  blocks  ->  commands: "make demo DATA=shapes", a line each
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
_FENCE = re.compile(r"^```(?P<head>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = ("bash", "console", "sh", "")
_SPAN = re.compile(r"`((?:make|python -m) [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    """What stands behind the fence: `bash`, or nothing."""
    title: str
    """In `title="..."`: the file that the block is the content of, or nothing."""
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of *page*, in their order."""
    found = []
    for fence in _FENCE.finditer(page.read_text(encoding="utf-8")):
        language, _, rest = fence["head"].partition(" ")
        title = re.search('title="([^"]*)"', rest)
        found.append(Block(language, title[1] if title else "", fence["text"]))
    return found


def files(page: Path) -> dict[str, str]:
    """Return {name: text} of the blocks of *page* that are files; of two with one name the first."""
    return {block.title: block.text for block in reversed(blocks(page)) if block.title}


def commands(page: Path) -> Iterator[str]:
    """Yield the commands of *page*, without prompts and comments: those in blocks, then those in code spans."""
    for block in blocks(page):
        if block.language in _SHELL and not block.title:
            yield from in_block(block)
    outside = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for span in _SPAN.finditer(outside):
        yield " ".join(span[1].split())


def in_block(block: Block) -> Iterator[str]:
    """Yield the commands of a block for a shell; where lines have prompts, the others are output."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    elif block.language in ("console", ""):
        lines = [line for line in lines if re.match(r"(make|curl|git|docker|python3?|\S+/python) ", line)]
    for line in lines:
        for part in re.split(r" && | \| ", line):
            if words := shlex.split(part, comments=True):
                yield shlex.join(words)
