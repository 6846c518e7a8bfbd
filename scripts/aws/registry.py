"""Client of a container registry, and the check that SageMaker accepts an image.

    manifest (its bytes, their digest) -> configuration -> Image -> require_supported

The check reads from the registry, not the engine: what the engine pushes depends on how it stores images, and SageMaker
reads the registry's copy.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.aws.processors import ARM, X86
from scripts.errors import Failure, OperationError

if TYPE_CHECKING:
    import requests

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_TYPES = [
    MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]
"""Of manifests: a registry converts or refuses one whose type is not asked for."""


@dataclass(frozen=True)
class Image:
    """An image in a registry.

    Attributes:
        digest: "sha256:..." of the manifest.
        media_types: Without repetitions: the manifest's first, then its parts'.
        platform: Such as "linux/amd64"; empty for an index, which lists several images.
        size: Bytes to download: configuration and compressed layers.
    """

    digest: str
    media_types: tuple[str, ...]
    platform: str
    size: int


@dataclass(frozen=True)
class Registry:
    """A registry, accessed over HTTPS with the login that `docker login` uses."""

    host: str
    user: str
    password: str

    def describe(self, repository: str, reference: str, retries: int = 5) -> Image:
        """Look up the image with the tag or digest *reference*; a failed connection is tried again *retries* times.

        Raises:
            OperationError: the registry does not answer, or answers with an error, such as an unknown tag.
        """
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util.retry import Retry

        with requests.Session() as session:
            session.auth = (self.user, self.password)
            # certificate errors, which urllib3 counts as "other", are permanent
            retry = Retry(retries, other=0, backoff_factor=0.5, status_forcelist=[503])
            session.mount("https://", HTTPAdapter(max_retries=retry))
            answer, manifest = self._get(session, f"{repository}/manifests/{reference}")
            configuration: dict[str, Any] = {}
            parts = manifest.get("manifests", [])
            if "config" in manifest:
                parts = [manifest["config"], *manifest.get("layers", [])]
                _, configuration = self._get(session, f"{repository}/blobs/{manifest['config']['digest']}")
        # from the header, because a manifest may omit its own type
        media_type = answer.headers.get("Content-Type", "").partition(";")[0]
        return Image(
            digest=f"sha256:{hashlib.sha256(answer.content).hexdigest()}",
            media_types=tuple(dict.fromkeys([media_type, *(part["mediaType"] for part in parts)])),
            platform="/".join(configuration[key] for key in ("os", "architecture") if key in configuration),
            size=sum(part["size"] for part in parts),
        )

    def _get(self, session: "requests.Session", path: str) -> "tuple[requests.Response, dict[str, Any]]":
        import requests

        url = f"https://{self.host}/v2/{path}"
        try:
            answer = session.get(url, headers={"Accept": ", ".join(MEDIA_TYPES)}, timeout=60)
            if not answer.ok:
                raise OperationError(f"{answer.status_code} from {url}: {' '.join(answer.text[:500].split())}")
            return answer, answer.json()
        except requests.RequestException as error:
            raise OperationError(f"cannot read {url}: {error}") from error


def require_supported(image: Image, name: str) -> None:
    """Check that SageMaker accepts the image: a single Docker manifest for linux/amd64 or linux/arm64.

    Raises:
        Failure: what is wrong with the image, under its *name*, and the fix.
    """
    foreign = [kind for kind in image.media_types if not kind.startswith("application/vnd.docker.")]
    if image.media_types[0] != MANIFEST or foreign:
        kind = foreign[0] if foreign else image.media_types[0]
        raise Failure(
            f"{name} arrived as {kind}, which SageMaker rejects; build it with `docker buildx build --provenance=false"
            " --sbom=false --output type=docker,oci-mediatypes=false`, as make build does, or turn off Docker's"
            " containerd image store"
        )
    require_platform(image.platform, name)


def require_platform(platform: str, name: str) -> None:
    """Check that SageMaker has instances for the image; which ones is checked where the instance type is known.

    Raises:
        Failure: it has none for the *platform* of the image *name*.
    """
    if platform not in (X86, ARM):
        raise Failure(
            f"{name} is for {platform}, SageMaker's hosts are {X86}, and {ARM} for endpoints on Graviton instances;"
            " build it with make build"
        )
