"""docs/commands.md lists the commands that exist."""

import importlib
import re

from tests.docs.fences import ROOT

PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
COMMANDS = {path.stem for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
ROWS = dict(re.findall(r"^\| `scripts\.(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))


def test_every_command_is_listed_with_the_fields_of_its_json() -> None:
    assert set(ROWS) == COMMANDS
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == COMMANDS


def test_a_make_target_beside_a_command_runs_that_command() -> None:
    for name, column in ROWS.items():
        targets = set(re.findall("`(.+?)`", column))
        running = {
            target
            for target, recipe in re.findall(r"^([\w-]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
            if re.search(rf"-m scripts\.{name}\b", recipe)
        }
        assert targets == running, name


def test_the_page_names_the_commands_that_have_no_dry_run() -> None:
    [paragraph] = [part for part in PAGE.split("\n\n") if "have no `--dry-run`" in part]
    mains = {name: importlib.import_module(f"scripts.{name}").main for name in COMMANDS}
    without = {name for name, main in mains.items() if "dry_run" not in {option.name for option in main.params}}
    assert set(re.findall(r"`(\w+)`", paragraph)) == without


def test_the_architecture_names_every_folder_of_the_commands() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (ROOT / "scripts").glob("*/*") if path.suffix != ".pyc"}
    assert folders
    assert not [name for name in folders if f"`{name}/`" not in page]
