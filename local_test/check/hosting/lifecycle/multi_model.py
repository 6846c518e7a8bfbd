"""Points of a multi-model endpoint: the /models API, in the order in which the platform calls it."""

import json
from collections.abc import Iterator
from dataclasses import replace

from local_test.check.core.points import (
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    Verdict,
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import NO_MODEL, NO_PAYLOAD, ServingContainer, start_container
from local_test.check.image.labels import MULTI_MODELS, has_label
from local_test.platform.profiles import MODEL_NAME, Conditions, Profile, forward_headers

_SOURCE = 'developer guide, "Custom Containers Contract for Multi-Model Endpoints"'
_PROFILES = frozenset({Profile.REAL_TIME, Profile.MULTI_MODEL})


def _point(name: str, expected: str, fix: str) -> Point:
    return Point(f"H12-{name}", Part.HOSTING, expected, _SOURCE, fix, _PROFILES)


PING = _point(
    "ping",
    "/ping returns 200 while no model is loaded",
    "do not wait for a model when SAGEMAKER_MULTI_MODEL is true",
)
LIST = _point("list", "GET /models lists the loaded models", "serve GET /models, or remove the label multi-models")
BAD_PATH = replace(
    _point(
        "load-bad-path", "POST /models with a url that does not exist returns 404", "return 404 if the path is missing"
    ),
    source=f"{_SOURCE}, Load Model API; the platform loads only what it has downloaded",
    level=Verdict.WARNING,
)
LOAD = _point(
    "load", "POST /models with model_name and url loads a model and returns 200", "load the model from the path in url"
)
AGAIN = _point(
    "load-again", "loading a loaded model again returns 409", "return 409 for a model_name that is already loaded"
)
DESCRIBE = _point(
    "describe", "GET /models/NAME returns modelName and modelUrl", "return the same JSON object as GET /models lists"
)
INVOKE = _point(
    "invoke", "POST /models/NAME/invoke with the payload returns 200", "handle it like /invocations, with that model"
)
UNLOADED = _point(
    "invoke-unloaded",
    "invoking a model that is not loaded returns 404",
    "return 404: the platform then loads the model",
)
UNLOAD = _point(
    "unload", "DELETE /models/NAME returns 200 and unloads the model", "free the model's memory, then return 200"
)
GONE = _point("unload-again", "unloading a model again returns 404", "return 404 for a model that is not loaded")
POINTS = (PING, LIST, BAD_PATH, LOAD, AGAIN, DESCRIBE, INVOKE, UNLOADED, UNLOAD, GONE)


def _run(subject: Subject) -> Iterator[Finding]:
    # H12-label says so if the image of a multi-model endpoint lacks the label
    if subject.profile is not Profile.MULTI_MODEL and not has_label(subject, MULTI_MODELS):
        yield from (not_applicable(point, "the label multi-models is not set") for point in POINTS)
        return
    conditions = Conditions.of(Profile.MULTI_MODEL, subject.environment)
    # with another profile no model is loaded at the start
    with start_container(replace(subject, profile=Profile.REAL_TIME), "models", conditions) as start:
        if start.served is None:
            yield passed_if(PING, False, start.reason)
            yield from inconclusive(POINTS[1:], start.reason)
            return
        yield passed_if(PING, True, start.last_ping)
        first = _call(start.served, "GET", "/models")
        if not first.ok:
            yield passed_if(LIST, False, first)
            yield from inconclusive(POINTS[2:], f"GET /models: {first}")
            return
        yield from _judged(start.served, first)


def _judged(served: ServingContainer, first: wire.Answer) -> Iterator[Finding]:
    url, one = served.endpoint.model_url, f"/models/{MODEL_NAME}"
    yield passed_if(BAD_PATH, (answer := served.load("absent", f"{url}-absent")).status == 404, answer)
    yield passed_if(UNLOADED, (answer := _invoke(served, "/models/absent")).status == 404, answer)
    if served.subject.model is None:
        yield from inconclusive((LIST, LOAD, AGAIN, DESCRIBE, INVOKE, UNLOAD, GONE), NO_MODEL)
        return
    yield passed_if(LOAD, (loaded := served.load(MODEL_NAME, url)).ok, loaded)
    if not loaded.ok:
        yield from inconclusive((LIST, AGAIN, DESCRIBE, INVOKE, UNLOAD, GONE), f"POST /models: {loaded}")
        return
    then = _call(served, "GET", "/models")
    listed = _names(first) == [] and _names(then) == [MODEL_NAME]
    yield passed_if(LIST, listed, f"{first.body[:80]!r} before a model is loaded, {then.body[:80]!r} after")
    yield passed_if(AGAIN, (answer := served.load(MODEL_NAME, url)).status == 409, answer)
    answer = _call(served, "GET", one)
    described = answer.ok and _field(answer.body, "modelName") == MODEL_NAME and _field(answer.body, "modelUrl") == url
    yield passed_if(DESCRIBE, described, f"{answer}: {answer.body[:120]!r}")
    if served.subject.payload is None:
        yield from inconclusive(INVOKE, NO_PAYLOAD)
    else:
        yield passed_if(INVOKE, (answer := _invoke(served, one)).ok, answer)
    gone, left = _call(served, "DELETE", one), _call(served, "GET", one)
    yield passed_if(UNLOAD, gone.ok and left.status == 404, f"DELETE: {gone}; then GET: {left}")
    yield passed_if(GONE, (answer := _call(served, "DELETE", one)).status == 404, answer)


def _call(served: ServingContainer, method: str, path: str) -> wire.Answer:
    return wire.request(served.address, method, path, headers=forward_headers({}))


def _invoke(served: ServingContainer, path: str) -> wire.Answer:
    body = served.subject.payload.body if served.subject.payload else b"{}"
    headers = {"Content-Type": served.content_type, "X-Amzn-SageMaker-Target-Model": f"{MODEL_NAME}.tar.gz"}
    return wire.request(served.address, "POST", f"{path}/invoke", body, forward_headers(headers))


def _field(body: bytes, name: str) -> object:
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content.get(name) if isinstance(content, dict) else None


def _names(answer: wire.Answer) -> list[object] | None:
    models = _field(answer.body, "models")
    return [model.get("modelName") for model in models] if isinstance(models, list) else None


SCENARIOS = (Scenario("a multi-model endpoint", POINTS, _run),)
