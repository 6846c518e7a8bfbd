"""Small trees of images and lists, as people have them."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from traffic_signs.data import reading
from traffic_signs.data.sources.discovery import Source


def image(gray: int = 1, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    """A colour image whose left half has one gray value, and the right half twice that."""
    picture = Image.new("RGB", size, (gray, gray, gray))
    picture.paste((2 * gray, 2 * gray, 2 * gray), (size[0] // 2, 0, *size))
    stream = io.BytesIO()
    picture.save(stream, kind)
    return stream.getvalue()


def build(folder: Path, files: Mapping[str, Any]) -> Path:
    """Write *files* by their path: bytes and text as they are, other values as JSON."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def images(*names: str) -> dict[str, Any]:
    return {name: image(number, kind="JPEG" if name.endswith("jpg") else "PNG") for number, name in enumerate(names, 1)}


def listed(source: Source) -> dict[str, list[tuple[str, str]]]:
    """Name and class of the images of each part that has some."""
    parts = {"training": source.training, "validation": source.validation, "test": source.test}
    return {
        part: [(sample.name, source.names[sample.label]) for sample in samples]
        for part, samples in parts.items()
        if samples
    }


def found(path: Path) -> dict[str, list[tuple[str, str]]]:
    return listed(reading.find(path))
