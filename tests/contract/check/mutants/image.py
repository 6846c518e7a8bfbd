"""Entries of the points that look at the image without running it."""

from collections.abc import Mapping

from local_test.platform.profiles import Profile
from tests.contract.check import images
from tests.contract.check.mutants.changes import CAPABILITIES
from tests.contract.check.mutants.entry import Entry, Kind, Variant
from tests.contract.check.mutants.odd.image import GRAVITON, LIMITS, MANY_MODELS, RUN, SETTINGS, SHELL, UPLOADED


def _lines(*lines: str) -> Variant:
    return Variant(lines)


_TINI = Variant(("COPY tini /usr/bin/tini", 'ENTRYPOINT ["tini", "--"]'), {"tini": "#!/bin/sh\nexec train\n"})
_SCRIPT = (images.GOOD / "train").read_text(encoding="utf-8")

ENTRIES: Mapping[str, Entry] = {
    "T1-platform": Entry(
        "is for linux/arm64, and trains", Variant(kind=Kind.ARM64),
        GRAVITON, "is for linux/arm64, and only serves",
    ),
    "T20-manifest": Entry(
        "has an OCI manifest in its registry", Variant(kind=Kind.OCI),
        UPLOADED, "has a Docker manifest, under a name with a port",
    ),
    "T20-address": Entry(
        "has a name of more than 255 characters", Variant(kind=Kind.LONG_NAME),
        LIMITS, "has a name of 255 characters",
    ),
    "T1-exec-form": Entry(
        "`ENTRYPOINT exec train`, which drops the argument", _lines("ENTRYPOINT exec train"),
        SHELL, "`ENTRYPOINT cd ... && exec ./serve`, for an image that only serves",
    ),
    "T1-no-init": Entry("`tini` as the entry point", _TINI, RUN, "a Python in the folder /opt/tini"),
    "T1-train-there": Entry(
        "has no `train`", _lines("RUN rm /usr/local/bin/train"),
        RUN, "no `train` on the PATH: the entry point starts it by its path",
    ),
    "H1-serve-there": Entry(
        "has no `serve`", _lines("RUN rm /usr/local/bin/serve"),
        RUN, "no `serve` on the PATH: the entry point starts it by its path",
    ),
    "T1-run-bit": Entry(
        "`serve` is not executable", _lines("RUN chmod 644 /usr/local/bin/serve"),
        RUN, "the script is not executable: Python reads it",
    ),
    "T1-line-ends": Entry(
        "`train` has CRLF line ends", Variant(files={"train": _SCRIPT.replace("\n", "\r\n")}),
        RUN, "the script has CRLF line ends, which Python reads",
    ),
    "T1-interpreter": Entry(
        "`serve` begins with an interpreter that is missing",
        Variant(files=images.changed("serve", ("#!/usr/bin/env python3", "#!/opt/venv/bin/python3"))),
        SETTINGS, "`#!/usr/bin/env -S python3 -u`",
    ),
    "T1-default-command": Entry(
        '`CMD ["bash"]`', _lines('CMD ["bash"]'), RUN, '`CMD ["train", "--epochs=3"]`, for the entry point'
    ),
    "T3-opt-ml-empty": Entry(
        "has a program in /opt/ml/code", _lines("COPY train /opt/ml/code/train.py"),
        SETTINGS, "empty folders below /opt/ml, one of them WORKDIR",
    ),
    "T10-no-baked-program": Entry(
        "ENV SAGEMAKER_PROGRAM", _lines("ENV SAGEMAKER_PROGRAM=train.py"),
        SETTINGS, "ENV SAGEMAKER_PROGRAM is empty, as where a Dockerfile clears a base's variable",
    ),
    "T15-unbuffered": Entry(
        "ENV PYTHONUNBUFFERED is empty", _lines("ENV PYTHONUNBUFFERED="),
        SETTINGS, "no PYTHONUNBUFFERED: the first line of each program has `-u`",
    ),
    "H1-user": Entry("USER 1000", _lines("USER 1000"), SETTINGS, "USER toor, whose number is 0"),
    "H2-labels": Entry(
        "a label's value is `yes`", _lines("LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=yes"),
        SETTINGS, "a label of AWS's own images, and a capability that is false",
    ),
    "H3-no-healthcheck": Entry(
        "HEALTHCHECK", _lines("HEALTHCHECK CMD python3 -c pass"),
        SETTINGS, "HEALTHCHECK NONE, which disables the base's",
    ),
    "H12-label": Entry(
        "its label is false", Variant((f"LABEL {CAPABILITIES}.multi-models=false",), profile=Profile.MULTI_MODEL),
        MANY_MODELS, "one LABEL for two capabilities",
    ),
    "H14-size": Entry(
        "11 GB unpacked", Variant(kind=Kind.LARGE, profile=Profile.SERVERLESS),
        LIMITS, "10 GB unpacked, to the byte",
    ),
    "H18-cuda-label": Entry(
        "CUDA without the label", _lines("ENV CUDA_VERSION=12.9.1"),
        SETTINGS, "NVIDIA_VISIBLE_DEVICES without CUDA, and CUDA_VERSION empty",
    ),
}  # fmt: skip
"""By the names of their points."""
