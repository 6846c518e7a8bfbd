"""ECR of the account: repository and login.

    credentials + region -> Ecr.connect -> repository (created if missing) -> login -> Registry

AWS errors become one line that says what to do.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any

import click

from scripts.aws import processors, session
from scripts.aws.registry import Registry
from scripts.errors import Failure

_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class ImageName:
    """The parts of an image's URI in ECR.

    Attributes:
        host: Of the registry.
        account: The registry's twelve digits.
        reference: Tag, or digest with its algorithm.
    """

    host: str
    account: str
    repository: str
    reference: str

    @classmethod
    def parse(cls, image: str) -> "ImageName | None":
        """Return the parts of the URI *image*, None for an image that is not in ECR."""
        host, _, name = image.partition("/")
        where = _HOST.fullmatch(host)
        repository, reference = (name.partition("@") if "@" in name else name.partition(":"))[::2]
        return cls(host, where["account"], repository, reference or "latest") if where else None


def require_same_region(image: str, region: str) -> None:
    """Reject an image in another region than the job or endpoint, because SageMaker rejects it without this reason.

    Source: "must be in the same region as the model or endpoint", ContainerDefinition in the API reference.

    Args:
        image: URI; an image that is not in ECR passes.
        region: Region of the job or endpoint.

    Raises:
        Failure: the image is in another region.
    """
    where = _HOST.fullmatch(image.partition("/")[0])
    if where and where["region"] != region:
        raise Failure(
            f"{image} is in {where['region']}, the region in use is {region}; SageMaker needs an image in its own"
            f" region: set AWS_DEFAULT_REGION={where['region']}, or run make push REGION={region}"
        )


def require_processor(account: session.Account, image: str, instance_type: str, *, job: bool = False) -> None:
    """Reject an image for another processor than the instances'; with Arm instances, say where that cannot be read.

    Args:
        account: Whose login reads the registry.
        image: URI.
        instance_type: Such as "ml.c7g.large".
        job: For training or batch transform, which have no Graviton instances.

    Raises:
        Failure: the image is in ECR, and the instances have another processor; a job is to run on Graviton; what is
            given is no instance type.
    """
    processors.require_type(instance_type)
    if job:
        processors.require_job_type(instance_type)
    try:
        if not (name := ImageName.parse(image)):
            raise Failure("it is not in ECR")
        login = Ecr(account.boto.client("ecr"), account.id, account.region).login(name.host)
        found = login.describe(name.repository, name.reference, retries=0)
    except Failure as error:  # the service may read what this login may not
        if (needed := processors.platform_of(instance_type)) == processors.ARM:
            click.echo(f"not checked: whether {image} is for {needed}, as {instance_type} needs: {error}", err=True)
        return
    if found.platform:  # not an index
        processors.require_processor(found.platform, image, instance_type, job=job)


def pin(account: session.Account, image: str) -> str:
    """Return the URI of *image* by digest: a tag may name other bytes tomorrow.

    Raises:
        Failure: the image is not in ECR, or ECR has no such tag.
    """
    name = ImageName.parse(image)
    if not name:
        raise Failure(f"{image} is not in ECR, from where SageMaker takes images: push it with make push")
    if "@" in image:
        return image
    with session.readable_errors("ecr"):
        found = digest(account.boto, name)
    if not found:
        raise Failure(f"ECR has no image {image}: push it with make push")
    return f"{name.host}/{name.repository}@{found}"


def digest(boto: Any, name: ImageName) -> str:
    """Return the digest that the tag of an image in ECR stands for now; empty if there is no such tag.

    Raises:
        botocore.exceptions.ClientError: ECR refuses the call.
    """
    answer = boto.client("ecr").batch_get_image(
        repositoryName=name.repository, imageIds=[{"imageTag": name.reference}], registryId=name.account
    )
    return next((str(found["imageId"].get("imageDigest", "")) for found in answer["images"]), "")


@dataclass(frozen=True)
class Ecr:
    """ECR of one account in one region."""

    client: Any
    account: str
    region: str

    @classmethod
    def connect(cls, region: str | None) -> "Ecr":
        """Find credentials and region as every AWS tool does, and look up the account.

        Raises:
            Failure: credentials are missing, expired or unknown; no region is set; AWS does not answer.
        """
        account = session.connect(region)
        return cls(account.boto.client("ecr"), account.id, account.region)

    @property
    def host(self) -> str:
        """Of the registry."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{'.cn' * self.region.startswith('cn-')}"

    def repository_name(self, repository: str) -> str:
        """Return the name of a repository that is given by name or URI.

        Raises:
            Failure: the URI is in another account or region, from which jobs could not pull.
        """
        host, _, name = repository.partition("/")
        where = _HOST.fullmatch(host)
        if where is None:
            return repository
        if where["region"] != self.region:
            raise Failure(
                f"{repository} is in {where['region']}, the region in use is {self.region}; SageMaker pulls from its"
                f" own region: set --region {where['region']} or a repository in {self.region}"
            )
        if where["account"] != self.account:
            raise Failure(f"{repository} is in account {where['account']}, the credentials are for {self.account}")
        return name

    def ensure(self, name: str) -> tuple[str, bool]:
        """Return the repository's URI, and whether it was created.

        It gets no policy: jobs of the same account read it with their execution role. Its tags are mutable: a commit
        that is built twice may give different bytes, and images are used by digest.

        Raises:
            Failure: permission is missing, or ECR does not allow the name.
        """
        with session.readable_errors("ecr"):
            try:
                found = self.client.describe_repositories(repositoryNames=[name])["repositories"][0]
            except self.client.exceptions.RepositoryNotFoundException:
                found = self.client.create_repository(
                    repositoryName=name, imageScanningConfiguration={"scanOnPush": True}
                )["repository"]
                return found["repositoryUri"], True
            return found["repositoryUri"], False

    def login(self, host: str) -> Registry:
        """Return the registry with a password that is valid for twelve hours.

        Raises:
            Failure: permission is missing.
        """
        with session.readable_errors("ecr"):
            answer = self.client.get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return Registry(host, user, password)
