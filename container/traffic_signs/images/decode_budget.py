"""What decoding the images of one request may take: pixels, what a pixel costs, CPU time.

A file of 25 MB can ask for minutes or gigabytes in each of these; every bound is many times what real images need.
"""

import io
import time

from PIL.ImageFile import ImageFile

from traffic_signs.errors import ImageError

_MAX_FILES_TOGETHER = 10_000
"""The tiniest cost more time than bytes."""
_MAX_PIXELS_TOGETHER = 128_000_000
_MAX_COST_TOGETHER = 2_000_000_000
"""Pixels times what decoding one costs: in a JPEG the number of its scans, as 24 bytes may pass over all pixels."""
_PYTHON_COST = 2_000
_IN_PYTHON = frozenset({"bmp_rle", "ppm", "ppm_plain"})
"""Pillow's decoders that are a loop in Python: run lengths in BMP, PNM as text or with a maximum other than 255."""
_MAX_SECONDS_TOGETHER = 3.0
"""CPU time after which no more is read: Pillow parses in Python, and a flood of empty chunks takes it minutes."""
_SMALL = 64 * 1024
"""Bytes that are not worth a look at the clock."""


def cost(image: ImageFile, data: bytes) -> int:
    """Return what decoding a pixel costs, 1 as a rule."""
    codec = image.tile[0].codec_name if image.tile else ""
    if codec == "jpeg":
        return data.count(b"\xff\xda")  # the start of a scan; in one, FF comes before 00 or a restart only
    return _PYTHON_COST if codec in _IN_PYTHON else 1


class Budget:
    """What the images of one request may take together."""

    def __init__(self, times: float = 1) -> None:
        """Allow *times* as much as a request of the usual limit, 25 MB, may take."""
        self.max_files = int(times * _MAX_FILES_TOGETHER)
        self._max_pixels = int(times * _MAX_PIXELS_TOGETHER)
        self._max_seconds = times * _MAX_SECONDS_TOGETHER
        self._files = 0
        self._pixels = self._max_pixels
        self._cost = int(times * _MAX_COST_TOGETHER)
        self._bytes = 0
        self._end: float | None = None

    def add(self, files: int) -> None:
        """Count so many files more, before the first of them is decoded."""
        self._files += files
        if self._files > self.max_files:
            raise ImageError(f"{self._files:,} encoded images; at most {self.max_files:,} are read at once")

    def spend(self, pixels: int, cost: int) -> None:
        """Take off an image, before its pixels are decoded."""
        self._pixels -= pixels
        self._cost -= pixels * cost
        if self._pixels < 0:
            raise ImageError(f"at most {self._max_pixels:,} pixels are read at once")
        if self._cost < 0:
            raise ImageError(f"{pixels:,} pixels that cost {cost:,} times as much to decode as others")

    def look_at_the_clock(self) -> None:
        """Raise an error if the time is over; it begins with the first look."""
        now = time.thread_time()
        self._end = self._end or now + self._max_seconds
        if now > self._end:
            raise ImageError(f"reading takes more than {self._max_seconds:g} s of CPU time")

    def file(self, data: bytes) -> io.BytesIO:
        """Return *data* to read from."""
        self._bytes += len(data)
        if self._bytes < _SMALL:
            return io.BytesIO(data)
        self.look_at_the_clock()
        return _File(data, self)


class _File(io.BytesIO):
    """A file of which nothing more is read when the time is over."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        super().__init__(data)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.BytesIO` does."""
        self._budget.look_at_the_clock()
        return super().read(size)
