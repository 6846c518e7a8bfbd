"""What an image shows without being run: the points of it.

    Image  ->  judgements, one a point  ->  findings

The sources name the pages of AWS's developer guide, the API's models, or the reports of those whom it hit.
"""

from collections.abc import Callable, Iterator

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject
from local_test.check.image import judgements as judge
from local_test.check.image import labels
from local_test.check.image.docker_image import Image, open_image
from local_test.platform.profiles import Profile

_TRAINING_PAGE = 'developer guide, "How Amazon SageMaker AI Runs Your Training Image"'
_HOSTING_PAGE = 'developer guide, "Custom Inference Code with Hosting Services"'

_JUDGES: dict[Point, Callable[[Image, frozenset[Part]], judge.Judgement]] = {
    Point(
        "T1-platform",
        Part.IMAGE,
        "linux/amd64",
        'instances are x86_64; elsewhere "exec format error"',
        "docker build --platform linux/amd64",
    ): judge.platform,
    Point(
        "T20-manifest",
        Part.IMAGE,
        "one Docker manifest in the registry: no OCI manifest, no index, no attestations",
        "aws/amazon-sagemaker-feedback#180, mlflow#13834, docker/buildx#1533",
        "docker buildx build --provenance=false --sbom=false --output type=docker,oci-mediatypes=false, and push",
    ): judge.manifest,
    Point(
        "T20-address",
        Part.IMAGE,
        "a name of at most 255 characters",
        "API model, AlgorithmSpecification.TrainingImage and ContainerDefinition.Image",
        "push it under a shorter name",
    ): judge.address,
    Point(
        "T1-exec-form",
        Part.IMAGE,
        "ENTRYPOINT in exec form, or none: a shell as process 1 loses the argument and SIGTERM",
        _TRAINING_PAGE,
        'ENTRYPOINT ["program", "argument"] instead of ENTRYPOINT program argument',
    ): judge.exec_form,
    Point(
        "T1-no-init",
        Part.IMAGE,
        "no tini as the entry point",
        _TRAINING_PAGE,
        "leave tini out; the program itself handles SIGTERM and its children",
    ): judge.no_init,
    Point(
        "T1-train-there",
        Part.IMAGE,
        "the entry point, or else `train` on the PATH",
        _TRAINING_PAGE,
        "COPY train /usr/local/bin/train",
        requires=Part.TRAINING,
    ): judge.is_present("train"),
    Point(
        "H1-serve-there",
        Part.IMAGE,
        "the entry point, or else `serve` on the PATH",
        _HOSTING_PAGE,
        "COPY serve /usr/local/bin/serve",
        requires=Part.HOSTING,
    ): judge.is_present("serve"),
    Point(
        "T1-run-bit",
        Part.IMAGE,
        "what starts first may be executed",
        'docker run: "permission denied"',
        "chmod +x the program, or COPY --chmod=755",
    ): judge.run_bit,
    Point(
        "T1-line-ends",
        Part.IMAGE,
        "scripts have Unix line ends",
        'docker run: "no such file or directory", of the interpreter with a carriage return',
        "*.sh text eol=lf in .gitattributes (and so for train, serve), then check out and build again",
    ): judge.line_ends,
    Point(
        "T1-interpreter",
        Part.IMAGE,
        "the interpreter that a script names is in the image",
        'docker run: "no such file or directory"',
        "install it, or correct the script's first line",
    ): judge.interpreter,
    Point(
        "T1-default-command",
        Part.IMAGE,
        "run without arguments, as SDK v3's local mode does, the image trains",
        "SDK 3.27.0: the image's CMD ran, with success and an empty model",
        'CMD ["train"]',
        requires=Part.TRAINING,
    ): judge.default_command,
    Point(
        "T3-opt-ml-empty",
        Part.IMAGE,
        "no file under /opt/ml: the platform mounts over it, and a filled /opt/ml/code drops the SDK's source_dir",
        _TRAINING_PAGE,
        "put it elsewhere, such as /opt/program",
    ): judge.nothing_under_opt_ml,
    Point(
        "T10-no-baked-program",
        Part.IMAGE,
        "no ENV SAGEMAKER_PROGRAM: it beats an Estimator's entry_point, without a word",
        "sagemaker-training 5.1.4, measured",
        "leave it out, and let the image's own `train` choose; or never give entry_point",
        requires=Part.TRAINING,
    ): judge.no_baked_program,
    Point(
        "T15-unbuffered",
        Part.IMAGE,
        "ENV PYTHONUNBUFFERED for Python: else logs and metrics come late, or never when it is killed",
        "Dockerfile of AWS's scikit_bring_your_own sample",
        "ENV PYTHONUNBUFFERED=1",
    ): judge.unbuffered,
    Point(
        "H1-user",
        Part.IMAGE,
        "the user is root",
        f"{_HOSTING_PAGE}; sagemaker-inference-toolkit#72",
        "leave USER out",
    ): judge.root,
    Point(
        "H2-labels",
        Part.IMAGE,
        "labels of SageMaker's are spelt right, with true or false, or versions of CUDA",
        _HOSTING_PAGE,
        "LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true",
        requires=Part.HOSTING,
    ): judge.label_syntax,
    Point(
        "H3-no-healthcheck",
        Part.IMAGE,
        "no HEALTHCHECK: the platform asks /ping, and this would only take time from the model",
        _HOSTING_PAGE,
        "leave HEALTHCHECK out, or HEALTHCHECK NONE for a base image's",
        requires=Part.HOSTING,
    ): judge.no_healthcheck,
    Point(
        "H14-size",
        Part.IMAGE,
        "at most 10 GB",
        'developer guide, "Serverless Inference": container image size',
        "a smaller base image, no compilers and caches; or an endpoint with instances",
        profiles=frozenset({Profile.SERVERLESS}),
        requires=Part.HOSTING,
    ): judge.size,
    Point(
        "H18-cuda-label",
        Part.IMAGE,
        f"an image with CUDA says which version it was tried with, by {labels.CUDA}: hosts may have older drivers",
        "aws/deep-learning-containers#4990, #6187; NVIDIA/nim-deploy#104",
        f"LABEL {labels.CUDA}=12.9, and choose the endpoint's InferenceAmiVersion",
        requires=Part.HOSTING,
    ): judge.cuda_label,
}


def _inspect(subject: Subject) -> Iterator[Finding]:
    assert subject.image is not None  # noqa: S101 # run leaves the points of an image out where there is none
    with open_image(subject.image) as image:
        for point, judged in _JUDGES.items():
            yield Finding(point, *judged(image, subject.parts))


SCENARIOS = (Scenario("looking into the image", tuple(_JUDGES), _inspect),)
