"""Every command's --help ends with examples that a shell takes as they stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def commands() -> Iterator[tuple[str, str]]:
    """Yield where each command is made and its epilog, read off the source: some take seconds to import."""
    for room in ("container", "local_test", "scripts", "tests"):
        for path in sorted(path for path in (ROOT / room).rglob("*.py") if not path.name.startswith("test_")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.command", "main.command"):
                    epilog = next((word.value for word in node.keywords if word.arg == "epilog"), ast.Constant(""))
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.literal_eval(epilog)


@pytest.mark.parametrize(("place", "epilog"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_help_has_examples(place: str, epilog: str) -> None:
    title, *lines = epilog.removeprefix("\b").strip().splitlines() or [""]
    assert title in ("Example:", "Examples:"), place
    for command in "\n".join(lines).replace("\\\n", " ").splitlines():
        assert command.strip().startswith("python -m "), command
        assert "..." not in command
