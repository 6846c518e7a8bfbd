"""Judgements on an image without running it, one function per point of inspection.py.

Image, requested parts  ->  (verdict, what was observed in one line)
"""

import difflib
import json
import posixpath
import re
from collections.abc import Callable

from local_test.check.core.points import Part, Verdict
from local_test.check.image import labels
from local_test.check.image.docker_image import DockerError, File, Image

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_SERVERLESS_BYTES = 10e9
_SHELLS = ("sh", "bash", "dash", "ash", "zsh")
_INITS = ("tini", "tini-static", "docker-init")

Judgement = tuple[Verdict, str]


def _passed_if(condition: bool, observed: str) -> Judgement:
    return Verdict.PASSED if condition else Verdict.BROKEN, observed


def _basename(words: list[str]) -> str:
    return posixpath.basename(words[0]) if words else ""


def _shown(name: str, words: list[str]) -> str:
    return f"{name} {json.dumps(words)}" if words else f"no {name}"


def _first_names(image: Image, parts: frozenset[Part]) -> list[str]:
    """Return the names of what starts first: ENTRYPOINT's program and its scripts, or `train` and `serve`."""
    if image.entrypoint:
        return [
            image.entrypoint[0],
            *(word for word in image.entrypoint[1:] if "/" in word or word.endswith((".py", ".sh"))),
        ]
    return [name for part, name in ((Part.TRAINING, "train"), (Part.HOSTING, "serve")) if part in parts]


def _first_programs(image: Image, parts: frozenset[Part]) -> list[File]:
    return [file for name in _first_names(image, parts) if (file := image.find(name))]


def platform(image: Image, _: frozenset[Part]) -> Judgement:
    platform = f"{image.config.get('Os')}/{image.config.get('Architecture')}"
    return _passed_if(platform == "linux/amd64", platform)


def manifest(image: Image, _: frozenset[Part]) -> Judgement:
    if host := image.registry:
        try:
            kinds = image.pushed_media_types()
        except DockerError as error:
            return Verdict.INCONCLUSIVE, f"{host} did not return the manifest: {error}"
        foreign = [kind for kind in kinds if not kind.startswith("application/vnd.docker.")]
        kind = foreign[0] if foreign else kinds[0]
        return _passed_if(kind == _MANIFEST, f"{host} has {kind or 'a manifest without a type'}")
    if stored := image.config.get("Descriptor", {}).get("mediaType", ""):
        observed = f"not pushed yet; Docker stores and pushes it as {stored}"
        return Verdict.PASSED if stored == _MANIFEST else Verdict.WARNING, observed  # other tools push it differently
    return Verdict.INCONCLUSIVE, "the image is not in a registry; push it, and check it by its name there"


def address(image: Image, _: frozenset[Part]) -> Judgement:
    return _passed_if(len(image.name) <= 255, f"{len(image.name)} characters")


def exec_form(image: Image, _: frozenset[Part]) -> Judgement:
    words = image.entrypoint
    shell = _basename(words) in _SHELLS and "-c" in words[1:2]
    return _passed_if(not shell, _shown("ENTRYPOINT", words))


def no_init(image: Image, _: frozenset[Part]) -> Judgement:
    words = image.entrypoint
    return _passed_if(_basename(words) not in _INITS, _shown("ENTRYPOINT", words))


def is_present(verb: str) -> Callable[[Image, frozenset[Part]], Judgement]:
    def judge(image: Image, _: frozenset[Part]) -> Judgement:
        names = _first_names(image, frozenset(Part)) if image.entrypoint else [verb]
        missing = [name for name in names if image.find(name) is None]
        return _passed_if(
            not missing, f"{', '.join(missing)} not found" if missing else f"{', '.join(names)} is in the image"
        )

    return judge


def _each_program(fault: Callable[[Image, File], str], fine: str) -> Callable[[Image, frozenset[Part]], Judgement]:
    """Judge each program that starts first by *fault*, which returns what is wrong or an empty text."""

    def judge(image: Image, parts: frozenset[Part]) -> Judgement:
        files = _first_programs(image, parts)
        if not files:
            return Verdict.INCONCLUSIVE, "no program was found"
        faults = [text for file in files if (text := fault(image, file))]
        return _passed_if(not faults, "; ".join(faults) or f"{', '.join(file.path for file in files)}: {fine}")

    return judge


def _no_run_bit(image: Image, file: File) -> str:
    argument = file.path in image.entrypoint[1:]  # read by an interpreter
    return "" if argument or file.mode & 0o111 else f"{file.path} has mode {file.mode & 0o777:o}"


