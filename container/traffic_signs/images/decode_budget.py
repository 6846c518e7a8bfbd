"""Limits on decoding the images of one request: files, pixels, cost per pixel, CPU time.

A file of 25 MB can take minutes or gigabytes. Every limit is many times what real images need.
"""

import io
import time

from PIL.ImageFile import ImageFile

from traffic_signs.errors import ImageError

_MAX_FILES = 10_000
"""The smallest files take more time than their bytes suggest."""
_MAX_PIXELS = 128_000_000
_MAX_COST = 2_000_000_000
"""Sum of pixels times their cost. In a JPEG the cost is the number of scans: 24 bytes can add one over all pixels."""
_PYTHON_COST = 2_000
_PYTHON_CODECS = frozenset({"bmp_rle", "ppm", "ppm_plain"})
"""Pillow's decoders that loop in Python: run lengths in BMP, PNM as text or with a maximum other than 255."""
_MAX_CPU_SECONDS = 3.0
"""Pillow parses files in Python, and thousands of empty chunks take it minutes."""
_UNTIMED_BYTES = 64 * 1024
"""Up to this size, reading the clock costs more than it can save."""


def cost(image: ImageFile, data: bytes) -> int:
    """Return the relative cost of decoding a pixel of *image*, read from *data*; 1 for most files."""
    codec = image.tile[0].codec_name if image.tile else ""
    if codec == "jpeg":
        return data.count(b"\xff\xda")  # start of a scan; inside a scan FF comes only before 00 or a restart
    return _PYTHON_COST if codec in _PYTHON_CODECS else 1


class Budget:
    """Remaining limits for the images of one request; each method raises ImageError when one is exceeded."""

    def __init__(self, factor: float = 1) -> None:
        """Set the limits to *factor* times those of a request of the usual limit, 25 MB."""
        self.max_files = int(factor * _MAX_FILES)
        self._max_pixels = int(factor * _MAX_PIXELS)
        self._max_seconds = factor * _MAX_CPU_SECONDS
        self._files = 0
        self._pixels = self._max_pixels
        self._cost = int(factor * _MAX_COST)
        self._bytes = 0
        self._deadline: float | None = None

    def add_files(self, count: int) -> None:
        """Count *count* further files, before the first of them is decoded."""
        self._files += count
        if self._files > self.max_files:
            raise ImageError(f"{self._files:,} encoded images; at most {self.max_files:,} are read at once")

    def charge(self, pixels: int, cost: int) -> None:
        """Subtract an image of so many *pixels*, each of the relative *cost*, before it is decoded."""
        self._pixels -= pixels
        self._cost -= pixels * cost
        if self._pixels < 0:
            raise ImageError(f"the images have too many pixels; at most {self._max_pixels:,} pixels are read at once")
        if self._cost < 0:
            raise ImageError(f"{pixels:,} pixels take {cost:,} times as long to decode as usual; re-encode the image")

    def check_time(self) -> None:
        """Check the CPU time of this thread, which counts from the first check."""
        now = time.thread_time()
        self._deadline = self._deadline or now + self._max_seconds
        if now > self._deadline:
            raise ImageError(f"reading the images takes more than {self._max_seconds:g} s of CPU time")

    def open(self, data: bytes) -> io.BytesIO:
        """Return *data* as a file; reading a large one checks the time."""
        self._bytes += len(data)
        if self._bytes < _UNTIMED_BYTES:
            return io.BytesIO(data)
        self.check_time()
        return _TimedFile(data, self)


class _TimedFile(io.BytesIO):
    """A file whose reads fail when the CPU time is used up."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        super().__init__(data)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        """Check the time, then read as `io.BytesIO` does."""
        self._budget.check_time()
        return super().read(size)
