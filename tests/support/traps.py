"""Jobs that end in ways that the toolkit handles wrongly; test_toolkit runs them through `train`."""

import sys
from typing import NoReturn

from traffic_signs.training import main


def _run(body: object) -> None:
    main._run_built_in_program = body  # type: ignore[assignment] # noqa: SLF001 # replaces the job, to test the code around it
    main.main()


def leaves() -> None:
    def body() -> NoReturn:
        sys.exit(2)

    _run(body)


def fails_without_a_number() -> None:
    def body() -> NoReturn:
        raise OSError("disk says no")

    _run(body)


def fails_with_a_number() -> None:
    def body() -> NoReturn:
        raise FileNotFoundError(2, "not here", "weights")

    _run(body)


def fails_far_down() -> None:
    def body(depth: int = 60) -> NoReturn:
        if depth:
            body(depth - 1)
        raise ValueError("the reason itself")

    _run(body)
