"""Decoder of NumPy's files, which trusts nothing that they state about themselves.

`numpy.load` unpickles if allowed, and allocates what a header asks for before it reads the data; `zipfile` unpacks
without a limit. Both are used only for what is safe in them.
"""

import io
import math
import zipfile
from functools import lru_cache

import numpy as np
from numpy.lib import format as npy

from traffic_signs.errors import RequestError, TooLargeError

_MAX_DIMENSIONS = 4
_MAX_MEMBERS = 100
_MEMBER = b"PK\1\2"
"""Signature of a member in the directory of a zip file."""
_MAX_HEADER = 10_000
"""Bytes, NumPy's own limit: a header is parsed as Python source, which takes time and stack."""


def read_npy(body: bytes) -> np.ndarray:
    """Read a .npy file with 1 to 4 dimensions of numbers; the array is a view of *body*.

    Raises:
        RequestError: not a .npy file, not numbers, or the sizes in the header do not match the number of bytes.
    """
    wide = body[6:7] != b"\x01"  # version 1 has 2 bytes for the header's length, 2 and 3 have 4
    start = 12 if wide else 10
    end = start + int.from_bytes(body[8:start], "little")
    if end - start > _MAX_HEADER:
        raise RequestError(f"the body is not a .npy file: a header of {end - start} bytes")
    shape, fortran_order, dtype = _header(body[:end])
    data = memoryview(body)[end:]
    if math.prod(shape) * dtype.itemsize != len(data):
        raise RequestError(f"the header says {list(shape)} of {dtype}, but {len(data)} bytes follow")
    if not data:
        raise RequestError("no images: N is 0")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


def read_npz(body: bytes, limit: int) -> np.ndarray:
    """Read the only array of a .npz file, stored or deflated, as `numpy.savez` and `savez_compressed` write it.

    Raises:
        TooLargeError: it has more than *limit* bytes once unpacked.
        RequestError: not a zip file, not exactly one member, or one that `read_npy` refuses.
    """
    if _count_members(body) > _MAX_MEMBERS:  # before zipfile makes an object of each of up to a million
        raise RequestError(f"the .npz file has more than {_MAX_MEMBERS} arrays; send one")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            infos = archive.infolist()
            if len(infos) != 1:
                raise RequestError(f"the .npz file has {len(infos)} arrays; send one")
            if infos[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RequestError("the array is neither stored nor deflated")
            with archive.open(infos[0]) as member:
                content = member.read(limit + 1)
    except RequestError:
        raise
    except Exception as error:  # zipfile raises many types on malicious bytes
        raise RequestError(f"the body is not a .npz file: {str(error)[:200]}") from error
    if len(content) > limit:
        raise TooLargeError(limit)
    return read_npy(content)


def _count_members(body: bytes) -> int:
    """Return the most members that zipfile can find in *body*: as many as there are signatures in its directory.

    Where that is, is certain only for an archive that ends as NumPy writes it, without a comment and without the
    records of a huge archive. Of any other, the signatures in all of its bytes count.
    """
    count = body.count(_MEMBER)
    end = len(body) - 22
    if count <= _MAX_MEMBERS or end < 20 or body[end : end + 4] != b"PK\5\6" or body[end + 20 :] != b"\0\0":
        return count
    if body[end - 20 : end - 16] == b"PK\6\7":
        return count
    size = int.from_bytes(body[end + 12 : end + 16], "little")
    return body.count(_MEMBER, max(0, end - size), end)


@lru_cache(maxsize=64)  # clients send the same header again and again, and parsing it takes longest
def _header(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Parse magic string, version and header; return (shape, Fortran order, dtype)."""
    stream = io.BytesIO(header)
    try:
        version = npy.read_magic(stream)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"version {version}")
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = reader(stream, max_header_size=_MAX_HEADER)
    except Exception as error:  # Python's parser raises many types on malicious bytes
        raise RequestError(f"the body is not a .npy file: {str(error)[:200]}") from error
    if dtype.hasobject:
        raise RequestError("the array holds Python objects (a pickle), which are never loaded; send uint8")
    if dtype.kind not in "uif":
        raise RequestError(f"pixels of dtype {str(dtype)[:100]}; expected uint8")
    if len(shape) > _MAX_DIMENSIONS or any(type(size) is not int or not 0 <= size < 2**62 for size in shape):
        raise RequestError("the shape in the header is not a shape of images")
    return shape, fortran_order, dtype
