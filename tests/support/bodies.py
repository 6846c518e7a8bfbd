"""Request bodies in every supported format."""

import base64
import io
import json
import struct
import zipfile

import numpy as np

from tests.support.helpers import encoded

PIXELS = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 1), dtype=np.uint8)
RGB = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
NPY, JSON, NPZ, CSV = "application/x-npy", "application/json", "application/x-npz", "text/csv"
LINES, FORM = "application/jsonlines", "multipart/form-data"


def b64(image: np.ndarray) -> dict[str, str]:
    return {"b64": base64.b64encode(encoded(image.squeeze(), "PNG")).decode()}


def lines(records: list[object]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def csv(array: np.ndarray) -> bytes:
    return b"".join(json.dumps(image.ravel().tolist())[1:-1].encode() + b"\r\n" for image in array)


def npz(array: np.ndarray, *, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, images=array)
    return stream.getvalue()


def form(*files: bytes, disposition: str = 'name="image"; filename="a.png"') -> bytes:
    head = f"--B\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: image/png\r\n\r\n".encode()
    return b"".join(head + file + b"\r\n" for file in files) + b"--B--\r\n"


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(
                zipfile.ZipInfo(name), content, kind
            )  # without a date, so that the bytes are always the same
    return stream.getvalue()


def npy_header(shape: str, dtype: str = "'|u1'") -> bytes:
    """Return a .npy header with any *shape* and *dtype*, even false ones."""
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
