"""The question before a command does what costs money, on a real terminal."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import confirmation
from scripts.errors import Failure, OperationError


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as standard input; yield the end that types."""
    typing, terminal = os.openpty()
    with os.fdopen(terminal) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield typing
    os.close(typing)


def test_a_no_ends_the_command_with_what_is_true_then(keyboard: int) -> None:
    os.write(keyboard, b"n\n")
    with pytest.raises(OperationError, match=r"^cancelled; nothing was deleted$"):
        confirmation.require("Delete it?", "nothing was deleted", yes=False)


def test_a_yes_lets_it_go_on(keyboard: int) -> None:
    os.write(keyboard, b"y\n")
    confirmation.require("Delete it?", "nothing was deleted", yes=False)


def test_without_a_terminal_nothing_is_asked_and_nothing_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(Failure, match="pass --yes or set YES=1"):
            confirmation.require("Delete it?", "nothing was deleted", yes=False)
