"""Points of an endpoint of many models: the /models API, in the order in which the platform calls it."""

import json
from collections.abc import Iterator
from dataclasses import replace

from local_test.check.core.points import (
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import ServingContainer, start_container
from local_test.check.image.labels import MULTI_MODELS, has_label
from local_test.platform.profiles import MODEL_NAME, Conditions, Profile, forwarded_headers

_SOURCE = "developer guide, mms-container-apis"
_PROFILES = frozenset({Profile.REAL_TIME, Profile.MULTI_MODEL})


def _point(name: str, expected: str, fix: str) -> Point:
    return Point(f"H12-{name}", Part.HOSTING, expected, _SOURCE, fix, _PROFILES)


PING = _point("ping", "/ping is 200 with no model loaded", "do not wait for a model when SAGEMAKER_MULTI_MODEL is true")
LIST = _point("list", "GET /models lists what is loaded", "serve /models, or remove the label multi-models")
BAD_PATH = _point("load-bad-path", "to load what is not there is 404", "look whether the path is there")
LOAD = _point("load", "POST /models with model_name and url loads a model, 200", "load the model that lies at url")
AGAIN = _point("load-again", "to load a model again is 409", "answer 409 for a name that is loaded")
DESCRIBE = _point("describe", "GET /models/NAME has modelName and modelUrl", "answer as /models does for each")
INVOKE = _point("invoke", "POST /models/NAME/invoke answers the payload with 200", "serve it as /invocations")
UNLOADED = _point("invoke-unloaded", "to ask a model that is not loaded is 404", "answer 404, so that it is loaded")
UNLOAD = _point("unload", "DELETE /models/NAME is 200, and it is gone", "free the model, then answer 200")
GONE = _point("unload-again", "to unload a model again is 404", "answer 404 for a name that is not loaded")
POINTS = (PING, LIST, BAD_PATH, LOAD, AGAIN, DESCRIBE, INVOKE, UNLOADED, UNLOAD, GONE)


def _run(subject: Subject) -> Iterator[Finding]:
    # a bare program has no labels
    asked = subject.image is None and subject.profile is Profile.MULTI_MODEL
    if not asked and not has_label(subject, MULTI_MODELS):
        yield from (not_applicable(point, "without the label multi-models") for point in POINTS)
        return
    conditions = Conditions.of(Profile.MULTI_MODEL, subject.environment)
    # of another profile nothing is loaded at the start
    with start_container(replace(subject, profile=Profile.REAL_TIME), "models", conditions) as start:
        if start.served is None:
            yield passed_if(PING, False, start.reason)
            yield from inconclusive(POINTS[1:], start.reason)
            return
        yield passed_if(PING, True, start.last_ping)
        first = _call(start.served, "GET", "/models")
        if not first.ok:
            yield passed_if(LIST, False, first)
            yield from inconclusive(POINTS[2:], f"GET /models is {first}")
            return
        yield from _judged(start.served, first)


def _judged(served: ServingContainer, first: wire.Answer) -> Iterator[Finding]:
    url, one = served.endpoint.model_url, f"/models/{MODEL_NAME}"
    yield passed_if(BAD_PATH, (answer := served.load("absent", f"{url}-absent")).status == 404, answer)
    yield passed_if(UNLOADED, (answer := _invoke(served, "/models/absent")).status == 404, answer)
    if served.subject.model is None:
        yield from inconclusive((LIST, LOAD, AGAIN, DESCRIBE, INVOKE, UNLOAD, GONE), "no model was given")
        return
    yield passed_if(LOAD, (loaded := served.load(MODEL_NAME, url)).ok, loaded)
    if not loaded.ok:
        yield from inconclusive((LIST, AGAIN, DESCRIBE, INVOKE, UNLOAD, GONE), f"to load the model is {loaded}")
        return
    then = _call(served, "GET", "/models")
    listed = _names(first) == [] and _names(then) == [MODEL_NAME]
    yield passed_if(LIST, listed, f"before a model is loaded {first.body[:80]!r}, then {then.body[:80]!r}")
    yield passed_if(AGAIN, (answer := served.load(MODEL_NAME, url)).status == 409, answer)
    answer = _call(served, "GET", one)
    described = answer.ok and _field(answer.body, "modelName") == MODEL_NAME and _field(answer.body, "modelUrl") == url
    yield passed_if(DESCRIBE, described, f"{answer}: {answer.body[:120]!r}")
    if served.subject.payload is None:
        yield from inconclusive(INVOKE, "no payload was given")
    else:
        yield passed_if(INVOKE, (answer := _invoke(served, one)).ok, answer)
    gone, left = _call(served, "DELETE", one), _call(served, "GET", one)
    yield passed_if(UNLOAD, gone.ok and left.status == 404, f"{gone}, then GET is {left}")
    yield passed_if(GONE, (answer := _call(served, "DELETE", one)).status == 404, answer)


def _call(served: ServingContainer, method: str, path: str) -> wire.Answer:
    return wire.request(served.address, method, path, headers=forwarded_headers({}))


def _invoke(served: ServingContainer, path: str) -> wire.Answer:
    body = served.subject.payload.body if served.subject.payload else b"{}"
    headers = {"Content-Type": served.content_type, "X-Amzn-SageMaker-Target-Model": f"{MODEL_NAME}.tar.gz"}
    return wire.request(served.address, "POST", f"{path}/invoke", body, forwarded_headers(headers))


def _field(body: bytes, name: str) -> object:
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content.get(name) if isinstance(content, dict) else None


def _names(answer: wire.Answer) -> list[object] | None:
    models = _field(answer.body, "models")
    return [model.get("modelName") for model in models] if isinstance(models, list) else None


SCENARIOS = (Scenario("many models", POINTS, _run),)
