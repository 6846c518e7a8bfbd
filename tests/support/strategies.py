"""Strategies for hypothesis: pixels, photos, and request bodies in every numeric format."""

import gzip

import numpy as np
from hypothesis import strategies as st

from tests.support.bodies import CSV, JSON, LINES, NPY, NPZ, csv, lines, npz
from tests.support.helpers import encoded, instances, npy

FORMATS = {
    NPY: npy,
    NPZ: lambda pixels: npz(pixels, compressed=True),
    JSON: instances,
    LINES: lambda pixels: lines(pixels.tolist()),
    CSV: csv,
}
"""uint8 [N, 32, 32, 1] -> a body of that content type."""
PNG = encoded(np.zeros((3, 5, 3), np.uint8), "PNG")
LOSSLESS = {"PNG": {}, "PPM": {}, "BMP": {}, "WEBP": {"lossless": True}}


def pixels(most: int = 3, channels: int = 1) -> st.SearchStrategy[np.ndarray]:
    """Draw uint8 [N, 32, 32, channels], N from 1 to *most*."""
    size = 32 * 32 * channels
    content = st.integers(1, most).flatmap(lambda number: st.binary(min_size=number * size, max_size=number * size))
    return content.map(lambda text: np.frombuffer(text, np.uint8).reshape(-1, 32, 32, channels))


@st.composite
def photos(draw: st.DrawFn, most: int = 40) -> np.ndarray:
    """Draw uint8 [H, W, 3], H and W from 1 to *most*."""
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    content = draw(st.binary(min_size=3 * height * width, max_size=3 * height * width))
    return np.frombuffer(content, np.uint8).reshape(height, width, 3)


def packed(body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)
