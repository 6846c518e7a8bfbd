"""What all plots have in common: one style, a figure that becomes a PNG, and a bound on what many classes take.

Up to MOST_CLASSES a plot has a row or a column with its name for every class and grows with them; beyond, it keeps
its size, because nobody reads so many names, and pixels would grow by the square of the classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

MOST_CLASSES = 100
"""Classes that are named in one plot."""
_STYLE: dict[Any, Any] = {  # Matplotlib types each name on its own
    "axes.edgecolor": "#7b8794",
    "axes.labelcolor": "#3e4c59",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.color": "#e4e7eb",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar in the name of a class is no formula
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
}


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Hand out a figure of *width* x *height* inches and write it to the PNG at *path*."""
    with mpl.rc_context(_STYLE):
        drawn = Figure(figsize=(width, height), layout="constrained")
        yield drawn
        drawn.savefig(path, dpi=144)


def short(name: str) -> str:
    """Return the name of a class, cut to 44 characters."""
    return name if len(name) <= 44 else name[:43] + "…"
