"""What starts first is found as the engine finds it: right images in unusual forms pass, wrong ones are named."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Part, Subject, Verdict
from local_test.check.image import inspection
from tests.contract.check import images
from tests.contract.check.mutants.run import faults, findings

pytestmark = pytest.mark.engine

SERVER = ("RUN mkdir -p /srv/app && mv /usr/local/bin/serve /srv/app/server.py", "WORKDIR /srv/app")
TRAINER = ("RUN mkdir -p /srv/app && mv /usr/local/bin/train /srv/app/train.py", "WORKDIR /srv/app")
PY = ("RUN mkdir /opt/bin && ln -s /usr/bin/python3 /opt/bin/py && echo PATH=/opt/bin > /etc/profile.d/py.sh",)
HOSTING, TRAINING = frozenset({Part.IMAGE, Part.HOSTING}), frozenset({Part.IMAGE, Part.TRAINING})

RIGHT_SERVERS: dict[str, Iterable[str]] = {
    "script by its name in WORKDIR": ('ENTRYPOINT ["python3", "server.py"]',),
    "script by a relative path": ('ENTRYPOINT ["./server.py"]',),
    "script after options": ('ENTRYPOINT ["python3", "-u", "-W", "ignore", "server.py", "--config", "none.py"]',),
    "script without a run bit, read by Python": ("RUN chmod 644 server.py", 'ENTRYPOINT ["python3", "server.py"]'),
    "script with the lines of Windows, read by Python": (
        r"RUN sed -i 's/$/\r/' server.py",
        'ENTRYPOINT ["python3", "server.py"]',
    ),
    "first line that nobody uses": (
        "RUN sed -i '1s,.*,#!/opt/absent/python3,' server.py",
        'ENTRYPOINT ["python3", "server.py"]',
    ),
    "folder with a main module": (
        "RUN mkdir program && mv server.py program/__main__.py",
        'ENTRYPOINT ["python3", "program"]',
    ),
    "module": ("RUN mkdir program && mv server.py program/run.py", 'ENTRYPOINT ["python3", "-m", "program.run"]'),
    "code": ("""ENTRYPOINT ["python3", "-c", "import runpy; runpy.run_path('server.py')"]""",),
    "PATH of the image's own": (
        "RUN mkdir /opt/bin && mv server.py /opt/bin/model-server",
        "ENV PATH=/opt/bin:$PATH",
        'ENTRYPOINT ["model-server"]',
    ),
    "links to a link in a linked folder": (
        "RUN ln -s /srv/app /link && ln -s ../../link/server.py /usr/bin/one && ln -s one /usr/bin/two",
        'ENTRYPOINT ["two"]',
    ),
    "first line with env -S": (
        "RUN sed -i '1s,.*,#!/usr/bin/env -S PYTHONHASHSEED=0 python3 -u,' server.py",
        'ENTRYPOINT ["/srv/app/server.py"]',
    ),
    "first line with a relative interpreter": (
        "RUN ln -s /usr/bin/python3 python && sed -i '1s,.*,#!python,' server.py",
        'ENTRYPOINT ["./server.py"]',
    ),
    "shell in exec form": ('ENTRYPOINT ["sh", "-c", "exec python3 server.py"]',),
    "shell form with exec": ("ENTRYPOINT exec python3 server.py",),
    "shell with options": ('SHELL ["/bin/bash", "-o", "pipefail", "-c"]', "ENTRYPOINT exec python3 server.py"),
    "shell with options in one word": ('ENTRYPOINT ["bash", "-euxo", "pipefail", "-c", "exec python3 server.py"]',),
    "login shell, whose profile sets the PATH": (*PY, 'ENTRYPOINT ["bash", "--login", "-c", "exec py server.py"]'),
    "shell that reads a file first, which sets the PATH": (
        *PY,
        "ENV BASH_ENV=/etc/profile.d/py.sh",
        'ENTRYPOINT ["bash", "-c", "exec py server.py"]',
    ),
    "shell with options and a script": (
        r"RUN printf 'exec python3 server.py\n' > start.sh",
        'ENTRYPOINT ["bash", "-eo", "pipefail", "start.sh"]',
    ),
    "Python that does not buffer": ("ENV PYTHONUNBUFFERED=", 'ENTRYPOINT ["python3", "-Bu", "server.py"]'),
    "Python with options in one word": ('ENTRYPOINT ["python3", "-uW", "ignore", "server.py"]',),
    "shell script of several commands": ('ENTRYPOINT ["sh", "-c", "cd /srv && A=b.py; exec python3 app/server.py"]',),
    "shell script that passes the argument on": (
        "RUN ln -s /srv/app/server.py /usr/local/bin/serve",
        """ENTRYPOINT ["sh", "-ec", "exec \\"$@\\"", "--"]""",
    ),
    "shell script that Bash finds in WORKDIR": (
        r"RUN printf '#!/bin/bash\nexec python3 server.py\n' > start.sh",
        'ENTRYPOINT ["bash", "start.sh"]',
    ),
    "shell script with an archive after its end": (
        r"RUN printf '#!/bin/sh\nexec python3 server.py\nPK\003\004\024\000\r\n' > serve && chmod +x serve",
        'ENTRYPOINT ["./serve"]',
    ),
    "env in front": ('ENTRYPOINT ["env", "A=b", "python3", "server.py"]',),
    "init process of another kind": (
        "RUN ln -s /usr/bin/env /usr/bin/dumb-init",
        'ENTRYPOINT ["dumb-init", "--", "python3", "server.py"]',
        'CMD ["serve"]',
    ),
    "init process before a program that takes --": (
        "RUN ln -s /usr/bin/env /usr/bin/dumb-init",
        'ENTRYPOINT ["dumb-init", "python3", "server.py", "--"]',
    ),
}  # fmt: skip


def inspected(
    name: str, lines: Iterable[str], parts: frozenset[Part], files: Mapping[str, str] | None = None
) -> dict[str, Finding]:
    image = images.build(name, lines, files)
    points = findings(inspection.SCENARIOS, Subject(image, Path("/nonexistent"), parts))
    return {name: finding for name, finding in points.items() if finding.point.requires in (None, *parts)}


@pytest.mark.parametrize("kind", RIGHT_SERVERS)
def test_a_correct_server_is_not_called_broken(kind: str) -> None:
    found = inspected("start", [*SERVER, *RIGHT_SERVERS[kind]], HOSTING)
    assert faults(found) == {}
    assert found["H1-serve-there"].verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "lines",
    [
        ('ENTRYPOINT ["python3", "train.py"]',),
        ('ENTRYPOINT ["python3", "train.py"]', 'CMD ["--epochs", "3"]'),
        ('ENTRYPOINT ["./train.py"]', "CMD []"),
        ('ENTRYPOINT ["sh", "-c", "exec python3 train.py"]', "CMD []"),
        ("RUN ln -s /srv/app/train.py /usr/local/bin/train", 'CMD ["python3", "train.py"]'),
        ("RUN ln -s /srv/app/train.py /usr/local/bin/train", "CMD python3 fit.py"),
    ],
)
def test_a_correct_trainer_is_not_called_broken(lines: Iterable[str]) -> None:
    found = inspected("start", [*TRAINER, *lines], TRAINING)
    assert faults(found) == {}
    assert found["T1-train-there"].verdict is Verdict.PASSED


WRONG: dict[str, tuple[Iterable[str], str, str]] = {
    "script that is not there": (('ENTRYPOINT ["python3", "sever.py"]',), "H1-serve-there", "sever.py not found"),
    "script beside WORKDIR": (("WORKDIR /", 'ENTRYPOINT ["python3", "server.py"]'), "H1-serve-there", "from /"),
    "program that exec does not find": (
        ('ENTRYPOINT ["sh", "-c", "exec pyhton3 server.py"]',),
        "H1-serve-there",
        "pyhton3 not found",
    ),
    "link to nothing": (
        ("RUN ln -s /nowhere /usr/bin/gone", 'ENTRYPOINT ["gone"]'),
        "H1-serve-there",
        "gone not found",
    ),
    "links in a circle": (
        ("RUN ln -s two /usr/bin/one && ln -s one /usr/bin/two", 'ENTRYPOINT ["one"]'),
        "H1-serve-there",
        "one not found",
    ),
    "folder in place of a program": (
        ("RUN mkdir /usr/bin/folder && cp server.py /usr/bin/folder/", 'ENTRYPOINT ["/usr/bin/folder"]'),
        "H1-serve-there",
        "/usr/bin/folder not found",
    ),
    "CMD alone, which the argument replaces": (
        ('CMD ["python3", "server.py"]',),
        "H1-serve-there",
        'serve replaces CMD ["python3", "server.py"]: start that from a script serve, or write it as ENTRYPOINT if',
    ),
    "env that gets two words as one": (
        ("RUN sed -i '1s,.*,#!/usr/bin/env python3 -u,' server.py", 'ENTRYPOINT ["./server.py"]'),
        "T1-interpreter",
        "/srv/app/server.py needs python3 -u, which is not in the image",
    ),
    "interpreter of an interpreter": (
        (r"RUN printf '#!/absent\n' > python && chmod +x python && sed -i '1s,.*,#!python,' server.py",
         'ENTRYPOINT ["./server.py"]'),
        "T1-interpreter",
        "/srv/app/python needs /absent",
    ),
    "script without a first line": (
        ("RUN sed -i 1d server.py", 'ENTRYPOINT ["./server.py"]'),
        "T1-interpreter",
        'begins with "#!"',
    ),
    "shell script with the lines of Windows": (
        (r"RUN printf 'set -e\r\nexec python3 server.py\r\n' > start.sh", 'ENTRYPOINT ["sh", "start.sh"]'),
        "T1-line-ends",
        "/srv/app/start.sh has lines",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_start_is_named_and_nothing_else(kind: str) -> None:
    lines, point, words = WRONG[kind]
    found = faults(inspected("start", [*SERVER, *lines], HOSTING))
    assert set(found) == {point}
    assert words in found[point]


def test_a_shell_that_may_stay_in_front_gets_a_warning() -> None:
    found = inspected("start", [*SERVER, "ENTRYPOINT python3 server.py"], HOSTING)
    assert set(faults(found)) == {"T1-exec-form"}
    assert found["T1-exec-form"].verdict is Verdict.WARNING


@pytest.mark.parametrize("command", ['["bash"]', '["python3"]', '["serve"]', "[]"])
def test_a_default_command_that_cannot_train_is_named(command: str) -> None:
    assert set(faults(inspected("start", [f"CMD {command}"], TRAINING))) == {"T1-default-command"}
