"""Points of the image, checked without running it.

    Image  ->  judgements, one per point  ->  findings

The sources are pages of AWS's developer guide, API models, or bug reports.
"""

from collections.abc import Callable, Iterator

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict
from local_test.check.image import judgements as judge
from local_test.check.image import labels
from local_test.check.image import start_judgements as start
from local_test.check.image.docker_image import Image, open_image
from local_test.platform.profiles import Profile

_TRAINING_PAGE = 'developer guide, "How Amazon SageMaker AI Runs Your Training Image"'
_HOSTING_PAGE = 'developer guide, "Custom Inference Code with Hosting Services"'

_JUDGES: dict[Point, Callable[[Image, Subject], judge.Judgement]] = {
    Point(
        "T1-platform",
        Part.IMAGE,
        "the platform is linux/amd64, or linux/arm64 for hosting on Graviton",
        "API model, ProductionVariantInstanceType: Graviton; TrainingInstanceType and TransformInstanceType: none",
        "build with docker build --platform linux/amd64, or linux/arm64 for Graviton",
    ): judge.platform,
    Point(
        "T20-manifest",
        Part.IMAGE,
        "the registry has one Docker manifest: no OCI manifest, no index, no attestations",
        "aws/amazon-sagemaker-feedback#180, mlflow#13834, docker/buildx#1533",
        "docker buildx build --provenance=false --sbom=false --output type=docker,oci-mediatypes=false, then push",
    ): judge.manifest,
    Point(
        "T20-address",
        Part.IMAGE,
        "the image name has at most 255 characters",
        "API model, AlgorithmSpecification.TrainingImage and ContainerDefinition.Image",
        "push the image under a shorter name",
    ): judge.address,
    Point(
        "T1-exec-form",
        Part.IMAGE,
        "ENTRYPOINT is in exec form, or its shell passes the argument on and ends in exec",
        f"{_TRAINING_PAGE}: recommends it; T1-train, T13-signal, H1-serve and H8-stops-in-time check what follows",
        'write ENTRYPOINT ["program", "argument"] instead of ENTRYPOINT program argument',
        level=Verdict.WARNING,
    ): start.exec_form,
    Point(
        "T1-no-init",
        Part.IMAGE,
        "the entry point is not tini",
        f"{_TRAINING_PAGE}: confused by the arguments train and serve; T1-train and H1-serve check what follows",
        "remove tini, and let the program handle SIGTERM and its child processes",
        level=Verdict.WARNING,
    ): start.no_init,
    Point(
        "T1-train-there",
        Part.IMAGE,
        "the program of the entry point exists, or `train` is on the PATH",
        _TRAINING_PAGE,
        "add the program, for example COPY train /usr/local/bin/train",
        requires=Part.TRAINING,
    ): start.is_present("train"),
    Point(
        "H1-serve-there",
        Part.IMAGE,
        "the program of the entry point exists, or `serve` is on the PATH",
        _HOSTING_PAGE,
        "add the program, for example COPY serve /usr/local/bin/serve",
        requires=Part.HOSTING,
    ): start.is_present("serve"),
    Point(
        "T1-run-bit",
        Part.IMAGE,
        "the program that starts first is executable",
        'docker run: "permission denied"',
        "run chmod +x on the program, or use COPY --chmod=755",
    ): start.run_bit,
    Point(
        "T1-line-ends",
        Part.IMAGE,
        "scripts have Unix line endings",
        'docker run: "no such file or directory", for an interpreter name that ends with a carriage return',
        "add `*.sh text eol=lf` to .gitattributes (also for train and serve), check out again, and rebuild",
    ): start.line_ends,
    Point(
        "T1-interpreter",
        Part.IMAGE,
        "the engine can execute what starts first: the interpreter in a script's first line is in the image",
        'execve(2); docker run: "no such file or directory", "exec format error"',
        "install the interpreter, or correct the script's first line",
    ): start.interpreter,
    Point(
        "T1-default-command",
        Part.IMAGE,
        "without arguments, as SDK v3's local mode runs it, the image trains",
        "sagemaker 3.27.0, local mode, measured: the image's CMD ran, with success and an empty model",
        'set CMD ["train"]',
        requires=Part.TRAINING,
        level=Verdict.WARNING,
    ): start.default_command,
    Point(
        "T3-opt-ml-empty",
        Part.IMAGE,
        "no files under /opt/ml: the platform mounts over it, and files in /opt/ml/code disable the SDK's source_dir",
        f"{_TRAINING_PAGE}: they may no longer be visible; T3-opt-ml checks whether the image needs them",
        "move the files elsewhere, for example to /opt/program",
        level=Verdict.WARNING,
    ): judge.nothing_under_opt_ml,
    Point(
        "T10-no-baked-program",
        Part.IMAGE,
        "ENV SAGEMAKER_PROGRAM is not set: it silently overrides an Estimator's entry_point",
        "sagemaker-training 5.1.4, measured; its README recommends the variable",
        "remove it, and let the image's `train` choose the program; or never set entry_point",
        requires=Part.TRAINING,
        level=Verdict.WARNING,
    ): judge.no_baked_program,
    Point(
        "T15-unbuffered",
        Part.IMAGE,
        "ENV PYTHONUNBUFFERED is set for Python: otherwise logs and metrics are late, or lost after SIGKILL",
        "Dockerfile of AWS's scikit_bring_your_own sample",
        "set ENV PYTHONUNBUFFERED=1",
        level=Verdict.WARNING,
    ): start.unbuffered,
    Point(
        "H1-user",
        Part.IMAGE,
        "the user is root",
        f"{_HOSTING_PAGE}: SageMaker AI expects all containers to run with root users; sagemaker-inference-toolkit#72",
        "remove USER from the Dockerfile",
        requires=Part.HOSTING,
    ): judge.root,
    Point(
        "H2-labels",
        Part.IMAGE,
        "SageMaker's labels are spelled correctly, with true, false or CUDA versions as values",
        f"{_HOSTING_PAGE}; without its label a capability is missing, and the rest works",
        "correct it, for example LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true",
        requires=Part.HOSTING,
        level=Verdict.WARNING,
    ): judge.label_syntax,
    Point(
        "H3-no-healthcheck",
        Part.IMAGE,
        "no HEALTHCHECK: the platform uses /ping, and a second check only takes CPU time",
        f"{_HOSTING_PAGE}, health checks: /ping is the platform's own",
        "remove HEALTHCHECK, or set HEALTHCHECK NONE if the base image has one",
        requires=Part.HOSTING,
        level=Verdict.WARNING,
    ): judge.no_healthcheck,
    Point(
        "H12-label",
        Part.IMAGE,
        f"an image for a multi-model endpoint has the label {labels.MULTI_MODELS}=true",
        'developer guide, "Build Your Own Container for SageMaker AI Multi-Model Endpoints"; without it,'
        " CreateModel fails: aws/deep-learning-containers#2131, aws/amazon-sagemaker-examples#3925",
        f"add LABEL {labels.MULTI_MODELS}=true to the Dockerfile",
        profiles=frozenset({Profile.MULTI_MODEL}),
        requires=Part.HOSTING,
    ): judge.multi_model_label,
    Point(
        "H14-size",
        Part.IMAGE,
        "the image has at most 10 GB",
        'developer guide, "Serverless Inference": container image size',
        "use a smaller base image without compilers and caches, or an endpoint with instances",
        profiles=frozenset({Profile.SERVERLESS}),
        requires=Part.HOSTING,
    ): judge.size,
    Point(
        "H18-cuda-label",
        Part.IMAGE,
        f"an image with CUDA declares its tested version in {labels.CUDA}: hosts may have older drivers",
        "aws/deep-learning-containers#4990, #6187; NVIDIA/nim-deploy#104",
        f"set LABEL {labels.CUDA}=12.9, and choose the endpoint's InferenceAmiVersion",
        profiles=frozenset(Profile) - {Profile.SERVERLESS},
        requires=Part.HOSTING,
        level=Verdict.WARNING,
    ): judge.cuda_label,
}


def _inspect(subject: Subject) -> Iterator[Finding]:
    assert subject.image is not None  # noqa: S101 # without an image its points do not apply
    with open_image(subject.image) as image:
        for point, judge_point in _JUDGES.items():
            verdict, observed = judge_point(image, subject)
            yield Finding(point, point.level if verdict is Verdict.BROKEN else verdict, observed)


SCENARIOS = (Scenario("inspection of the image", tuple(_JUDGES), _inspect),)
