r"""Log in JSON: one object on each line of stdout, from all loggers.

    {"time", "level", "logger", "process", "message", ...fields of a request..., "traceback"}

A client cannot forge or break a line: what it sends is always the value of a key, and ASCII JSON contains no line
break, neither "\n" nor those of Unicode, which orjson would write unescaped. Bodies are never logged.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from traffic_signs.serving.telemetry.request_record import Record

_log = logging.getLogger(__name__)
_MAX_MESSAGE = 1_000
"""Longest message, in characters."""
_LOGGED_HEADERS = {  # field -> header and the characters to keep; the platform's own ids have at most 64
    "inference_id": ("x-amzn-sagemaker-inference-id", 64),
    "target_model": ("x-amzn-sagemaker-target-model", 256),
    "target_variant": ("x-amzn-sagemaker-target-variant", 64),
    "content_type": ("content-type", 100),
}


class Formatter(logging.Formatter):
    """Formats a record of Python's logging as a JSON line; its attribute `fields` adds keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its line break."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage()[:_MAX_MESSAGE],
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Logger(GunicornLogger):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's logger without its access log, which `log_response` replaces."""

    def access(self, *arguments: Any) -> None:
        """Do nothing."""


def configuration(level: int) -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`; *level* is one of Python's."""
    quiet = {"level": max(level, logging.INFO), "propagate": True}  # at DEBUG they log every request
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": Formatter}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "root": {"level": level, "handlers": ["out"]},
        "loggers": {"gunicorn.error": quiet, "PIL": quiet},
    }


def log_uncaught_errors() -> None:
    """Log warnings and uncaught errors instead of printing them."""
    logging.captureWarnings(True)
    sys.excepthook = lambda *error: _log.critical("uncaught error", exc_info=error)
    threading.excepthook = lambda error: _log.critical(
        "uncaught error in a thread",
        exc_info=(error.exc_type, error.exc_value or error.exc_type(), error.exc_traceback),
    )


def log_response(method: str, path: str, headers: Mapping[str, str], record: Record, seconds: float) -> None:
    """Log a response: at DEBUG, or with its reason at WARNING (4xx) or ERROR (5xx).

    Args:
        method: of the request.
        path: of the request, without the query.
        headers: of the request, names in lower case.
        record: sizes, times and the reason of a refusal.
        seconds: from the arrival of the request to the end of the response.
    """
    status = record.status
    level = logging.DEBUG if status < 400 else logging.WARNING if status < 500 else logging.ERROR
    if not _log.isEnabledFor(level):  # a line costs as much as a run of a small network
        return
    fields = {
        "request": _printable(f"{method} {path}", 200),
        "status": status,
        **{
            name: _printable(headers[header], max_length)
            for name, (header, max_length) in _LOGGED_HEADERS.items()
            if headers.get(header)
        },
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "images": record.images,
        "ms": {stage: round(1000 * spent, 3) for stage, spent in {**record.seconds, "total": seconds}.items()},
    }
    _log.log(level, "%s", record.reason or "answered", exc_info=record.error, extra={"fields": fields})


def _printable(text: str, max_length: int) -> str:
    return re.sub("[^ -~]", "?", text[:max_length])
