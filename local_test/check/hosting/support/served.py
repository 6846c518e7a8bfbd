"""A container that serves, for the scenarios of hosting: started, and if it does not start, why not.

    Subject, Conditions, blame  ->  started  ->  Served, what judges ask;  the findings about the start

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

from local_test.check.core.points import Finding, Payload, Point, Subject, found, unknown
from local_test.check.hosting.support import wire
from local_test.check.image.docker_image import DockerError
from local_test.platform.endpoint import Endpoint, hosted
from local_test.platform.profiles import DEFAULT_PORT, LIMITS, MODEL_NAME, Conditions, Limits, Profile, forwarded

JSON = "application/json"
NO_PAYLOAD = "no payload was given"
GUIDE = "developer guide, your-algorithms-inference-code"
RUNTIME = "API, InvokeEndpoint"
_REFUSED_BY_DOCKER = 125
_AGAIN_SECONDS = 60
"""How long a start under other conditions may take at most, so that a look for the reason ends."""

Blame = Mapping[Point, Mapping[str, Any]]
"""Points that a condition stands for, each with the fields of Conditions that take it away."""


@dataclass
class Served:
    """A container that has answered /ping with 200."""

    subject: Subject
    endpoint: Endpoint
    limits: Limits
    seconds: float
    """What the start took."""
    path: str = "/invocations"
    told: list[wire.Answer] = field(default_factory=list)
    """Every refusal that was heard, for the judges of how they look."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.endpoint.host, self.endpoint.port

    def ping(self, method: str = "GET", path: str = "/ping", seconds: float = 10) -> wire.Answer:
        """Ask whether it is well, as the platform does but with more patience."""
        return wire.ask(self.address, method, path, headers=forwarded({}), seconds=seconds)

    def invoke(
        self, payload: Payload, seconds: float | None = None, extra: Mapping[str, str] | None = None
    ) -> wire.Answer:
        """Ask for a prediction; *extra* are headers that are sent as they are."""
        headers = {**forwarded({"Content-Type": payload.content_type}), **(extra or {})}
        answer = wire.ask(
            self.address, "POST", self.path, payload.body, headers, seconds=seconds or self.limits.answer_seconds
        )
        if answer.status >= 400:
            self.told.append(answer)
        return answer

    def load(self, name: str, url: str) -> wire.Answer:
        """Have an endpoint of many models load one."""
        body = json.dumps({"model_name": name, "url": url}).encode()
        return wire.ask(self.address, "POST", "/models", body, forwarded({"Content-Type": JSON}))

    @cached_property
    def plain(self) -> wire.Answer | None:
        """The answer to the user's payload; None without one."""
        return self.invoke(self.subject.payload) if self.subject.payload else None

    @property
    def doubt(self) -> str:
        """Why points cannot be judged that need a payload which is answered; empty if they can."""
        if self.plain is None:
            return NO_PAYLOAD
        return "" if self.plain.ok else f"the payload itself is answered by {self.plain}"

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

    def well(self) -> bool:
        """Whether it is there and answers /ping."""
        return self.endpoint.alive and self.ping().ok


@dataclass(frozen=True)
class Start:
    """How a start went."""

    served: Served | None
    reason: str = ""
    """Why it is not there."""
    ended: bool = False
    last: wire.Answer | None = None
    """What /ping was answered in the end."""
    hidden: bool = False
    """It listens where only its own processes reach it."""
    findings: tuple[Finding, ...] = ()
    """Of the points that stand for a condition."""


@contextlib.contextmanager
def started(subject: Subject, name: str, conditions: Conditions, blame: Blame | None = None) -> Iterator[Start]:
    """Start the container under *conditions*, or without the one of *blame* that it cannot bear.

    Args:
        subject: whose image or program and model.
        name: of a folder below its scratch, not there yet.
        conditions: all of them.
        blame: conditions to look for the reason among; for a bare program, which meets none of them, all are unknown.

    Raises:
        DockerError: the engine does not start it.
    """
    blame = blame or {}
    limits = LIMITS[subject.profile]
    if subject.image is None:
        bare = tuple(unknown(blame, "only a container has it"))
        with _tried(subject, name, conditions, limits.startup_seconds) as start:
            yield replace(start, findings=bare)
        return
    with _tried(subject, name, conditions, limits.startup_seconds) as start:
        if start.served:
            yield replace(start, findings=tuple(found(point, True, "it serves") for point in blame))
            return
        if start.hidden:  # no condition's fault
            yield replace(start, findings=tuple(unknown(blame, start.reason)))
            return
    for point, fields in blame.items():
        lenient = replace(conditions, **fields)
        if lenient == conditions:
            continue
        with _tried(subject, f"{name}-{point.name}", lenient, min(_AGAIN_SECONDS, limits.startup_seconds)) as other:
            if other.served:
                seen = {each: start.reason if each is point else "it serves" for each in blame}
                yield replace(other, findings=tuple(found(each, each is not point, seen[each]) for each in blame))
                return
    yield replace(start, findings=tuple(unknown(blame, start.reason)))


@contextlib.contextmanager
def _tried(subject: Subject, name: str, conditions: Conditions, seconds: float) -> Iterator[Start]:
    limits = LIMITS[subject.profile]
    base = subject.scratch / name
    with hosted(subject.image, subject.programs, subject.model, base, conditions) as endpoint:
        begun = time.monotonic()
        last: wire.Answer | None = None
        # a container that does not heed SAGEMAKER_BIND_TO_PORT is found where it is
        ports = [endpoint.port] if endpoint.port == DEFAULT_PORT or not subject.image else [endpoint.port, DEFAULT_PORT]
        while endpoint.alive and time.monotonic() - begun < seconds:
            for port in ports:
                last = wire.ask((endpoint.host, port), "GET", "/ping", headers=forwarded({}), seconds=10)
                if last.ok and endpoint.still_there():
                    served = Served(subject, replace(endpoint, port=port), limits, time.monotonic() - begun)
                    if subject.profile is Profile.MULTI_MODEL:
                        served.path = f"/models/{MODEL_NAME}/invoke"
                        served.load(MODEL_NAME, endpoint.model_url)
                    yield Start(served, last=last)
                    return
            if last and not last.status and endpoint.only_for_itself():
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
        yield Start(None, reason, not endpoint.alive, last, endpoint.only_for_itself())


Judge = Callable[[Served], Iterator[Finding]]
"""Asks a container that serves, and judges the points of its module."""
