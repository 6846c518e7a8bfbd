"""The public GTSRB archives, downloaded with progress, resume and checksum."""

import contextlib
import hashlib
from pathlib import Path
from typing import BinaryIO, cast

import requests
from requests.adapters import HTTPAdapter
from rich.progress import wrap_file
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from traffic_signs.errors import DataError

URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370"
# As torchvision and others publish them; MD5 guards against damage here, not against malice.
MD5 = {
    "GTSRB_Final_Training_Images.zip": "f33fd80ac59bff73c82d25ab499e03a3",
    "GTSRB_Final_Test_Images.zip": "c7e4e6327067d32654124b0fe9e82185",
    "GTSRB_Final_Test_GT.zip": "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
}
_RESUMPTIONS = 4
"""Of one archive, before the user is told."""


def download(folder: Path, url: str = URL, checksums: dict[str, str] | None = None) -> None:
    """Bring the archives into *folder*; those that are there and whole are left alone.

    A transfer that breaks off goes on where it ended, a few times by itself. An archive gets its name only once its
    checksum holds.

    Args:
        folder: where they go; made if it is missing.
        url: the folder on the server.
        checksums: file name -> MD5 in hex; GTSRB's by default.

    Raises:
        DataError: the server does not answer or breaks off again and again, or what it sent is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with requests.Session() as session:
        session.mount("http", HTTPAdapter(max_retries=Retry(5, backoff_factor=0.5, status_forcelist=[500, 502, 503])))
        for name, checksum in (checksums or MD5).items():
            path, partial = folder / name, folder / f"{name}.partial"
            if path.exists():
                continue
            try:
                _fetch(session, f"{url}/{name}", partial)
            except (requests.RequestException, HTTPError) as error:
                raise DataError(f"{url}/{name}: {error}; run it again to go on where it stopped") from error
            with partial.open("rb") as stream:
                found = hashlib.file_digest(stream, "md5").hexdigest()
            if found != checksum:
                partial.unlink()
                raise DataError(f"{url}/{name} is damaged: MD5 {found}, expected {checksum}; run it again")
            partial.replace(path)


def _fetch(session: requests.Session, url: str, partial: Path) -> None:
    for _ in range(_RESUMPTIONS):
        with contextlib.suppress(HTTPError):  # the body broke off, where the session's own retries do not reach
            return _transfer(session, url, partial)
    return _transfer(session, url, partial)


def _transfer(session: requests.Session, url: str, partial: Path) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={start}-", "Accept-Encoding": "identity"} if start else {}
    with session.get(url, headers=headers, stream=True, timeout=60) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # all of it is there already; the checksum decides
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        size = int(response.headers.get("Content-Length", 0))
        with (
            partial.open("ab" if resumed else "wb") as stream,
            wrap_file(cast("BinaryIO", response.raw), size, description=partial.stem) as reader,
        ):
            while chunk := reader.read(1 << 20):
                stream.write(chunk)
