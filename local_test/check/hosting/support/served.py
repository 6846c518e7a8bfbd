"""Serving container for the scenarios of hosting, with a diagnosis if it does not start.

    Subject, Conditions, suspects  ->  start_container  ->  Start: ServingContainer for the judges, findings

If a container does not start under the platform's conditions, it is started again without one of the suspects at a
time. This identifies the condition that prevents the start, and lets the other points be checked.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from local_test.check.core.points import Finding, Payload, Point, Subject, inconclusive, passed_if
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.start_watch import StartWatch
from local_test.check.image.docker_image import DockerError
from local_test.platform.endpoint import Endpoint, start_endpoint
from local_test.platform.profiles import DEFAULT_PORT, LIMITS, MODEL_NAME, Conditions, Limits, Profile, forward_headers

JSON = "application/json"
NO_MODEL = "no model was given; add --model"
NO_PAYLOAD = "no payload was given; add --payload and --content-type"
_REFUSED_BY_DOCKER = 125
_STARTS = "the server starts"
_DIAGNOSIS_SECONDS = 60
"""Time limit of a start without one of the suspects, which bounds the diagnosis."""

Suspects = Mapping[Point, Mapping[str, Any]]
"""Maps a point to the fields of Conditions that remove the condition which it tests."""


@dataclass
class ServingContainer:
    """A container that has returned 200 from /ping."""

    subject: Subject
    endpoint: Endpoint
    limits: Limits
    seconds: float
    """Duration of the start."""
    path: str = "/invocations"
    refusals: list[wire.Answer] = field(default_factory=list)
    """All responses with a status of 400 or above, for the points about error responses."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        return self.endpoint.host, self.endpoint.port

    def ping(self, method: str = "GET", path: str = "/ping", seconds: float = 10) -> wire.Answer:
        """Request /ping as the platform does, with a longer timeout."""
        return wire.request(self.address, method, path, headers=forward_headers({}), seconds=seconds)

    def invoke(
        self, payload: Payload, seconds: float | None = None, extra: Mapping[str, str] | None = None
    ) -> wire.Answer:
        """Request a prediction, with twice the platform's time limit; *extra* headers are sent unchanged."""
        headers = {**forward_headers({"Content-Type": payload.content_type}), **(extra or {})}
        answer = wire.request(
            self.address, "POST", self.path, payload.body, headers, seconds=seconds or 2 * self.limits.answer_seconds
        )
        if answer.status >= 400:
            self.refusals.append(answer)
        return answer

    def load(self, name: str, url: str) -> wire.Answer:
        """Request the load of a model by a multi-model endpoint."""
        body = json.dumps({"model_name": name, "url": url}).encode()
        return wire.request(self.address, "POST", "/models", body, forward_headers({"Content-Type": JSON}))

    @cached_property
    def payload_answer(self) -> wire.Answer | None:
        """The answer to the user's payload; None without one."""
        return self.invoke(self.subject.payload) if self.subject.payload else None

    @property
    def payload_problem(self) -> str:
        """Why points that need a payload with a 200 in time are inconclusive; empty if they are not."""
        if (answer := self.payload_answer) is None:
            return NO_PAYLOAD
        in_time = answer.ok and answer.seconds <= self.limits.answer_seconds
        return "" if in_time else f"the response to the payload is {answer}; see H4-answer"

    @property
    def payload(self) -> Payload:
        """The user's payload; LookupError if none was given."""
        if self.subject.payload is None:
            raise LookupError(NO_PAYLOAD)
        return self.subject.payload

    @property
    def content_type(self) -> str:
        """Content type of the user's payload, else JSON."""
        return self.subject.payload.content_type if self.subject.payload else JSON

    def healthy(self) -> bool:
        """Return whether the container runs and /ping returns 200."""
        return self.endpoint.alive and self.ping().ok


