"""Options of a training job that few jobs need: other instance types, warm pool, retries, remote debugging, MLflow.

options of train -> JobExtras -> arguments of the Estimator, and the fields of the request that it cannot set
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from scripts.errors import Failure

_MOST_FALLBACKS = 4
"""A job has at most five instance preferences."""
_OPTIONS = (
    click.option("--fallback-type", multiple=True, metavar="TYPE",
                 help="Instance type for when AWS has none of --instance-type; repeatable, in order, up to 4."),
    click.option("--keep-alive", type=click.IntRange(1, 21_600), metavar="SECONDS",
                 help="Keep the instances that long after the job, for the next job like it; they bill."),
    click.option("--retries", type=click.IntRange(1, 30), help="Try again after an internal error of SageMaker."),
    click.option("--remote-debug", is_flag=True, help="Allow a shell in the running container, by Session Manager."),
    click.option("--mlflow", metavar="ARN", help="MLflow tracking server or app of SageMaker for the job."),
    click.option("--mlflow-experiment", metavar="NAME", help="With --mlflow: its experiment."),
)  # fmt: skip


@dataclass(frozen=True)
class JobExtras:
    """Options of a training job that few jobs need; by default, none is used.

    Attributes:
        fallback_type: Instance types in order of preference, after the job's own.
        keep_alive: Seconds in which the instances wait for the next job.
        retries: Number of tries after an InternalServerError.
        remote_debug: Session Manager may open a shell in the container.
        mlflow: ARN of the tracking server or app.
        mlflow_experiment: Name of the experiment.
    """

    fallback_type: tuple[str, ...] = ()
    keep_alive: int | None = None
    retries: int | None = None
    remote_debug: bool = False
    mlflow: str | None = None
    mlflow_experiment: str | None = None

    def check(self, *, spot: bool) -> None:
        """Reject what SageMaker rejects, or what would have no effect.

        Raises:
            Failure: options exclude each other, or one lacks another.
        """
        if len(self.fallback_type) > _MOST_FALLBACKS or len(set(self.fallback_type)) < len(self.fallback_type):
            raise Failure(f"--fallback-type: expected at most {_MOST_FALLBACKS} different types")
        if self.fallback_type and spot:  # API reference, ResourceConfig: InstancePreferences
            raise Failure("--fallback-type and --spot exclude each other: choose one")
        if self.keep_alive and spot:  # developer guide, "SageMaker AI Managed Warm Pools", considerations
            raise Failure("--keep-alive and --spot exclude each other: choose one")
        if self.mlflow_experiment and not self.mlflow:
            raise Failure("--mlflow-experiment needs --mlflow: add it, or omit --mlflow-experiment")

    @property
    def bill(self) -> str:
        """What is billed after the job, in words that follow the instance type; empty for nothing."""
        return f", kept for {self.keep_alive} s after the job" if self.keep_alive else ""

    def reminder(self, job: str) -> str:
        """Return how to end the warm pool of *job* early; empty if it has none."""
        end = (
            f"aws sagemaker update-training-job --training-job-name {job} --resource-config KeepAlivePeriodInSeconds=0"
        )
        return f"the instances bill for {self.keep_alive} s more; end that: {end}" if self.keep_alive else ""

    @property
    def arguments(self) -> dict[str, Any]:
        """The Estimator's arguments."""
        return {
            "keep_alive_period_in_seconds": self.keep_alive,
            "max_retry_attempts": self.retries,
            "enable_remote_debug": self.remote_debug or None,
        }

    def extend(self, client: Any) -> None:
        """Make boto3's *client* complete CreateTrainingJob by the fields for which the Estimator has no argument."""
        if self.fallback_type or self.mlflow:  # the client of local mode has no events
            client.meta.events.register("provide-client-params.sagemaker.CreateTrainingJob", self._complete)

    def _complete(self, params: dict[str, Any], **_: Any) -> None:
        if self.fallback_type:
            resources = params["ResourceConfig"]
            types = (resources.pop("InstanceType"), *self.fallback_type)
            resources["InstancePreferences"] = [{"InstanceType": each} for each in types]
        if self.mlflow:
            params["MlflowConfig"] = {"MlflowResourceArn": self.mlflow}
            if self.mlflow_experiment:
                params["MlflowConfig"]["MlflowExperimentName"] = self.mlflow_experiment


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that are the fields of JobExtras to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