def _carriage_return(_: Image, file: File) -> str:
    script = file.is_script or file.path.endswith((".py", ".sh"))
    return f"{file.path} has lines that end with CR LF" if script and b"\r\n" in file.head else ""


def _no_interpreter(image: Image, file: File) -> str:
    words = file.interpreter
    return f"{file.path} needs {words[0]}, which is not in the image" if words and image.find(words[0]) is None else ""


def default_command(image: Image, _: frozenset[Part]) -> Judgement:
    observed = _shown("CMD", image.command)
    if image.entrypoint and not image.command:
        return Verdict.INCONCLUSIVE, f"{observed}: only the entry point decides what happens without arguments"
    return _passed_if("train" in (word for text in image.command for word in re.split(r"[\s/]+", text)), observed)


def nothing_under_opt_ml(image: Image, _: frozenset[Part]) -> Judgement:
    names = image.files_below("/opt/ml", 20)
    return _passed_if(not names, f"{', '.join(names[:3])}{', ...' if names[3:] else ''}" if names else "no file")


def no_baked_program(image: Image, _: frozenset[Part]) -> Judgement:
    baked = image.environment.get("SAGEMAKER_PROGRAM", "")
    return _passed_if(not baked, f"ENV SAGEMAKER_PROGRAM={baked}" if baked else "not set")


def unbuffered(image: Image, parts: frozenset[Part]) -> Judgement:
    if value := image.environment.get("PYTHONUNBUFFERED"):
        return Verdict.PASSED, f"ENV PYTHONUNBUFFERED={value}"
    python = re.compile(r"python[\d.]*$")
    files = _first_programs(image, parts)
    commands = [image.entrypoint, *(file.interpreter for file in files)]
    python_commands = [words for words in commands if python.search(_basename(words))]
    texts = [file.head for file in files if file.is_script or file.path.endswith(".py")]
    if not python_commands and not any(re.search(rb"\bpython", text) for text in texts):
        return Verdict.NOT_APPLICABLE, "the program that starts first is not Python"
    unbuffered_itself = any("-u" in words for words in python_commands) or any(
        re.search(rb"PYTHONUNBUFFERED|python[\d.]* -u|flush=True|line_buffering", text) for text in texts
    )
    return _passed_if(
        unbuffered_itself, "the program does not buffer" if unbuffered_itself else "not set, and Python starts first"
    )


def root(image: Image, _: frozenset[Part]) -> Judgement:
    user = str(image.run_config.get("User") or "")
    return _passed_if(user.partition(":")[0] in ("", "0", "root"), f"USER {user}" if user else "no USER")


def label_syntax(image: Image, _: frozenset[Part]) -> Judgement:
    known = dict.fromkeys((labels.BIND_TO_PORT, labels.MULTI_MODELS, labels.BIDIRECTIONAL), "true|false")
    known[labels.CUDA] = r"\d+\.\d+(,\s*\d+\.\d+)*"
    found = {name: value for name, value in image.labels.items() if name.lower().startswith(labels.PREFIX)}
    if not found:
        return Verdict.NOT_APPLICABLE, f"no label {labels.PREFIX}*"
    faults = []
    for name, value in found.items():
        if name in known and not re.fullmatch(known[name], value):
            faults.append(f"{name}={value!r}")
        if name not in known and (near := difflib.get_close_matches(name, known, 1, 0.85)):
            faults.append(f"{name}, did you mean {near[0]}?")
    return _passed_if(not faults, "; ".join(faults) or ", ".join(f"{name}={value}" for name, value in found.items()))


def no_healthcheck(image: Image, _: frozenset[Part]) -> Judgement:
    words = (image.run_config.get("Healthcheck") or {}).get("Test") or []
    return _passed_if(words[:1] in ([], ["NONE"]), _shown("HEALTHCHECK", words))


def size(image: Image, _: frozenset[Part]) -> Judgement:
    return _passed_if(image.config["Size"] <= _SERVERLESS_BYTES, f"{image.config['Size'] / 1e9:.2f} GB unpacked")


def cuda_label(image: Image, _: frozenset[Part]) -> Judgement:
    version = image.environment.get("CUDA_VERSION", "")
    cache = image.find("/etc/ld.so.cache")
    if not version and not (cache and b"libcudart.so" in cache.head) and not image.find("/usr/local/cuda/version.json"):
        return Verdict.NOT_APPLICABLE, "no CUDA library"
    label = image.labels.get(labels.CUDA, "")
    return _passed_if(bool(label), f"CUDA {version or 'libraries'}, {f'declared as {label}' if label else 'no label'}")


run_bit = _each_program(_no_run_bit, "executable")
line_ends = _each_program(_carriage_return, "Unix line endings")
interpreter = _each_program(_no_interpreter, "interpreter found")
