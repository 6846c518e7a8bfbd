"""Names of the 43 GTSRB classes, from gtsrb_labels.txt: a line for each class id."""

from functools import cache
from importlib.resources import files


@cache
def gtsrb() -> tuple[str, ...]:
    """Return the names of the 43 GTSRB classes, in the order of their ids."""
    text = files("traffic_signs.data.sources").joinpath("gtsrb_labels.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
