"""Synthetic German traffic signs, drawn with Pillow: a data set without a download.

    signs.json (plates and strokes) -> a flat sign, RGBA -> tilted, lit, blurred in a scene -> PPM

The files have GTSRB's official layout, so the rest of the program treats them alike. A track shows
one sign in one place, and its frames come nearer, as in GTSRB.
"""

import csv
import io
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from rich.progress import Progress

from traffic_signs.data.sources import labels

_COLOURS = {
    "black": (20, 20, 22),
    "white": (240, 240, 236),
    "red": (190, 22, 34),
    "blue": (10, 78, 160),
    "yellow": (248, 190, 10),
    "green": (20, 140, 70),
    "grey": (120, 122, 124),
}
_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "triangle": [(0, -0.98), (1.0, 0.76), (-1.0, 0.76)],
    "inverted triangle": [(0, 0.98), (1.0, -0.76), (-1.0, -0.76)],
    "octagon": [(0.41, -1), (1, -0.41), (1, 0.41), (0.41, 1), (-0.41, 1), (-1, 0.41), (-1, -0.41), (-0.41, -1)],
    "diamond": [(0, -1), (1, 0), (0, 1), (-1, 0)],
}
_SIDE = 128
"""Side of a drawn sign in pixels, before it is placed in a scene."""


def write(folder: Path, seed: int, tracks: int = 24, frames: int = 5, tests: int = 24) -> None:
    """Draw a data set in GTSRB's official layout into *folder*, unless it is there already.

    Args:
        folder: destination of GTSRB/Final_Training/Images, GTSRB/Final_Test/Images and the test labels.
        seed: the same seed gives the same bytes.
        tracks: signs per class in the training part, each in *frames* images.
        frames: images of one sign.
        tests: test images per class, each of another sign.
    """
    recipe = json.dumps({"seed": seed, "tracks": tracks, "frames": frames, "tests": tests})
    done = folder / ".recipe.json"  # hidden, because it is no part of the data set
    if done.exists() and done.read_text(encoding="utf-8") == recipe:
        return
    done.unlink(missing_ok=True)
    classes = len(labels.gtsrb())
    test_folder = folder / "GTSRB" / "Final_Test" / "Images"
    test_folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(seed).permutation(classes * tests)
    test_rows: list[tuple[str, int]] = []
    with Progress() as progress:
        for label in progress.track(range(classes), description="drawing signs"):
            generator = np.random.default_rng([seed, label])
            class_folder = folder / "GTSRB" / "Final_Training" / "Images" / f"{label:05d}"
            class_folder.mkdir(parents=True, exist_ok=True)
            for number in range(tracks):
                for frame, image in enumerate(draw_track(label, generator, frames)):
                    image.save(class_folder / f"{number:05d}_{frame:05d}.ppm")
            for number in range(tests):
                name = f"{order[label * tests + number]:05d}.ppm"
                draw_track(label, generator, 1)[0].save(test_folder / name)
                test_rows.append((name, label))
    table = io.StringIO()
    csv.writer(table, delimiter=";").writerows([("Filename", "ClassId"), *sorted(test_rows)])
    (folder / "GT-final_test.csv").write_text(table.getvalue(), encoding="utf-8")
    done.write_text(recipe, encoding="utf-8")


def draw_track(label: int, generator: np.random.Generator, frames: int) -> list[Image.Image]:
    """Draw one sign of class *label* in one place, in *frames* square RGB images with a side of 18 to 90 pixels."""
    background = _background(generator)
    tilt = generator.uniform(-12, 12)
    corners = generator.uniform(-0.10, 0.10, (4, 2))
    light, contrast = generator.uniform(0.35, 1.25), generator.uniform(0.5, 1.1)
    blur = generator.uniform(0, 1.6)
    shadow = generator.uniform(0, 0.6) if generator.random() < 0.3 else 0.0
    near, far = generator.uniform(45, 90), generator.uniform(18, 30)
    images = []
    for frame in range(frames):
        size = round(far + (near - far) * ((frame + generator.random()) / frames) ** 2)
        place = _coefficients(corners + generator.uniform(-0.04, 0.04, (4, 2)), generator.uniform(1.04, 1.3))
        layer = sign(label).rotate(tilt + generator.normal(0, 1.5), Image.Resampling.BILINEAR)
        layer = layer.transform((_SIDE, _SIDE), Image.Transform.PERSPECTIVE, place, Image.Resampling.BILINEAR)
        scene = background.copy()
        scene.paste(layer, mask=layer)
        if shadow:
            dark = Image.new("L", (_SIDE, _SIDE))
            edge = generator.uniform(0.2, 0.8) * _SIDE
            ImageDraw.Draw(dark).polygon([(0, 0), (edge, 0), (_SIDE - edge, _SIDE), (0, _SIDE)], round(255 * shadow))
            scene.paste(0, mask=dark)
        scene = ImageEnhance.Contrast(ImageEnhance.Brightness(scene).enhance(light)).enhance(contrast)
        scene = scene.resize((size, size), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(blur * size / 48))
        noise = generator.normal(0, 5, (size, size, 1))
        images.append(Image.fromarray((np.asarray(scene) + noise).clip(0, 255).astype(np.uint8)))
    return images


