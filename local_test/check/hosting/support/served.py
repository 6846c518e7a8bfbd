"""A container that serves, for the scenarios of hosting: started, and if it does not start, why not.

    Subject, Conditions, suspects  ->  started  ->  ServingContainer, what judges ask;  the findings about the start

A container that does not come up under the platform's conditions is started again without one of them, then without
another: so the condition that it cannot bear is found, and everything else can be judged.
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
from local_test.check.image.docker_image import DockerError
from local_test.platform.endpoint import Endpoint, start_endpoint
from local_test.platform.profiles import (
    DEFAULT_PORT,
    LIMITS,
    MODEL_NAME,
    Conditions,
    Limits,
    Profile,
    forwarded_headers,
)

JSON = "application/json"
NO_PAYLOAD = "no payload was given"
GUIDE = "developer guide, your-algorithms-inference-code"
RUNTIME = "API, InvokeEndpoint"
_REFUSED_BY_DOCKER = 125
_AGAIN_SECONDS = 60
"""How long a start under other conditions may take at most, so that a look for the reason ends."""

Suspects = Mapping[Point, Mapping[str, Any]]
"""Points that a condition stands for, each with the fields of Conditions that take it away."""


@dataclass
class ServingContainer:
    """A container that has answered /ping with 200."""

    subject: Subject
    endpoint: Endpoint
    limits: Limits
    seconds: float
    """What the start took."""
    path: str = "/invocations"
    refusals: list[wire.Answer] = field(default_factory=list)
    """Every refusal that was heard, for the judges of how they look."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.endpoint.host, self.endpoint.port

    def ping(self, method: str = "GET", path: str = "/ping", seconds: float = 10) -> wire.Answer:
        """Ask whether it is well, as the platform does but with more patience."""
        return wire.request(self.address, method, path, headers=forwarded_headers({}), seconds=seconds)

    def invoke(
        self, payload: Payload, seconds: float | None = None, extra: Mapping[str, str] | None = None
    ) -> wire.Answer:
        """Ask for a prediction; *extra* are headers that are sent as they are."""
        headers = {**forwarded_headers({"Content-Type": payload.content_type}), **(extra or {})}
        answer = wire.request(
            self.address, "POST", self.path, payload.body, headers, seconds=seconds or self.limits.answer_seconds
        )
        if answer.status >= 400:
            self.refusals.append(answer)
        return answer

    def load(self, name: str, url: str) -> wire.Answer:
        """Have an endpoint of many models load one."""
        body = json.dumps({"model_name": name, "url": url}).encode()
        return wire.request(self.address, "POST", "/models", body, forwarded_headers({"Content-Type": JSON}))

    @cached_property
    def payload_answer(self) -> wire.Answer | None:
        """The answer to the user's payload; None without one."""
        return self.invoke(self.subject.payload) if self.subject.payload else None

    @property
    def payload_problem(self) -> str:
        """Why points cannot be judged that need a payload which is answered; empty if they can."""
        if self.payload_answer is None:
            return NO_PAYLOAD
        return "" if self.payload_answer.ok else f"the payload itself is answered by {self.payload_answer}"

    @property
    def payload(self) -> Payload:
        """The user's, where there is no doubt."""
        if self.subject.payload is None:
            raise LookupError(NO_PAYLOAD)
        return self.subject.payload

    @property
    def content_type(self) -> str:
        """The user's, or the most common one."""
        return self.subject.payload.content_type if self.subject.payload else JSON

    def healthy(self) -> bool:
        """Whether it is there and answers /ping."""
        return self.endpoint.alive and self.ping().ok


@dataclass(frozen=True)
class Start:
    """How a start went."""

    served: ServingContainer | None
    reason: str = ""
    """Why it is not there."""
    ended: bool = False
    last_ping: wire.Answer | None = None
    """What /ping was answered in the end."""
    loopback_only: bool = False
    """It listens where only its own processes reach it."""
    findings: tuple[Finding, ...] = ()
    """Of the points that stand for a condition."""


