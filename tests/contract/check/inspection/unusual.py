"""Images that no Dockerfile makes: for another processor, in a registry, of a long name, too large.

Kind  ->  image  ->  the image's name; what it needs ends with the given stack
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local_test.check.image import inspection
from local_test.check.image.docker_image import docker, open_image
from local_test.platform.engine import DOCKER
from tests.contract.check import images
from tests.contract.check.mutants.entry import Kind

OCI = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIGURATIONS = {
    MANIFEST: "application/vnd.docker.container.image.v1+json",
    OCI: "application/vnd.oci.image.config.v1+json",
}


def image(stack: contextlib.ExitStack, patch: pytest.MonkeyPatch, kind: Kind) -> str | None:
    """Return the name of an image of this *kind*; None for the good one with changes, which a Dockerfile makes."""
    match kind:
        case Kind.ARM64:
            return other_platform("arm64")
        case Kind.OCI | Kind.DOCKER:
            return stack.enter_context(uploaded(OCI if kind is Kind.OCI else MANIFEST))
        case Kind.LONG_NAME:
            return _named(330)
        case Kind.LARGE:
            _say_size(patch, 11_000_000_000)
            return images.build("good")
        case Kind.LIMITS:
            _say_size(patch, 10_000_000_000)
            return _named(255)
    return None


def other_platform(architecture: str) -> str:
    """The good image's files and configuration, said to be for another processor."""
    image = images.own_name(architecture)
    dockerfile = (
        f"FROM --platform=linux/amd64 {images.build('good')} AS good\nFROM scratch\nCOPY --from=good / /\n"
        'ENV PYTHONUNBUFFERED=1\nCMD ["train"]\n'
    )
    command = [DOCKER, "build", "--quiet", "--platform", f"linux/{architecture}", "--tag", image, "-"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    subprocess.run(command, input=dockerfile.encode(), check=True, capture_output=True, env=environment)
    return image


def _named(length: int) -> str:
    """The good image under a name of *length* characters; a repository's may have 255."""
    tag = str(os.getpid()).rjust(100, "x")  # of this process, as other images
    rest = length - len(images.REPOSITORY) - len(tag) - 1
    image = f"{'long/' * (rest // 5)}{'l' * (rest % 5)}{images.REPOSITORY}:{tag}"
    assert len(image) == length
    images.built.add(image)
    docker("tag", images.build("good"), image)
    return image


def _say_size(patch: pytest.MonkeyPatch, size: int) -> None:
    @contextlib.contextmanager
    def said(name: str) -> Iterator[object]:
        with open_image(name) as image:
            yield dataclasses.replace(image, config={**image.config, "Size": size})

    patch.setattr(inspection, "open_image", said)


@contextlib.contextmanager
def uploaded(media_type: str) -> Iterator[str]:
    """The good image by its name in a registry that has one manifest, of *media_type*, under every name."""
    configuration = b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}'
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {
            "mediaType": _CONFIGURATIONS[media_type],
            "size": len(configuration),
            "digest": f"sha256:{hashlib.sha256(configuration).hexdigest()}",
        },
        "layers": [],
    }

    class Handler(BaseHTTPRequestHandler):
        default_request_version = "HTTP/1.0"  # docker tries TLS first, and HTTP when it sees an HTTP answer

        def do_GET(self) -> None:
            body = configuration if "/blobs/" in self.path else json.dumps(manifest).encode()
            self.send_response(200)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Type", media_type if "/manifests/" in self.path else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    image = f"127.0.0.1:{server.server_port}/good:latest"
    docker("tag", images.build("good"), image)
    try:
        yield image
    finally:
        docker("rmi", image)
        server.shutdown()
        server.server_close()
