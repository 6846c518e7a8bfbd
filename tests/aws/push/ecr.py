"""ECR on this machine: moto as AWS, and a real registry under the ECR host name of moto's account.

The engine and `requests` access it as they would ECR: by name, with TLS and login.
"""

import contextlib
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests

from tests.support.helpers import free_port
from tests.support.waiting import wait_until

ACCOUNT = "123456789012"  # moto's own
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
PASSWORD = f"{ACCOUNT}-auth-token"
_HOSTS = Path("/etc/hosts")
_CERTIFICATES = Path("/etc/docker/certs.d") / HOST


@dataclass(frozen=True)
class Registry:
    """A registry at HOST, and its certificate."""

    certificate: Path

    def put_image(self, repository: str, tag: str, kind: str, architecture: str = "amd64") -> str:
        """Store an image without layers, with media types of *kind*, "docker" or "oci"; return its digest."""
        whole, part = {
            "docker": ("docker.distribution.manifest.v2", "docker.container.image.v1"),
            "oci": ("oci.image.manifest.v1", "oci.image.config.v1"),
        }[kind]
        body = json.dumps({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}})
        blob = self._put_blob(repository, body)
        config = {"mediaType": f"application/vnd.{part}+json", "size": len(body), "digest": blob}
        manifest = {"schemaVersion": 2, "mediaType": f"application/vnd.{whole}+json", "config": config, "layers": []}
        return self.put_manifest(repository, tag, manifest)

    def put_manifest(self, repository: str, tag: str, manifest: dict[str, Any]) -> str:
        answer = self.request(
            "PUT", f"{repository}/manifests/{tag}", json.dumps(manifest), {"Content-Type": manifest["mediaType"]}
        )
        return str(answer.headers["Docker-Content-Digest"])

    def request(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        url = path if path.startswith("https://") else f"https://{HOST}/v2/{path}"
        answer = requests.request(
            method, url, data=body, headers=headers, auth=("AWS", PASSWORD), verify=str(self.certificate), timeout=30
        )
        answer.raise_for_status()
        return answer

    def _put_blob(self, repository: str, body: str) -> str:
        digest = f"sha256:{hashlib.sha256(body.encode()).hexdigest()}"
        where = self.request("POST", f"{repository}/blobs/uploads/").headers["Location"]
        self.request("PUT", f"{where}&digest={digest}", body, {"Content-Type": "application/octet-stream"})
        return digest


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """Run a registry at HOST with its files in *folder*; skip the test where that is impossible."""
    if shutil.which("docker-registry") is None or shutil.which("openssl") is None:
        pytest.skip("needs the programs docker-registry and openssl")
    if not os.access(_HOSTS, os.W_OK):
        pytest.skip("needs root, for /etc/hosts and port 443")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 443))
        except OSError as error:
            pytest.skip(f"needs port 443: {error}")
    certificate, key, passwords = folder / "ca.crt", folder / "key.pem", folder / "htpasswd"
    subprocess.run(
        [  # noqa: S607 # found on the PATH above
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={ACCOUNT}",
            "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(certificate),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    passwords.write_text(f"AWS:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n", encoding="utf-8")
    configuration = folder / "registry.json"  # JSON is YAML
    configuration.write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "warn"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
                "http": {"addr": "127.0.0.1:443", "tls": {"certificate": str(certificate), "key": str(key)}},
                "auth": {"htpasswd": {"realm": "registry", "path": str(passwords)}},
            }
        ),
        encoding="utf-8",
    )
    line = f"127.0.0.1 {HOST}\n"
    _CERTIFICATES.mkdir(parents=True, exist_ok=True)  # it exists after a killed run
    shutil.copy(certificate, _CERTIFICATES / "ca.crt")
    with _HOSTS.open("a", encoding="utf-8") as hosts:
        hosts.write(line)
    try:
        with _running(["docker-registry", "serve", str(configuration)], 443, folder / "registry.log"):
            yield Registry(certificate)
    finally:
        _HOSTS.write_text(_HOSTS.read_text(encoding="utf-8").replace(line, ""), encoding="utf-8")
        shutil.rmtree(_CERTIFICATES)


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Run a new moto server; yield its URL."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, port, folder / "moto.log"):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def rejecting(action: str, code: str, behind: str) -> Iterator[str]:
    """Reject the call *action* with *code*, as AWS does, and pass all others to *behind*; yield the URL.

    Moto has no expired logins, and its policy check answers JSON calls with errors in XML.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("X-Amz-Target", "").endswith(f".{action}"):
                self._answer(400, json.dumps({"__type": code, "message": "refused"}).encode())
            elif f"Action={action}".encode() in body:
                error = f"<Error><Code>{code}</Code><Message>refused</Message></Error>"
                self._answer(403, f"<ErrorResponse>{error}</ErrorResponse>".encode())
            else:
                answer = requests.post(behind + self.path, data=body, headers=dict(self.headers), timeout=30)
                self._answer(answer.status_code, answer.content)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as process:
        try:

            def listens() -> bool:
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    return True
                return False

            wait_until(listens, 60, f"{command[0]} listens on port {port}", log.read_text)
            yield
        finally:
            process.terminate()