@dataclass(frozen=True)
class Start:
    """Result of a start."""

    served: ServingContainer | None
    reason: str = ""
    """Why it did not start."""
    ended: bool = False
    last_ping: wire.Answer | None = None
    """Last answer of /ping."""
    hopeless: bool = False
    """It answers 404 to /ping, or listens elsewhere, whatever the conditions."""
    loopback_only: bool = False
    """It listens on loopback addresses only, which cannot be reached from outside the container."""
    findings: tuple[Finding, ...] = ()
    """Findings about the suspects."""


@contextlib.contextmanager
def start_container(
    subject: Subject, name: str, conditions: Conditions, suspects: Suspects | None = None
) -> Iterator[Start]:
    """Start the container under *conditions*, or without the one of *suspects* that prevents the start.

    Args:
        subject: has the image or program, and the model.
        name: a new folder in the subject's scratch folder.
        conditions: the platform's conditions.
        suspects: conditions that may prevent the start; all are inconclusive for a program on the host.

    Raises:
        DockerError: Docker cannot start the container.
    """
    suspects = suspects or {}
    limits = LIMITS[subject.profile]
    if subject.image is None:
        on_host = tuple(inconclusive(suspects, "only a container shows this"))
        with _start_once(subject, name, conditions, limits.startup_seconds) as start:
            yield replace(start, findings=on_host)
        return
    with _start_once(subject, name, conditions, limits.startup_seconds) as start:
        if start.served:
            yield replace(start, findings=tuple(passed_if(point, True, _STARTS) for point in suspects))
            return
        if start.hopeless:  # no condition causes this
            yield replace(start, findings=tuple(inconclusive(suspects, start.reason)))
            return
    diagnosis_seconds = min(_DIAGNOSIS_SECONDS, limits.startup_seconds)
    for point, fields in suspects.items():
        lenient = replace(conditions, **fields)
        if lenient == conditions:
            continue
        with _start_once(subject, f"{name}-{point.name}", lenient, diagnosis_seconds) as other:
            if other.served:
                others = (each for each in suspects if each is not point)
                findings = (passed_if(point, False, start.reason), *(passed_if(each, True, _STARTS) for each in others))
                yield replace(other, findings=findings)
                return
    yield replace(start, findings=tuple(inconclusive(suspects, start.reason)))


@contextlib.contextmanager
def _start_once(subject: Subject, name: str, conditions: Conditions, seconds: float) -> Iterator[Start]:
    limits = LIMITS[subject.profile]
    with start_endpoint(subject.image, subject.programs, subject.model, subject.scratch / name, conditions) as endpoint:
        begun, watch = time.monotonic(), StartWatch(endpoint)
        last: wire.Answer | None = None
        # a container that ignores SAGEMAKER_BIND_TO_PORT listens on the default port
        ports = [endpoint.port] if endpoint.port == DEFAULT_PORT or not subject.image else [endpoint.port, DEFAULT_PORT]
        while endpoint.alive and time.monotonic() - begun < seconds:
            for port in ports:
                last = wire.request((endpoint.host, port), "GET", "/ping", headers=forward_headers({}), seconds=10)
                if last.ok and endpoint.owns_address():
                    served = ServingContainer(subject, replace(endpoint, port=port), limits, time.monotonic() - begun)
                    if subject.profile is Profile.MULTI_MODEL:
                        served.path = f"/models/{MODEL_NAME}/invoke"
                        served.load(MODEL_NAME, endpoint.model_url)
                    yield Start(served, last_ping=last)
                    return
            if last and watch.is_hopeless(last):
                break
            time.sleep(0.1)
        if endpoint.alive:
            observed = watch.reason or f"the last answer: {last}"
            reason = f"/ping did not return 200 within {time.monotonic() - begun:.0f} s; {observed}"
        else:
            if subject.image and endpoint.process.returncode == _REFUSED_BY_DOCKER:
                raise DockerError(endpoint.output.strip().partition("\n")[0] or "docker run failed")
            reason = endpoint.how_it_exited()
        yield Start(None, reason, not endpoint.alive, last, bool(watch.reason), endpoint.loopback_only())


Judge = Callable[[ServingContainer], Iterator[Finding]]
"""Sends requests to a serving container, and yields findings for the points of its module."""
