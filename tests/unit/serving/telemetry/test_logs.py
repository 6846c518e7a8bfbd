"""A line of the log, as the formatter makes it."""

import json
import logging
import sys
from typing import Any

from traffic_signs.serving.telemetry import logs


def made(message: str, **fields: Any) -> dict[str, Any]:
    record = logging.LogRecord("test", logging.INFO, "", 0, message, None, None, **fields)
    line = logs.Formatter().format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_any_text_is_one_line_of_ascii_and_not_longer_than_allowed() -> None:
    text = "".join(map(chr, [*range(0x100), 0x2028, 0x2029, 0xD800, 0x1F6D1]))
    assert made(text)["message"] == text
    assert made("x" * 100_000)["message"] == "x" * 1_000


def test_a_traceback_is_a_field() -> None:
    record = logging.LogRecord("test", logging.ERROR, "", 0, "failed", None, None)
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = logs.Formatter().format(record)
    assert len(line.splitlines()) == 1
    found = json.loads(line)
    assert found["message"] == "failed"
    assert found["traceback"].startswith("Traceback (most recent call last)")
    assert found["traceback"].endswith("ValueError: one\ntwo")
