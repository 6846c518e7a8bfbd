"""A multipart/form-data body -> the files in it, in their order."""

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from traffic_signs.errors import RequestError

_CHUNK_BYTES = 64 * 1024
"""Bytes handed over at once: Werkzeug looks for the end of a part in all that it has been given."""
_MAX_NAME_CHARACTERS = 2 * 1024 * 1024
"""Characters of all parts' names and the like: Werkzeug reads them in Python, a microsecond each."""


def read(body: bytes, boundary: str, max_files: int) -> list[bytes]:
    """Return the content of every file of the form, whatever its field's name and type.

    `Request.files` groups by name, which loses the order, and may write to disk.

    Raises:
        RequestError: no form, a field that is no file, no file at all, or too many.
    """
    files: list[bytearray] = []
    names = 0
    try:
        decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=4 * _CHUNK_BYTES, max_parts=max_files)
        for start in range(0, len(body), _CHUNK_BYTES):
            decoder.receive_data(body[start : start + _CHUNK_BYTES])
            names += _collect_files(decoder, files)
            if names > _MAX_NAME_CHARACTERS:
                raise RequestError(f"the names of the form's parts have more than {_MAX_NAME_CHARACTERS:,} characters")
        decoder.receive_data(None)
        _collect_files(decoder, files)
    except RequestEntityTooLarge as error:
        raise RequestError(f"the form has more than {max_files:,} parts, or one with too long a header") from error
    except ValueError as error:
        raise RequestError(f"the body is not multipart/form-data: {str(error)[:200]}") from error
    if not files:
        raise RequestError("the form holds no files")
    return [bytes(file) for file in files]


def _collect_files(decoder: MultipartDecoder, files: list[bytearray]) -> int:
    """Add to *files* what the decoder has ready; return the characters of the names that came with it."""
    names = 0
    while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
        if isinstance(event, Field):
            raise RequestError(f"the form's field {str(event.name)[:50]!r} is no file; send images as files")
        if isinstance(event, File):
            files.append(bytearray())
            names += len(event.headers["Content-Disposition"])
        elif isinstance(event, Data):
            files[-1] += event.data
    return names
