"""Views of an endpoint's answers: a table with a row for each image, and a picture of all images."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_CELL_INCHES = (1.5, 1.9)
"""Width and height: a square image with two lines above it."""


def show(rows: Iterable[tuple[str, Mapping[str, Any]]], max_rows: int | None = None) -> None:
    """Print each image's name and prediction.

    Args:
        rows: Name and prediction of each image, as `endpoint.predictions` returns it.
        max_rows: Print only so many rows, those with the lowest probabilities; None: print all, in order.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    title = None
    if max_rows is not None and max_rows < len(rows):
        title = f"the {max_rows} least certain of {len(rows)} images"
        rows = sorted(rows, key=lambda row: row[1]["probability"])[:max_rows]
    table = Table("image", "predicted sign", "class", "probability", title=title)
    for name, answer in rows:  # Text, because brackets in a name are not markup
        table.add_row(Text(name), Text(answer["name"]), str(answer["class_id"]), f"{answer['probability']:.1%}")
    Console().print(table)


def draw(files: Sequence[Path], answers: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw each image below its prediction; write the PNG *path*, and create its folder if it is missing."""
    import matplotlib as mpl
    import numpy as np
    from matplotlib.figure import Figure
    from PIL import Image

    columns = min(9, len(files))
    rows = math.ceil(len(files) / columns)
    width, height = _CELL_INCHES
    with mpl.rc_context({"text.parse_math": False}):  # a dollar in a class name would start a formula
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.axis("off")
        for axis, file, answer in zip(axes, files, answers, strict=False):
            with Image.open(file) as image:
                if image.mode.startswith("I"):  # 16-bit pixels, which convert() would clip
                    axis.imshow(np.asarray(image), "gray", vmin=0, vmax=65_535)
                else:
                    axis.imshow(image.convert("RGB"))
            name = answer["name"] if len(answer["name"]) <= 24 else answer["name"][:23] + "…"
            axis.set_title(f"{name}\n{answer['probability']:.0%}", fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
