"""Until AWS has made up its mind: the state of what was started, on one line, until it settles.

describe() every ten seconds -> status line -> the last description
"""

import time
from collections.abc import Callable, Container
from typing import Any

from rich.console import Console

_POLL_SECONDS = 10


def settled(name: str, describe: Callable[[], dict[str, Any]], key: str, pending: Container[str]) -> dict[str, Any]:
    """Ask until the status is none of *pending*.

    Args:
        name: What is waited for, as people know it.
        describe: Asks AWS.
        key: Where its answer has the status.
        pending: Statuses that are not the last.

    Returns:
        The last answer.
    """
    start = time.monotonic()
    with Console().status(name) as line:
        while (description := describe())[key] in pending:
            line.update(f"{name}: {description[key]}, {time.monotonic() - start:.0f} s")
            time.sleep(_POLL_SECONDS)
    return description
