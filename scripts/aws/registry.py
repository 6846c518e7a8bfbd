"""What a registry holds under a name, by its own word, and whether SageMaker takes it.

    manifest (its bytes, their digest) -> configuration -> Image -> refuse

The engine is not asked: what a registry gets depends on how the engine stores images, and it is the
registry's copy that SageMaker reads.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from scripts.errors import Failure

PLATFORM = "linux/amd64"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_ACCEPT = [
    MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]


@dataclass(frozen=True)
class Image:
    """An image in a registry.

    Attributes:
        digest: "sha256:..." of the manifest.
        media_types: of the manifest first, then of its parts, each once.
        platform: such as "linux/amd64"; empty for an index, which lists several images.
        size: bytes to download: configuration and compressed layers.
    """

    digest: str
    media_types: tuple[str, ...]
    platform: str
    size: int


@dataclass(frozen=True)
class Registry:
    """The registry at *host*, over HTTPS, with the login that `docker login` gets as well."""

    host: str
    user: str
    password: str

    def describe(self, repository: str, reference: str) -> Image:
        """Ask for the image with the tag or digest *reference*.

        Raises:
            Failure: no answer, or an error, such as an unknown tag.
        """
        with requests.Session() as session:
            session.auth = (self.user, self.password)
            # a certificate, "other" to urllib3, gets no better by asking again
            retry = Retry(5, other=0, backoff_factor=0.5, status_forcelist=[503])
            session.mount("https://", HTTPAdapter(max_retries=retry))
            answer, manifest = self._get(session, f"{repository}/manifests/{reference}")
            configuration: dict[str, Any] = {}
            parts = manifest.get("manifests", [])
            if "config" in manifest:
                parts = [manifest["config"], *manifest.get("layers", [])]
                _, configuration = self._get(session, f"{repository}/blobs/{manifest['config']['digest']}")
        # the header, because a manifest may leave its own type out
        media_type = answer.headers.get("Content-Type", "").partition(";")[0]
        return Image(
            digest=f"sha256:{hashlib.sha256(answer.content).hexdigest()}",
            media_types=tuple(dict.fromkeys([media_type, *(part["mediaType"] for part in parts)])),
            platform="/".join(configuration[key] for key in ("os", "architecture") if key in configuration),
            size=sum(part["size"] for part in parts),
        )

    def _get(self, session: requests.Session, path: str) -> tuple[requests.Response, dict[str, Any]]:
        url = f"https://{self.host}/v2/{path}"
        try:
            answer = session.get(url, headers={"Accept": ", ".join(_ACCEPT)}, timeout=60)
            if not answer.ok:
                raise Failure(f"{answer.status_code} from {url}: {' '.join(answer.text[:500].split())}")
            return answer, answer.json()
        except requests.RequestException as error:
            raise Failure(f"no usable answer from {url}: {error}") from error


def refuse(image: Image, name: str) -> None:
    """Raise unless SageMaker takes the image: a single Docker manifest, for linux/amd64.

    Raises:
        Failure: what is wrong with the image called *name*, and the fix.
    """
    foreign = [kind for kind in image.media_types if not kind.startswith("application/vnd.docker.")]
    if image.media_types[0] != MANIFEST or foreign:
        kind = foreign[0] if foreign else image.media_types[0]
        raise Failure(
            f"{name} arrived as {kind}, which SageMaker refuses; build it with `docker buildx build --provenance=false"
            " --sbom=false --output type=docker,oci-mediatypes=false`, as make build does, or turn off Docker's"
            " containerd image store"
        )
    if image.platform != PLATFORM:
        raise Failure(f"{name} is for {image.platform}, SageMaker's hosts are {PLATFORM}; make build sets the platform")
