"""Tuning jobs: AWS calls, results, and how they end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.account.test_iam import denied
from tests.aws.cloud import ACCOUNT, BUCKET, IMAGE, REGION, ROLE, ROOT, Cloud
from tests.aws.fake import services
from tests.aws.fake.tuning import TuningService, install

CREATE = "sagemaker:CreateHyperParameterTuningJob"


@pytest.fixture
def tuning(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[TuningService]:
    """SageMaker's tuning jobs; the user's policy allows all calls of the test."""
    yield install(monkeypatch)
    calls = cloud.calls()
    assert not denied(calls)
    assert {call["TrainingJobDefinition"]["RoleArn"] for name, call in calls if name == CREATE} <= {ROLE}


def space(folder: Path, **searched: dict[str, Any]) -> Path:
    """Write a search space of one fixed hyperparameter and those that are given."""
    path = folder / "space.toml"
    lines = ['objective = "validation:accuracy"', 'goal = "maximize"', "[fixed]", 'preset = "quick"']
    for name, entry in searched.items():
        lines += [f"[search.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())]
    path.write_text("\n".join(lines))
    return path


def options(cloud: Cloud, *more: Any) -> list[Any]:
    data = cloud.folder / "training"
    data.mkdir(exist_ok=True)
    (data / "train.npz").write_bytes(b"arrays")
    return [
        "--image", IMAGE, "--role", ROLE, "--training", data, "--output", cloud.folder / "tuning",
        "--job-output", cloud.folder / "job.json", *more,
    ]  # fmt: skip


def test_a_tuning_job_is_what_was_asked_for_and_its_best_job_can_be_deployed(
    cloud: Cloud, tuning: TuningService
) -> None:
    tuning.value = lambda texts: 1 - float(texts["learning_rate"])
    path = space(
        cloud.folder,
        learning_rate={"min": 0.001, "max": 0.1, "scale": "logarithmic"},
        epochs={"min": 2, "max": 9},
        batch_size={"values": [32, 64]},
    )
    done = cloud.run(
        "tune", *options(cloud), "--space", path, "--max-jobs", 12, "--parallel", 3, "--spot", "--max-hours", 0.5,
        "--early-stopping", "--seed", 7, "--network-isolation", "--tag", "team=signs", "-p", "seed=3", "--yes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 x ml.g4dn.xlarge as spot for each of 12 jobs, at most 0.5 h each: ceiling 6 instance hours" in done.stdout
    asked = dict(cloud.calls())[CREATE]
    assert asked["HyperParameterTuningJobConfig"] == {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 12, "MaxParallelTrainingJobs": 3},
        "ParameterRanges": {
            "IntegerParameterRanges": [{"Name": "epochs", "MinValue": "2", "MaxValue": "9", "ScalingType": "Linear"}],
            "ContinuousParameterRanges": [
                {"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
            ],
            "CategoricalParameterRanges": [{"Name": "batch_size", "Values": ["32", "64"]}],
        },
        "TrainingJobEarlyStoppingType": "Auto",
        "RandomSeed": 7,
    }
    definition = asked["TrainingJobDefinition"]
    metrics = json.loads((ROOT / "scripts" / "resources" / "metric_definitions.json").read_text())
    assert definition["AlgorithmSpecification"] == {
        "TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics
    }  # fmt: skip
    assert definition["StaticHyperParameters"] == {"preset": "quick", "seed": "3"}
    assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert definition["EnableManagedSpotTraining"]
    assert definition["EnableNetworkIsolation"]
    assert "CheckpointConfig" not in definition, "all training jobs would resume from the same checkpoints"
    assert asked["Tags"] == [{"Key": "team", "Value": "signs"}]
    uri = definition["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    key = uri.removeprefix(f"s3://{BUCKET}/") + "train.npz"
    assert cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"arrays"

    name = asked["HyperParameterTuningJobName"]
    written = json.loads((cloud.folder / "tuning" / name / "tuning-job.json").read_text())
    assert len(written["jobs"]) == 12, "the second page is there, too"
    lowest = min(written["jobs"], key=lambda job: job["searched"]["learning_rate"])
    assert written["best"]["name"] == lowest["name"]
    chosen = json.loads((cloud.folder / "tuning" / name / "best-hyperparameters.json").read_text())
    assert chosen == {"preset": "quick", "seed": 3, **lowest["searched"]}
    assert {type(value) for value in lowest["searched"].values()} == {int, float}
    best = json.loads((cloud.folder / "job.json").read_text())
    assert (best["name"], best["status"], best["image"], best["role"]) == (lowest["name"], "Completed", IMAGE, ROLE)
    assert best["artifact"] == f"s3://{BUCKET}/traffic-signs/jobs/{lowest['name']}/output/model.tar.gz"
    rows = [line.split() for line in done.stdout.splitlines() if "-0a1b2c3d" in line and "Completed" in line]
    assert len(rows) == 12
    assert rows[0][1:3] == [lowest["name"].removeprefix(f"{name}-"), "(best)"]
    deployed = cloud.run(
        "deploy", "--job-file", cloud.folder / "job.json", "--endpoint-name", "traffic-signs-tuned", "--yes"
    )
    assert deployed.returncode == 0, deployed.stderr


@pytest.mark.usefixtures("tuning")
def test_the_ceiling_has_the_price_of_the_price_list(cloud: Cloud) -> None:
    prices = {"USE1-Train:ml.c5.large": 0.1, "USE1-Train:ml.c5.xlarge": 0.25, "USE1-Host:ml.c5.xlarge": 9}
    with services.serving("pricing", GetProducts=services.price_list(prices, REGION)) as url:
        words = ("--instance-type", "ml.c5.xlarge", "--instance-count", 2, "--max-jobs", 3, "--max-hours", 0.5)
        done = cloud.run("tune", *options(cloud), *words, "--dry-run", AWS_ENDPOINT_URL_PRICING=url)
    assert done.returncode == 0, done.stderr
    assert (
        "2 x ml.c5.xlarge for each of 3 jobs, at most 0.5 h each: ceiling 3 instance hours x 0.25 USD = 0.75 USD;"
        in done.stderr
    )


@pytest.mark.usefixtures("tuning")
def test_grid_and_hyperband_are_asked_for_as_sagemaker_wants_them(cloud: Cloud) -> None:
    path = space(cloud.folder, learning_rate={"values": [0.1, 0.01]}, split={"values": ["track", "random"]})
    done = cloud.run("tune", *options(cloud), "--space", path, "--strategy", "grid", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [job["searched"] for job in found["jobs"]] == [
        {"learning_rate": rate, "split": split} for rate in (0.1, 0.01) for split in ("track", "random")
    ]
    cloud.record.unlink()
    path = space(cloud.folder, learning_rate={"min": 1, "max": 2})
    more = ("--strategy", "Hyperband", "-p", "epochs=9", "--max-jobs", 1)
    done = cloud.run("tune", *options(cloud), "--space", path, *more, "--yes")
    assert done.returncode == 0, done.stderr
    config = dict(cloud.calls())[CREATE]["HyperParameterTuningJobConfig"]
    # a whole job logs the accuracy of nine epochs and of its model
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 10}}
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    ranges = config["ParameterRanges"]["ContinuousParameterRanges"]
    assert ranges == [{"Name": "learning_rate", "MinValue": "1.0", "MaxValue": "2.0", "ScalingType": "Linear"}]


def test_a_job_that_was_stopped_early_is_not_the_best_and_failed_ones_say_why(
    cloud: Cloud, tuning: TuningService
) -> None:
    values = {"32": 0.9, "64": 0.7, "128": None}
    tuning.value, tuning.stopped = (lambda texts: values[texts["batch_size"]]), (0,)
    path = space(cloud.folder, batch_size={"values": [32, 64, 128]})
    done = cloud.run("tune", *options(cloud), "--space", path, "--strategy", "Grid", "--yes")
    assert done.returncode == 0, done.stderr
    assert json.loads((cloud.folder / "job.json").read_text())["name"].endswith("-002-0a1b2c3d")
    assert "003-0a1b2c3d: AlgorithmError: the loss diverged" in done.stdout


def test_a_tuning_job_without_a_completed_training_job_fails_with_the_reason(
    cloud: Cloud, tuning: TuningService
) -> None:
    tuning.value, tuning.failure = (lambda _: None), "No training job succeeded after 2 attempts."
    done = cloud.run("tune", *options(cloud, "--max-jobs", 2), "--yes")
    assert done.returncode == 1
    assert "without a completed training job: No training job succeeded after 2 attempts." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (cloud.folder / "job.json").exists()


def test_ctrl_c_ends_the_command_only_and_the_results_can_be_had_later(cloud: Cloud, tuning: TuningService) -> None:
    tuning.paused = True
    words = [*options(cloud, "--max-jobs", 2), "--yes"]
    code, error = cloud.interrupt("DescribeHyperParameterTuningJob", "tune", *words)
    assert code == 130, error
    [name] = tuning.jobs
    assert error.splitlines()[-1] == (
        f"Error: interrupted; {name} keeps running and billing; stop it: aws sagemaker stop-hyper-parameter-tuning-job"
        f" --hyper-parameter-tuning-job-name {name}; or see its results later: python -m scripts.tune_results {name}"
    )
    tuning.paused = False
    where = ("--output", cloud.folder / "tuning", "--job-output", cloud.folder / "job.json")
    done = cloud.run("tune_results", name, *where)
    assert done.returncode == 0, done.stderr
    assert len(json.loads((cloud.folder / "tuning" / name / "tuning-job.json").read_text())["jobs"]) == 2
    assert (cloud.folder / "job.json").exists()


@pytest.mark.usefixtures("tuning")
def test_results_of_a_job_that_does_not_exist_are_misuse_and_nothing_keeps_running(cloud: Cloud) -> None:
    done = cloud.run("tune_results", "traffic-signs-none")
    assert (done.returncode, done.stderr) == (2, f"Error: {REGION} has no tuning job traffic-signs-none\n")


def test_a_dry_run_prints_the_requests_and_makes_nothing(cloud: Cloud, tuning: TuningService) -> None:
    done = cloud.run("tune", *options(cloud), "--bucket", "sagemaker-dry-run-tuning", "--dry-run")
    assert done.returncode == 0, done.stderr
    requests = [json.loads(line) for line in done.stdout.splitlines()]
    assert [request["operation"] for request in requests] == [
        "CreateBucket", "PutObject", "CreateHyperParameterTuningJob"
    ]  # fmt: skip
    assert tuning.jobs == {}
    tuning.create_hyper_parameter_tuning_job(requests[-1]["parameters"])  # as AWS would take it
    assert "sagemaker-dry-run-tuning" not in {bucket["Name"] for bucket in cloud.s3.list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    ("searched", "more", "words"),
    [
        ({"learning_rate": {"min": 0.1, "max": 20}}, (), "learning_rate = 20; expected a number above 0"),
        ({"learning_rate": {"min": 0.1, "max": 1}}, ("--role", ROLE, "--strategy", "Grid"), "learning_rate is a range"),
        ({"learning_rate": {"min": 0.1, "max": 1}}, ("--instance-type", "ml.c7g.large"), "run endpoints only"),
        ({"learning_rate": {"min": 0.1, "max": 1}}, (), "cannot ask for confirmation without a terminal"),
        ({"learning_rate": {"min": 0.1, "max": 1}}, ("--image", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/a:b"),
         f"is in eu-west-1, the region in use is {REGION}"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused_in_one_line_before_anything_is_made(
    cloud: Cloud, tuning: TuningService, searched: dict[str, dict[str, Any]], more: tuple[str, ...], words: str
) -> None:
    done = cloud.run("tune", *options(cloud), "--space", space(cloud.folder, **searched), *more)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert tuning.jobs == {}
    assert not [name for name, _ in cloud.calls() if name.startswith("s3:")]


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("HeadBucket", f"what was uploaded is at s3://{BUCKET}/traffic-signs/inputs/; remove it: aws s3 rm"),
        (CREATE.partition(":")[2], "may run and bill; stop it: aws sagemaker stop-hyper-parameter-tuning-job"),
    ],
)
def test_ctrl_c_while_it_starts_does_not_say_that_nothing_was_created(
    cloud: Cloud, tuning: TuningService, operation: str, words: str
) -> None:
    tuning.paused = True
    code, error = cloud.interrupt(operation, "tune", *options(cloud, "--max-jobs", 2), "--yes")
    assert (code, words in error.splitlines()[-1]) == (130, True), error


def test_a_refused_or_unknown_tuning_job_does_not_run_and_bill(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> None:
        raise ValidationError("Could not assume role.")

    monkeypatch.setattr(SageMakerResponse, "create_hyper_parameter_tuning_job", refuse)
    done = cloud.run("tune", *options(cloud, "--max-jobs", 2), "--yes")
    assert done.returncode == 1
    assert done.stderr.endswith("ValidationException: Could not assume role.\n")
    done = cloud.run("tune_results", "traffic-signs-typo")
    assert (done.returncode, done.stderr) == (2, f"Error: {REGION} has no tuning job traffic-signs-typo\n")
