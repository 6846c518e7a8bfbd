"""Waiting for AWS: polls a resource until its status is final.

describe() every ten seconds -> status line -> the last description
"""

import time
from collections.abc import Callable, Container
from typing import Any

from scripts import dry_run

_POLL_SECONDS = 10


def wait_until_final(
    name: str,
    describe: Callable[[], dict[str, Any]],
    key: str,
    pending: Container[str],
    details: Callable[[dict[str, Any]], str] = lambda _: "",
) -> dict[str, Any]:
    """Poll until the status is none of *pending*; show it on one line meanwhile. A dry run does not wait.

    Args:
        name: The resource's name, for the status line.
        describe: Calls AWS; returns its description.
        key: Key of the status in the description.
        pending: Statuses to wait out.
        details: Description -> what else the status line says.

    Returns:
        The last description.
    """
    from rich.console import Console

    start = time.monotonic()
    with Console().status(name) as line:
        while (description := describe())[key] in pending and not dry_run.is_on():
            words = (f"{name}: {description[key]}", details(description), f"{time.monotonic() - start:.0f} s")
            line.update(", ".join(filter(None, words)))
            time.sleep(_POLL_SECONDS)
    return description