@contextlib.contextmanager
def start_container(
    subject: Subject, name: str, conditions: Conditions, suspects: Suspects | None = None
) -> Iterator[Start]:
    """Start the container under *conditions*, or without the one of *suspects* that it cannot bear.

    Args:
        subject: whose image or program and model.
        name: of a folder below its scratch, not there yet.
        conditions: all of them.
        suspects: conditions to look for the reason among; for a bare program, which meets none of them, all are unknown.

    Raises:
        DockerError: the engine does not start it.
    """
    suspects = suspects or {}
    limits = LIMITS[subject.profile]
    if subject.image is None:
        bare = tuple(inconclusive(suspects, "only a container has it"))
        with _start_once(subject, name, conditions, limits.startup_seconds) as start:
            yield replace(start, findings=bare)
        return
    with _start_once(subject, name, conditions, limits.startup_seconds) as start:
        if start.served:
            yield replace(start, findings=tuple(passed_if(point, True, "it serves") for point in suspects))
            return
        if start.loopback_only:  # no condition's fault
            yield replace(start, findings=tuple(inconclusive(suspects, start.reason)))
            return
    for point, fields in suspects.items():
        lenient = replace(conditions, **fields)
        if lenient == conditions:
            continue
        with _start_once(
            subject, f"{name}-{point.name}", lenient, min(_AGAIN_SECONDS, limits.startup_seconds)
        ) as other:
            if other.served:
                observed = {each: start.reason if each is point else "it serves" for each in suspects}
                yield replace(
                    other, findings=tuple(passed_if(each, each is not point, observed[each]) for each in suspects)
                )
                return
    yield replace(start, findings=tuple(inconclusive(suspects, start.reason)))


@contextlib.contextmanager
def _start_once(subject: Subject, name: str, conditions: Conditions, seconds: float) -> Iterator[Start]:
    limits = LIMITS[subject.profile]
    base = subject.scratch / name
    with start_endpoint(subject.image, subject.programs, subject.model, base, conditions) as endpoint:
        begun = time.monotonic()
        last: wire.Answer | None = None
        # a container that does not heed SAGEMAKER_BIND_TO_PORT is found where it is
        ports = [endpoint.port] if endpoint.port == DEFAULT_PORT or not subject.image else [endpoint.port, DEFAULT_PORT]
        while endpoint.alive and time.monotonic() - begun < seconds:
            for port in ports:
                last = wire.request((endpoint.host, port), "GET", "/ping", headers=forwarded_headers({}), seconds=10)
                if last.ok and endpoint.owns_address():
                    served = ServingContainer(subject, replace(endpoint, port=port), limits, time.monotonic() - begun)
                    if subject.profile is Profile.MULTI_MODEL:
                        served.path = f"/models/{MODEL_NAME}/invoke"
                        served.load(MODEL_NAME, endpoint.model_url)
                    yield Start(served, last_ping=last)
                    return
            if last and not last.status and endpoint.loopback_only():
                break  # the same address for as long as it runs
            time.sleep(0.1)
        if endpoint.alive:
            reason = f"no 200 from /ping within {time.monotonic() - begun:.0f} s, at last {last}"
        else:
            lines = endpoint.output.strip().splitlines()
            if subject.image and endpoint.process.returncode == _REFUSED_BY_DOCKER:
                raise DockerError(lines[0] if lines else "docker run failed")
            memory = ", out of memory" if endpoint.out_of_memory() else ""
            said = f": {lines[-1][:200]}" if lines else ", without a word"
            reason = f"ended with exit code {endpoint.process.returncode}{memory}{said}"
        yield Start(None, reason, not endpoint.alive, last, endpoint.loopback_only())


Judge = Callable[[ServingContainer], Iterator[Finding]]
"""Asks a container that serves, and judges the points of its module."""
