"""Decoder of multipart/form-data: a body -> the files in it, in their order."""

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from traffic_signs.errors import RequestError

_CHUNK_BYTES = 64 * 1024
"""Bytes passed on at a time: Werkzeug searches all that it has been given for the end of a part."""
_MAX_NAME_CHARACTERS = 2 * 1024 * 1024
"""Limit of all parts' names and the like: Werkzeug parses them in Python, a microsecond for each character."""


def read(body: bytes, boundary: str, max_files: int) -> list[bytes]:
    """Return the content of every file of the form, whatever the name and type of its field.

    `Request.files` groups by name, which loses the order, and may write to disk.

    Raises:
        RequestError: not a form, a field that is not a file, no files, or too many.
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
        raise RequestError("the form has no files")
    return [bytes(file) for file in files]


def _collect_files(decoder: MultipartDecoder, files: list[bytearray]) -> int:
    """Append the files that the decoder has ready to *files*; return the number of characters of their names."""
    names = 0
    while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
        if isinstance(event, Field):
            name = repr(str(event.name)[:50])
            raise RequestError(f"the form's field {name} is not a file; send images as files", (name,))
        if isinstance(event, File):
            files.append(bytearray())
            names += len(event.headers["Content-Disposition"])
        elif isinstance(event, Data):
            files[-1] += event.data
    return names
