"""Downloads from a real server on this machine that knows byte ranges."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response, request, send_file
from werkzeug.serving import make_server

from tests.support.helpers import free_port
from traffic_signs.data.sources.download import download
from traffic_signs.errors import DataError

CONTENT = bytes(range(256)) * 8000
NAME = "signs.zip"
SUMS = {NAME: hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str | None]]]:
    """A server of one file; returns its URL and the Range header of each request.

    Below /cut it closes the connection after 1.5 MB of each answer, below /mute after none.
    """
    (tmp_path / "served").write_bytes(CONTENT)
    app, ranges = Flask("files"), []

    @app.get(f"/{NAME}")
    @app.get(f"/<cut>/{NAME}")
    def file(cut: str = "") -> Response:
        ranges.append(request.headers.get("Range"))
        answer = send_file(tmp_path / "served", conditional=True)
        if cut:
            size = answer.content_length
            answer.direct_passthrough = False
            answer.set_data(answer.get_data()[: 1_500_000 if cut == "cut" else 0])
            answer.content_length = size
        return answer

    http = make_server("127.0.0.1", free_port(), app, threaded=True)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.port}", ranges
    http.shutdown()


def test_a_broken_transfer_resumes_where_it_ended(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    url, ranges = server
    target = tmp_path / "to"
    target.mkdir()
    (target / f"{NAME}.partial").write_bytes(CONTENT[:1_000_000])
    download(target, url, SUMS)
    assert (target / NAME).read_bytes() == CONTENT
    assert ranges == ["bytes=1000000-"]
    download(target, url, SUMS)
    assert len(ranges) == 1


def test_a_complete_download_that_was_not_renamed_is_kept(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.partial").write_bytes(CONTENT)
    download(tmp_path, server[0], SUMS)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_damaged_file_is_reported_and_not_kept(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.partial").write_bytes(b"x" * 1000)
    with pytest.raises(DataError, match="is damaged"):
        download(tmp_path, server[0], SUMS)
    assert not list(tmp_path.glob(f"{NAME}*"))
    download(tmp_path, server[0], SUMS)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_file_that_the_server_lacks_is_reported_with_404(
    server: tuple[str, list[str | None]], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="404"):
        download(tmp_path, server[0], {"other.zip": "0"})


def test_a_transfer_that_breaks_off_is_resumed(server: tuple[str, list[str | None]], tmp_path: Path) -> None:
    download(tmp_path, f"{server[0]}/cut", SUMS)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert server[1] == [None, "bytes=1500000-"]


def test_a_server_that_only_closes_the_connection_is_reported(
    server: tuple[str, list[str | None]], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"/mute/signs\.zip: .*; run the command again to resume the download"):
        download(tmp_path, f"{server[0]}/mute", SUMS)
