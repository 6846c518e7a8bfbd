"""Judgements on what starts first in an image, one function per point of inspection.py.

ENTRYPOINT, CMD, PATH, WORKDIR, files  ->  start.resolve  ->  (verdict, what was observed in one line)
"""

import posixpath
import re
from collections.abc import Callable

from local_test.check.core.points import Part, Subject, Verdict
from local_test.check.image.docker_image import File, Image
from local_test.check.image.judgements import Judgement, passed_if, shown
from local_test.check.image.start import PYTHON, SHELLS, Start, resolve, shell_script

_TINI = ("tini", "tini-static", "docker-init")
_UNBUFFERED = re.compile(r"-[bBdEiIOPqsSvx]*u[bBdEiIOPqsSvxWX]*")
"""Python's option -u, alone or among others."""
_VERBS = {Part.TRAINING: "train", Part.HOSTING: "serve"}


def _starts(image: Image, subject: Subject) -> list[Start]:
    """Return how the image starts for each part that is checked."""
    return [resolve(image, [*image.entrypoint, verb]) for part, verb in _VERBS.items() if part in subject.parts]


def _basename(words: list[str]) -> str:
    return posixpath.basename(words[0]) if words else ""


def exec_form(image: Image, subject: Subject) -> Judgement:
    observed = shown("ENTRYPOINT", image.entrypoint)
    found = shell_script(image.entrypoint)
    if found is None:
        return Verdict.PASSED, observed
    if _VERBS.keys() <= subject.parts and not re.search(r"\$\{?[@*01]", found[0]):
        return Verdict.BROKEN, f"{observed}: starts the same for train and serve"
    if re.search(r"(^|[;&|\n])\s*exec\s", found[0]):
        return Verdict.PASSED, f"{observed}: exec replaces the shell"
    return Verdict.BROKEN, f"{observed}: SIGTERM may end at the shell, which T13-signal and H8-stops-in-time try"


def no_init(image: Image, _: Subject) -> Judgement:
    return passed_if(_basename(image.entrypoint) not in _TINI, shown("ENTRYPOINT", image.entrypoint))


def is_present(verb: str) -> Callable[[Image, Subject], Judgement]:
    def judge(image: Image, _: Subject) -> Judgement:
        start = resolve(image, [*image.entrypoint, verb])
        if not start.missing:
            files = [*start.programs, *(file for _, file in start.scripts)]
            return Verdict.PASSED, f"{', '.join(dict.fromkeys(file.path for file in files))} in the image"
        observed = (
            f"{', '.join(start.missing)} not found from {image.run_config.get('WorkingDir') or '/'} or on the PATH"
        )
        replaced = (
            f"; {verb} replaces {shown('CMD', image.command)}: start that from a script {verb},"
            " or write it as ENTRYPOINT if it accepts a further argument"
        )
        return Verdict.BROKEN, observed + (replaced if image.command and not image.entrypoint else "")

    return judge


def _each_start(fault: Callable[[Start], list[str]], fine: str) -> Callable[[Image, Subject], Judgement]:
    """Judge each start by *fault*, which returns what is wrong."""

    def judge(image: Image, subject: Subject) -> Judgement:
        starts = [start for start in _starts(image, subject) if start.programs]
        if not starts:
            return Verdict.INCONCLUSIVE, "no program was found"
        faults = dict.fromkeys(text for start in starts for text in fault(start))
        files = dict.fromkeys(file.path for start in starts for file in start.programs)
        return passed_if(not faults, "; ".join(faults) or f"{', '.join(files)}: {fine}")

    return judge


def _no_run_bit(start: Start) -> list[str]:
    return [f"{file.path} has mode {file.mode & 0o777:o}" for file in start.programs if not file.mode & 0o111]


def _carriage_return(start: Start) -> list[str]:
    """Shells stumble over every carriage return, the kernel over one in the "#!" line; Python reads them all."""

    def stumbles(name: str, file: File) -> bool:
        first = file.head.partition(b"\n")[0].endswith(b"\r") and file in start.programs
        script = file.head.partition(b"\0")[0]  # an archive may follow, as in a program of pex --sh-boot
        return first or (name in SHELLS and b"\r\n" in script)

    return [f"{file.path} has lines that end with CR LF" for name, file in start.scripts if stumbles(name, file)]


def _no_interpreter(start: Start) -> list[str]:
    first = start.programs[0]
    if not first.head.startswith((b"#!", b"\x7fELF")):
        return [f'{first.path} is neither a program nor a script that begins with "#!"']
    return [f"{script} needs {name}, which is not in the image" for script, name in start.lacking]


def default_command(image: Image, _: Subject) -> Judgement:
    observed = shown("CMD", image.command)
    script = shell_script(image.command)
    words = [word for text in image.command for word in re.split(r"[\s/]+", text)]
    if any(re.fullmatch(r"train(\.\w+)?", word) for word in words):
        return Verdict.PASSED, observed
    if image.entrypoint:
        return Verdict.INCONCLUSIVE, f"{observed}: only the entry point decides what happens without arguments"
    name = _basename(image.command)
    idle = script is None and len(image.command) == 1 and (name in (*SHELLS, "serve") or PYTHON.match(name))
    if image.command and not idle:
        return Verdict.INCONCLUSIVE, f"{observed}: may train"
    return Verdict.BROKEN, observed


def unbuffered(image: Image, subject: Subject) -> Judgement:
    if value := image.environment.get("PYTHONUNBUFFERED"):
        return Verdict.PASSED, f"ENV PYTHONUNBUFFERED={value}"
    starts = _starts(image, subject)
    python_commands = [
        words for start in starts for words in start.commands if any(PYTHON.match(_basename([word])) for word in words)
    ]
    texts = [file.head for start in starts for _, file in start.scripts]
    texts += [text.encode() for start in starts for text in start.texts]
    if not python_commands and not any(re.search(rb"\bpython", text) for text in texts):
        return Verdict.NOT_APPLICABLE, "the program that starts first is not Python"
    unbuffered_itself = any(_UNBUFFERED.fullmatch(word) for words in python_commands for word in words) or any(
        re.search(rb"PYTHONUNBUFFERED|python[\d.]* -[bBdEiIOPqsSvx]*u|flush=True|line_buffering", text)
        for text in texts
    )
    return passed_if(
        unbuffered_itself, "the program does not buffer" if unbuffered_itself else "not set, and Python starts first"
    )


run_bit = _each_start(_no_run_bit, "executable")
line_ends = _each_start(_carriage_return, "Unix line endings")
interpreter = _each_start(_no_interpreter, "interpreter found")
