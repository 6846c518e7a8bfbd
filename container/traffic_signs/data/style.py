"""Shared plot style: Matplotlib settings, a figure that is written as PNG, and a limit on named classes.

Up to MAX_NAMED_CLASSES a plot names every class in a row or column of its own, and grows with them. Beyond that its
size is fixed: so many names are unreadable, and the pixels would grow with the square of the classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

MAX_NAMED_CLASSES = 100
"""Most classes that one plot names."""
_STYLE: dict[Any, Any] = {  # Matplotlib types each key separately
    "axes.edgecolor": "#7b8794",
    "axes.labelcolor": "#3e4c59",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.color": "#e4e7eb",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a class name starts no formula
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
}


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield a figure of *width* x *height* inches, then write it to *path* as PNG."""
    with mpl.rc_context(_STYLE):
        new_figure = Figure(figsize=(width, height), dpi=144, layout="constrained")
        yield new_figure
        # savefig would draw all of it twice
        FigureCanvasAgg(new_figure).print_png(path)  # type: ignore[no-untyped-call] # Matplotlib gives it no types


def shorten(name: str) -> str:
    """Return a class name, truncated to 44 characters."""
    return name if len(name) <= 44 else name[:43] + "…"
