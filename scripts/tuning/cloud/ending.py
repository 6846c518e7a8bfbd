"""End of a tuning job on SageMaker, whoever started it.

name  ->  wait, with its numbers on the screen  ->  description, training jobs  ->  Results; the best job for deploy
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scripts import options
from scripts.aws import session, waiting
from scripts.diagnosis import knowledge, report
from scripts.errors import Failure, OperationError
from scripts.resources.jobs.training_job import Job
from scripts.tuning import results
from scripts.tuning.results import Results, Trial

_IN_PROGRESS = ("InProgress", "Stopping", "Deleting")


def require(account: session.Account, name: str) -> None:
    """Check that there is a tuning job *name*, before a message says that it keeps running.

    Raises:
        Failure: there is none.
        OperationError: AWS refuses the call.
    """
    from botocore.exceptions import ClientError

    with session.readable_errors("sagemaker"):
        try:
            account.boto.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except ClientError as error:
            if error.response["Error"].get("Code") == "ResourceNotFound":
                raise Failure(f"{account.region} has no tuning job {name}") from error
            raise


def collect(account: session.Account, name: str, folder: Path, job_output: Path) -> None:
    """Wait for the end of the tuning job; print, report and write its results.

    Args:
        account: The login.
        name: Name of the tuning job.
        folder: Folder for the results of tuning jobs; those of this one go to a folder in it.
        job_output: File for the best training job, which deploy reads.

    Raises:
        Failure: the login expired or AWS refused a call; the tuning job keeps running.
        Interrupted: Ctrl-C; as above.
        OperationError: no training job has completed.
    """
    client = account.boto.client("sagemaker")
    still_running = (
        f"{name} keeps running and billing; stop it: {stop(name)}; or see its results later:"
        f" python -m scripts.tune_results {name}"
    )
    with session.readable_errors("sagemaker", still_running):
        description = waiting.wait_until_final(
            name,
            lambda: client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
            "HyperParameterTuningJobStatus",
            _IN_PROGRESS,
            progress,
        )
    ended = f"{name} has ended; see its results: python -m scripts.tune_results {name}"
    with session.readable_errors("sagemaker", ended):
        found = _results(client, description)
        best = found.best and _best_job(client, found.best.name, description)
    options.result(**found.as_json())
    results.write(found, folder / name)
    results.show(found)
    if not best:
        status, reason = description["HyperParameterTuningJobStatus"], description.get("FailureReason")
        title = f"{name} ended as {status} without a completed training job: {reason or 'SageMaker gives no reason'}"
        from scripts.diagnosis import cloud

        evidence = cloud.collect(account.boto, name, "hyper-parameter-tuning-job")
        raise OperationError(report.failed(title, evidence, knowledge.diagnose(evidence)))
    try:
        job_output.parent.mkdir(parents=True, exist_ok=True)
        job_output.write_text(json.dumps(asdict(best), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot write {job_output}: {error.strerror}; use deploy --job {best.name}") from error
    click.echo(f"wrote {folder / name} and {job_output}; deploy the best job, {best.name}: make deploy")


def stop(name: str) -> str:
    """Return the command that stops the tuning job."""
    return f"aws sagemaker stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name {name}"


def progress(description: Mapping[str, Any]) -> str:
    """Return how many training jobs are in which status, and the best value so far."""
    counts = description.get("TrainingJobStatusCounters", {})
    words = [f"{count} {status}" for status, count in counts.items() if count]
    best = description.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
    if "Value" in best:
        words.append(f"best {best['MetricName']} {best['Value']:.6g}")
    return ", ".join(words)


def _results(client: Any, description: Mapping[str, Any]) -> Results:
    config, name = description["HyperParameterTuningJobConfig"], description["HyperParameterTuningJobName"]
    pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
    )
    fixed = description["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return Results(
        name=name,
        objective=config["HyperParameterTuningJobObjective"]["MetricName"],
        maximize=config["HyperParameterTuningJobObjective"]["Type"] == "Maximize",
        # SageMaker adds _tuning_objective_metric
        fixed={key: _value(text) for key, text in fixed.items() if not key.startswith("_")},
        trials=tuple(_trial(summary) for page in pages for summary in page["TrainingJobSummaries"]),
    )


def _trial(summary: Mapping[str, Any]) -> Trial:
    begin, end = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    return Trial(
        name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        searched={key: _value(text) for key, text in sorted(summary["TunedHyperParameters"].items())},
        value=summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
        seconds=(end - begin).total_seconds() if begin and end else None,
        failure=summary.get("FailureReason") or None,
    )


def _value(text: str) -> Any:
    """Return the number, truth value or text that a hyperparameter's string stands for."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _best_job(client: Any, name: str, description: Mapping[str, Any]) -> Job:
    job, definition = client.describe_training_job(TrainingJobName=name), description["TrainingJobDefinition"]
    return Job(
        name=name,
        status=job["TrainingJobStatus"],
        image=definition["AlgorithmSpecification"]["TrainingImage"],
        role=definition["RoleArn"],
        artifact=job.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
        metrics={metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])},
        failure=job.get("FailureReason"),
    )
