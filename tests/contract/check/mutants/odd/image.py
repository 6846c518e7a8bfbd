"""Odd images, of which only the configuration and the files are looked at."""

from local_test.check.core.points import Part
from local_test.platform.profiles import Profile
from tests.contract.check.mutants.changes import CAPABILITIES
from tests.contract.check.mutants.entry import Kind, Odd, Variant

_HOSTING = frozenset({Part.IMAGE, Part.HOSTING})
_RUN = """import os, sys
os.execv(f"/srv/app/{sys.argv[1] if sys.argv[1:] else 'train'}", sys.argv[1:] or ["train"])
"""
_APP = "RUN mkdir -p /srv/app && mv /usr/local/bin/train /usr/local/bin/serve /srv/app/"

SETTINGS = Odd(
    "settings",
    "has settings of no effect: a user of another name who is root, no health check, empty variables, other labels",
    Variant(
        (
            "RUN echo 'toor:x:0:0::/root:/bin/sh' >> /etc/passwd && mkdir -p /opt/ml/model /opt/ml/code",
            "RUN sed -i '1s,.*,#!/usr/bin/env -S python3 -u,' /usr/local/bin/train /usr/local/bin/serve",
            "USER toor",
            "WORKDIR /opt/ml/code",
            "HEALTHCHECK NONE",
            "ENV PYTHONUNBUFFERED= SAGEMAKER_PROGRAM= CUDA_VERSION= NVIDIA_VISIBLE_DEVICES=all",
            (
                "LABEL com.amazonaws.ml.engines.sagemaker.dlc.framework.tensorflow=true"
                " com.amazonaws.sagemaker.capabilities.multi-models=false"
            ),
        ),
    ),
)
RUN = Odd(
    "run",
    "a script without a run bit and a first line, with CRLF line ends, read by a Python in a folder named tini",
    Variant(
        (
            _APP,
            "COPY run.py /srv/app/run.py",
            "RUN chmod 644 /srv/app/run.py && mkdir -p /opt/tini && ln -s /usr/bin/python3 /opt/tini/start",
            'ENTRYPOINT ["/opt/tini/start", "/srv/app/run.py"]',
            'CMD ["train", "--epochs=3"]',
        ),
        {"run.py": _RUN.replace("\n", "\r\n")},
    ),
)
SHELL = Odd(
    "shell",
    "ENTRYPOINT in shell form, which execs the server",
    Variant((_APP, "ENTRYPOINT cd /srv/app && exec ./serve"), parts=_HOSTING),
)
GRAVITON = Odd("graviton", "an image for linux/arm64 that only serves", Variant(kind=Kind.ARM64, parts=_HOSTING))
UPLOADED = Odd("uploaded", "an image in a registry of another port, with a Docker manifest", Variant(kind=Kind.DOCKER))
LIMITS = Odd(
    "limits", "a name of 255 characters, and 10 GB unpacked", Variant(kind=Kind.LIMITS, profile=Profile.SERVERLESS)
)
MANY_MODELS = Odd(
    "many-models",
    "an image for a multi-model endpoint with one LABEL for two capabilities",
    Variant(
        (f"LABEL {CAPABILITIES}.multi-models=true {CAPABILITIES}.accept-bind-to-port=false",),
        parts=_HOSTING,
        profile=Profile.MULTI_MODEL,
    ),
)
