"""Decompression bombs: image files that take long to decode; kind -> size in bytes -> file."""

import struct
import zlib
from collections.abc import Callable

from tests.support.bodies import PIXELS
from tests.support.helpers import encoded

_GRAY = PIXELS[0, ..., 0]
_PNG, _JPEG, _GIF = (encoded(_GRAY, kind) for kind in ("PNG", "JPEG", "GIF"))

_GIF_HEADER = 13 + 3 * 256
"""Bytes of a GIF's header and palette."""


def _segment(kind: int, content: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(content) + 2) + content


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _filled(start: bytes, unit: bytes, end: bytes, size: int) -> bytes:
    return start + unit * max(0, (size - len(start) - len(end)) // len(unit)) + end


def jpeg_of_scans(size: int, width: int = 8_000, height: int = 4_000) -> bytes:
    """Return a progressive JPEG of black scans: runs of 32,767 blocks that end, 2 bytes each (ITU-T T.81, G.1.2.2)."""
    blocks = -(-width // 8) * -(-height // 8)
    tables = _segment(0xDB, b"\0" + b"\1" * 64) + _segment(
        0xC4, b"\0\1" + bytes(15) + b"\0\x10\0\2" + bytes(14) + b"\xe0\0"
    )
    frame = _segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    first = _segment(0xDA, b"\1\1\0\0\0\0") + bytes(blocks // 8 + 1)
    run = b"\x3f\xff\0" * -(-blocks // 32_767)  # code 00 and 14 ones; FF is stuffed with 00
    scan = _segment(0xDA, b"\1\1\0\1\x3f\0") + run
    return _filled(b"\xff\xd8" + tables + frame + first, scan, b"\xff\xd9", size)


def _png(unit: bytes, size: int) -> bytes:
    header = 8 + 12 + 13
    return _filled(_PNG[:header], unit, _PNG[header:], size)


def _bmp(width: int, runs: bytes) -> bytes:
    """Return a BMP of one line with the run lengths *runs*."""
    info = struct.pack("<IiiHHIIiiII", 40, width, 1, 1, 8, 1, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(runs), 0, 0, 54 + 1024) + info + bytes(1024) + runs


def _ppm(kind: bytes, pixel: bytes, size: int) -> bytes:
    side = max(1, int((size / len(pixel)) ** 0.5))
    return b"%b %d %d 100\n" % (kind, side, side) + pixel * (side * side)


def tiff_of_a_tile(size: int) -> bytes:
    """Return a TIFF of 32 x 32 pixels in one deflated tile of 1,000 x *size* bytes, at most 30 MB."""
    side = int(min(size * 1000, 30_000_000) ** 0.5) // 16 * 16 + 16
    packer = zlib.compressobj(1)
    tile = b"".join(packer.compress(bytes(side)) for _ in range(side)) + packer.flush()
    tags = {256: 32, 257: 32, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8, 325: len(tile)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", 8 + len(tile)) + tile + struct.pack("<H", len(tags)) + entries + bytes(4)


BOMBS: dict[str, Callable[[int], bytes]] = {
    "JPEG of scans": jpeg_of_scans,
    "JPEG of empty segments": lambda size: _filled(_JPEG[:2], _segment(0xE5, b""), _JPEG[2:], size),
    "JPEG of EXIF": lambda size: _filled(_JPEG[:2], _segment(0xE1, b"Exif\0\0MM\0*"), _JPEG[2:], size),
    "JPEG of fill bytes": lambda size: _filled(_JPEG[:2], b"\xff", _JPEG[2:], size),
    "PNG of empty chunks": lambda size: _png(_chunk(b"prVt", b""), size),
    "PNG of empty data": lambda size: _png(_chunk(b"IDAT", b""), size),
    "PNG of colour profiles": lambda size: _png(_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000), 9)), size),
    "GIF of comments": lambda size: _filled(_GIF[:_GIF_HEADER], b"!\xfe\0", _GIF[_GIF_HEADER:], size),
    "GIF of nothing": lambda size: _filled(_GIF[:_GIF_HEADER], b"\0", _GIF[_GIF_HEADER:], size),
    "BMP of runs": lambda size: _bmp(size // 2, b"\1\5" * (size // 2)),
    "BMP of a long line": lambda size: _bmp(size, b"\1\5\0\0\0\1"),
    "PGM of few shades": lambda size: _ppm(b"P5", b"\1", size),
    "PPM as text": lambda size: _ppm(b"P3", b"1 2 3 ", size),
    "PGM of comments": lambda size: _filled(b"P5 ", b"#\n", b"32 32 255\n" + bytes(1024), size),
    "TIFF of a tile": tiff_of_a_tile,
}