@cache
def sign(label: int) -> Image.Image:
    """Draw the flat sign of class *label*: RGBA, 128 x 128, transparent around the plate."""
    data = _drawings()
    drawing = data["signs"][label]
    plate = data["plates"][drawing["plate"]]
    scale = 4  # drawn larger and then reduced, because Pillow draws lines without antialiasing
    image = Image.new("RGBA", (_SIDE * scale, _SIDE * scale))
    pen = ImageDraw.Draw(image)
    half = _SIDE * scale / 2
    for colour, size in plate["layers"]:
        fill = (*_COLOURS[colour], 255)
        if plate["outline"] == "circle":
            pen.circle((half, half), half * 0.96 * size, fill)
        else:
            points = _OUTLINES[plate["outline"]]
            middle = sum(y for _, y in points) / len(points)
            pen.polygon(
                [(half + half * x * size, half + half * (middle + (y - middle) * size)) for x, y in points], fill
            )
    centre_x, centre_y, reach = (value * half for value in plate["field"])
    for stroke in drawing["strokes"]:
        _stroke(pen, stroke, half + centre_x, half + centre_y, reach)
    return image.resize((_SIDE, _SIDE), Image.Resampling.BOX)


def _stroke(pen: ImageDraw.ImageDraw, stroke: list[Any], x: float, y: float, reach: float) -> None:
    """Draw one entry of signs.json around (x, y); one of its units is *reach* pixels."""
    kind, colour, *values = stroke
    fill = (*_COLOURS[colour], 255)
    if kind == "text":
        font = ImageFont.load_default(values[0] * reach)
        pen.text((x, y), values[1], fill, font, anchor="mm", stroke_width=reach * 0.05)
        return
    width = round(values.pop(0) * reach) if kind in ("line", "arrow", "ring") else 0
    if kind in ("disc", "ring"):
        radius = values[2] * reach
        pen.circle(
            (x + values[0] * reach, y + values[1] * reach), radius, fill if kind == "disc" else None, fill, width
        )
        return
    points = [(x + a * reach, y + b * reach) for a, b in zip(values[::2], values[1::2], strict=True)]
    if kind == "poly":
        pen.polygon(points, fill)
        return
    pen.line(points, fill, width, joint="curve")
    if kind == "arrow":
        tip, direction = np.array(points[-1]), np.subtract(points[-1], points[-2])
        direction = direction / np.linalg.norm(direction)
        across = np.array([-direction[1], direction[0]])
        head = [tip + direction * width, tip - direction * width + across * 1.6 * width]
        pen.polygon([tuple(corner) for corner in [*head, tip - direction * width - across * 1.6 * width]], fill)


def _background(generator: np.random.Generator) -> Image.Image:
    """Draw blotches of sky, leaves and walls: coarse noise, enlarged, with a few straight edges."""
    coarse = generator.integers(3, 9)
    base = generator.integers(30, 220, 3)
    noise = base + generator.normal(0, 40, (coarse, coarse, 1)) + generator.normal(0, 12, (coarse, coarse, 3))
    image = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(generator.integers(0, 4)):
        points = [tuple(point) for point in generator.integers(-40, _SIDE + 40, (2, 2)).tolist()]
        pen.line(points, tuple(generator.integers(0, 255, 3).tolist()), int(generator.integers(2, 22)))
    return image


def _coefficients(offsets: np.ndarray, margin: float) -> list[float]:
    """Return Pillow's eight perspective coefficients, for corners moved by *offsets* [4, 2]."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    target = (corners / margin + offsets) * _SIDE / 2 + _SIDE / 2
    source = corners * _SIDE / 2 + _SIDE / 2
    rows = []
    for (u, v), (x, y) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return [float(value) for value in np.linalg.solve(np.array(rows), source.reshape(-1))]


@cache
def _drawings() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        files("traffic_signs.data.sources").joinpath("signs.json").read_text(encoding="utf-8")
    )
    return data
