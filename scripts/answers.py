"""An endpoint's answers on the screen: a line for each image."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def show(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Print each image's name and its prediction, as `endpoint.predictions` returns it."""
    table = Table("image", "predicted sign", "class", "probability")
    for name, answer in rows:
        table.add_row(name, answer["name"], str(answer["class_id"]), f"{answer['probability']:.1%}")
    Console().print(table)
