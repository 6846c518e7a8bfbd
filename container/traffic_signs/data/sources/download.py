"""Download of the public GTSRB archives, with progress bar, resumption and checksums."""

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
# As torchvision and others publish them. MD5 detects damage here, not manipulation.
MD5 = {
    "GTSRB_Final_Training_Images.zip": "f33fd80ac59bff73c82d25ab499e03a3",
    "GTSRB_Final_Test_Images.zip": "c7e4e6327067d32654124b0fe9e82185",
    "GTSRB_Final_Test_GT.zip": "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
}
_MAX_RESUMPTIONS = 4
"""How often the transfer of one archive resumes before it fails."""


def download(folder: Path, url: str = URL, checksums: dict[str, str] | None = None) -> None:
    """Download the archives into *folder*, except those that it already has.

    An interrupted transfer resumes up to four times. An archive gets its final name only after its checksum matches.

    Args:
        folder: destination; created if it is missing.
        url: URL of the folder on the server.
        checksums: MD5 in hex by file name; GTSRB's by default.

    Raises:
        DataError: the server does not answer, the transfer is interrupted again and again, or an archive is damaged.
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
                raise DataError(f"{url}/{name}: {error}; run the command again to resume the download") from error
            with partial.open("rb") as stream:
                found = hashlib.file_digest(stream, "md5").hexdigest()
            if found != checksum:
                partial.unlink()
                raise DataError(f"{url}/{name} is damaged: MD5 {found}, expected {checksum}; run the command again")
            partial.replace(path)


def _fetch(session: requests.Session, url: str, partial: Path) -> None:
    for _ in range(_MAX_RESUMPTIONS):
        with contextlib.suppress(HTTPError):  # the body was interrupted, which the session does not retry
            return _transfer(session, url, partial)
    return _transfer(session, url, partial)


def _transfer(session: requests.Session, url: str, partial: Path) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={start}-", "Accept-Encoding": "identity"} if start else {}
    with session.get(url, headers=headers, stream=True, timeout=60) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # the partial file is complete already; the checksum verifies it
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        size = int(response.headers.get("Content-Length", 0))
        with (
            partial.open("ab" if resumed else "wb") as stream,
            wrap_file(cast("BinaryIO", response.raw), size, description=partial.stem) as reader,
        ):
            while chunk := reader.read(1 << 20):
                stream.write(chunk)
