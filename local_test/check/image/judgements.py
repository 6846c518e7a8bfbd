"""Judgements on an image without running it, one function per point of inspection.py.

Image, Subject  ->  (verdict, what was observed in one line)
"""

import difflib
import json
import re

from local_test.check.core.points import Part, Subject, Verdict, counted
from local_test.check.image import labels
from local_test.check.image.docker_image import DockerError, Image
from local_test.platform.profiles import Profile

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_SERVERLESS_BYTES = 10e9

Judgement = tuple[Verdict, str]


def passed_if(condition: bool, observed: str) -> Judgement:
    """Return PASSED if *condition* is true, else BROKEN."""
    return Verdict.PASSED if condition else Verdict.BROKEN, observed


def shown(name: str, words: list[str]) -> str:
    """Return an instruction of the Dockerfile as it is stored."""
    return f"{name} {json.dumps(words)}" if words else f"no {name}"


def platform(image: Image, subject: Subject) -> Judgement:
    """Judge the processor by what the image is for; "Arm" is 64-bit Arm, as Graviton."""
    name = f"{image.config.get('Os')}/{image.config.get('Architecture')}"
    if kind := subject.instance_type:
        return passed_if(name == kind.platform, f"{name}; {kind.name} runs {kind.platform}")
    if name != "linux/arm64":
        return passed_if(name == "linux/amd64", name)
    if Part.TRAINING in subject.parts:
        return Verdict.BROKEN, f"{name}: training is on x86-64, but for ml.p6e-gb200; only hosting is on Graviton, too"
    if subject.profile is Profile.BATCH:
        return Verdict.BROKEN, f"{name}: batch transform is on x86-64"
    if subject.profile is Profile.SERVERLESS:
        return Verdict.INCONCLUSIVE, f"{name}: the processor of serverless endpoints is not documented"
    return Verdict.PASSED, f"{name}: for Graviton only, such as ml.c7g, ml.m8g and ml.r8g, and for ml.p6e-gb200"


def manifest(image: Image, _: Subject) -> Judgement:
    if host := image.registry:
        try:
            kinds = image.pushed_media_types()
        except DockerError as error:
            return Verdict.INCONCLUSIVE, f"{host} did not return the manifest: {error}"
        foreign = [kind for kind in kinds if not kind.startswith("application/vnd.docker.")]
        kind = foreign[0] if foreign else kinds[0]
        return passed_if(kind == _MANIFEST, f"{host} has {kind or 'a manifest without a type'}")
    if stored := image.config.get("Descriptor", {}).get("mediaType", ""):
        observed = f"not pushed yet; Docker stores and pushes it as {stored}"
        return Verdict.PASSED if stored == _MANIFEST else Verdict.WARNING, observed  # other tools push it differently
    return Verdict.INCONCLUSIVE, "the image is not in a registry; push it, and check it by its name there"


def address(image: Image, _: Subject) -> Judgement:
    return passed_if(len(image.name) <= 255, counted(len(image.name), "character"))


def nothing_under_opt_ml(image: Image, _: Subject) -> Judgement:
    names = image.files_below("/opt/ml", 20)
    return passed_if(not names, f"{', '.join(names[:3])}{', ...' if names[3:] else ''}" if names else "no file")


def no_baked_program(image: Image, _: Subject) -> Judgement:
    baked = image.environment.get("SAGEMAKER_PROGRAM", "")
    return passed_if(not baked, f"ENV SAGEMAKER_PROGRAM={baked}" if baked else "not set")


def root(image: Image, _: Subject) -> Judgement:
    user = str(image.run_config.get("User") or "")
    name = user.partition(":")[0]
    accounts = image.find("/etc/passwd") if name and not name.isdecimal() else None
    # as the engine resolves it: a name by /etc/passwd, whatever it is, and digits as a number
    numbers = {
        fields[0]: fields[2]
        for line in (accounts.head if accounts else b"").split(b"\n")
        if len(fields := line.split(b":")) > 2
    }
    number = numbers.get(name.encode(), b"0" if name in ("", "root") else name.encode())
    return passed_if(number.isdigit() and int(number) == 0, f"USER {user}" if user else "no USER")


def label_syntax(image: Image, _: Subject) -> Judgement:
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
    return passed_if(not faults, "; ".join(faults) or ", ".join(f"{name}={value}" for name, value in found.items()))


def multi_model_label(image: Image, subject: Subject) -> Judgement:
    if subject.profile is not Profile.MULTI_MODEL:
        return Verdict.NOT_APPLICABLE, "the endpoint has one model"
    value = image.labels.get(labels.MULTI_MODELS, "")
    return passed_if(value.lower() == "true", f"{labels.MULTI_MODELS}={value}" if value else "no such label")


def no_healthcheck(image: Image, _: Subject) -> Judgement:
    words = (image.run_config.get("Healthcheck") or {}).get("Test") or []
    return passed_if(words[:1] in ([], ["NONE"]), shown("HEALTHCHECK", words))


def size(image: Image, _: Subject) -> Judgement:
    return passed_if(image.config["Size"] <= _SERVERLESS_BYTES, f"{image.config['Size'] / 1e9:.2f} GB unpacked")


def cuda_label(image: Image, _: Subject) -> Judgement:
    version = image.environment.get("CUDA_VERSION", "")
    cache = image.find("/etc/ld.so.cache")
    if not version and not (cache and b"libcudart.so" in cache.head) and not image.find("/usr/local/cuda/version.json"):
        return Verdict.NOT_APPLICABLE, "no CUDA library"
    label = image.labels.get(labels.CUDA, "")
    return passed_if(bool(label), f"CUDA {version or 'libraries'}, {f'declared as {label}' if label else 'no label'}")
