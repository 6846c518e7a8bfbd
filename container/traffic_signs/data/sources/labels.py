"""Class id -> name of the sign. The 43 German signs are data: gtsrb_labels.txt, one per line."""

from functools import cache
from importlib.resources import files


@cache
def gtsrb() -> tuple[str, ...]:
    """Return the names of the 43 GTSRB classes, in the order of their ids."""
    text = files("traffic_signs.data.sources").joinpath("gtsrb_labels.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
