"""A repository in the account's own ECR: there, in the right region, with a login for it.

    credentials + region -> Ecr.connect -> host -> repository (made if missing) -> login -> Registry

What AWS answers becomes one line that says what to do.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any

from scripts.aws import session
from scripts.aws.registry import Registry
from scripts.errors import Failure

_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def same_region(image: str, region: str) -> None:
    """Refuse an image of another region than that of the job or endpoint, as SageMaker does, without its reason.

    Source: "must be in the same region as the model or endpoint", ContainerDefinition in the API reference.

    Args:
        image: URI; one that is not ECR's is let pass.
        region: where the job or endpoint is to be.

    Raises:
        Failure: it is in another one.
    """
    where = _HOST.fullmatch(image.partition("/")[0])
    if where and where["region"] != region:
        raise Failure(
            f"{image} is in {where['region']}, the region in use is {region}; SageMaker takes images of its own region:"
            f" set AWS_DEFAULT_REGION={where['region']}, or make push REGION={region}"
        )


@dataclass(frozen=True)
class Ecr:
    """ECR of one account in one region."""

    client: Any
    account: str
    region: str

    @classmethod
    def connect(cls, region: str | None) -> "Ecr":
        """Find credentials and region as every AWS tool does, and ask AWS who they are.

        Raises:
            Failure: no credentials, expired or unknown ones, no region, no answer.
        """
        account = session.connect(region)
        return cls(account.boto.client("ecr"), account.number, account.region)

    def name_of(self, repository: str) -> str:
        """Return the bare name of a repository given by name or by URI.

        Raises:
            Failure: the URI is of another account or region, where jobs of this one could not pull from.
        """
        host, _, name = repository.partition("/")
        where = _HOST.fullmatch(host)
        if where is None:
            return repository
        if where["region"] != self.region:
            raise Failure(
                f"{repository} is in {where['region']}, the region in use is {self.region}; SageMaker pulls from its"
                f" own region: give --region {where['region']} or a repository in {self.region}"
            )
        if where["account"] != self.account:
            raise Failure(f"{repository} is of account {where['account']}, the credentials are of {self.account}")
        return name

    def ensure(self, name: str) -> tuple[str, bool]:
        """Return the URI of the repository, host and name, and whether it had to be made.

        Jobs of the same account read it by their execution role, so it gets no policy. Its tags can be moved:
        a commit built twice need not give the same bytes, and whoever runs the image does so by digest.

        Raises:
            Failure: no permission, or a name that ECR does not allow.
        """
        with session.clear_errors("ecr"):
            try:
                found = self.client.describe_repositories(repositoryNames=[name])["repositories"][0]
            except self.client.exceptions.RepositoryNotFoundException:
                found = self.client.create_repository(
                    repositoryName=name, imageScanningConfiguration={"scanOnPush": True}
                )["repository"]
                return found["repositoryUri"], True
            return found["repositoryUri"], False

    def login(self, host: str) -> Registry:
        """Return the registry with a password that holds for twelve hours.

        Raises:
            Failure: no permission.
        """
        with session.clear_errors("ecr"):
            answer = self.client.get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return Registry(host, user, password)
