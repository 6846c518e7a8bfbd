"""Points of hosting: the good image holds all, and each mutant of it breaks exactly one.

Most mutants run bare, where a start takes a fraction of a second; those of what only a container has run in one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Payload, Scenario, Subject, Verdict
from local_test.check.core.run import applies
from local_test.check.hosting import scenarios
from local_test.check.hosting.lifecycle import damaged_model, load, stop
from local_test.check.hosting.lifecycle import serverless as serverless_points
from local_test.check.hosting.requests import connections
from local_test.check.hosting.support.served import NO_MODEL, NO_PAYLOAD
from local_test.platform import profiles
from local_test.platform.endpoint import start_endpoint
from local_test.platform.profiles import Profile
from tests.contract.check import images
from tests.contract.check.mutants import Mutant, faults

CAPABILITIES = "com.amazonaws.sagemaker.capabilities"
ALL_LABELS = (f"LABEL {CAPABILITIES}.multi-models=true {CAPABILITIES}.bidirectional-streaming=true",)
CSV = Payload(b"1\n2\n", "text/csv")
SCENARIO_OF = {point: scenario for scenario in scenarios.SCENARIOS for point in scenario.points}


PAYLOAD = Payload(images.PAYLOAD, images.CONTENT_TYPE)


@dataclass(frozen=True)
class Hosting(Mutant):
    """A mutant of `serve`."""

    container: bool = False
    profile: Profile = Profile.REAL_TIME
    payload: Payload = PAYLOAD
    startup_seconds: float = 60
    needs_service: bool = False
    """It asks another container when it starts."""


Change = tuple[str, str]


def mutant(*changes: Change, container: bool = False, lines: tuple[str, ...] = ()) -> Hosting:
    return Hosting(lines, images.changed("serve", *changes), container or bool(lines))


def of_many_models(*changes: Change) -> Hosting:
    return replace(mutant(*changes), profile=Profile.MULTI_MODEL)


def of_batch(*changes: Change) -> Hosting:
    return replace(mutant(*changes), profile=Profile.BATCH, payload=CSV)


def serverless(*changes: Change) -> Hosting:
    return replace(mutant(*changes, container=True), profile=Profile.SERVERLESS)


def instead(place: str, *lines: str) -> Change:
    """Put *lines* in place of *place*, indented like it."""
    indent = place[: len(place) - len(place.lstrip())]
    return place, "".join(f"{indent}{line}\n" for line in lines)


def before(place: str, *lines: str) -> Change:
    return place, instead(place, *lines)[1] + place


GET_PING = '        if path == "/ping":\n            self.answer(200)\n'
POST_PING = '            if path == "/ping":\n                self.answer(200)\n'
PREDICTED = "                self.send(*self.predict(body, factor))\n"
BODY = "            body = self.body()\n"
LOCK = "in_flight, lock = 0, threading.Lock()\n"
LOADED = '        factor = 1.0 if MULTI_MODEL else read(BASE / "model")\n'
MODEL_ERROR = "    except (OSError, ValueError, KeyError) as error:\n"
SERVER = '    server = Server(("0.0.0.0", PORT), Handler)\n'
BACKLOG = "    request_queue_size = 128\n"
SAID = '    print(f"listening on {PORT}")\n'
CLOSING = "        if self.close_connection:\n"
UNREADABLE = "        except (ValueError, TypeError, KeyError):\n"
REFUSED = '            raise Refusal(400, "expected a list of numbers") from None\n'
DRAINED = "                left -= len(piece)\n            raise Refusal(413,"
LINES = '        for line in [*body.splitlines(keepends=True), b""]:\n'
SHELL = "#!/bin/sh\n# the shell is process 1 and hands no signal on\nserver &\nwait\n"
TOUCHED = '(BASE / "model" / "cache").touch()'


def ping(answer: str) -> Change:
    """Put *answer* in place of the call that answers GET /ping."""
    return GET_PING, GET_PING.replace("self.answer(200)", answer)


# where one sleeps, that is its fault: it answers too late, or holds others up
MUTANTS: dict[str, Mutant] = {
    "H1-serve": mutant(("code = main()", "code = 3")),
    "H1-root": mutant(lines=("USER nobody",)),
    "H1-log-lines": mutant(instead(SAID, 'sys.stdout = sys.stderr = open("/dev/null", "w")')),
    "H2-address": mutant((SERVER, SERVER.replace("0.0.0.0", "127.0.0.1")), container=True),  # noqa: S104 # as served
    "H2-bind-to-port": mutant(('int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))', "8080"), container=True),
    "H2-safe-port-range": mutant(
        before(SERVER, "import socket", "admin = socket.create_server(('', 9999))"), container=True
    ),
    "H3-ready-in-time": replace(mutant(ping("self.answer(503)")), startup_seconds=4),
    "H3-ping-empty": mutant(ping('self.answer(200, "text/plain", b"pong")')),
    "H3-ping-by-post": mutant(instead(POST_PING, 'if path == "/ping":', "    raise Refusal(405, path)")),
    "H3-ping-slash": mutant(ping('self.answer(500 if self.path == "/ping/" else 200)')),
    "H3-ping-in-time": mutant(
        before(LOCK, "pauses = iter([0, 0, 2.5])"), ping("self.answer(200 + (time.sleep(next(pauses, 0)) or 0))")
    ),
    "H3-empty-model": mutant((LOADED, LOADED.replace("else", 'or not any((BASE / "model").iterdir()) else'))),
    "H3-damaged-model": mutant(before(MODEL_ERROR, "except ValueError:", "    pass")),
    "H3-ping-under-load": mutant(
        before(PREDICTED, "time.sleep(0.1)"), ping("self.answer(200 + (time.sleep(2.5 * (in_flight > 2)) or 0))")
    ),
    "H3-worker-replaced": mutant(before(LOADED, "if os.fork():", "    signal.pause()")),
    "H4-answer": mutant(before("            return JSON, json", "raise MemoryError")),
    "H4-unknown-headers": mutant((BODY, BODY + '            assert "Traceparent" not in self.headers\n')),
    "H4-concurrent": mutant(
        before(PREDICTED, "time.sleep(0.3)", "if in_flight > 6:", '    raise Refusal(503, "busy")')
    ),
    "H4-chunked-body": mutant(("return self.chunks()", "raise NotImplementedError")),
    "H4-kept-connection": mutant(instead(CLOSING, "if False:")),
    "H4-half-sent-body": mutant(
        before(LOCK, "reading = threading.Lock()"), instead(BODY, "with reading:", "    body = self.body()")
    ),
    "H4-slow-reader": mutant(
        before(LOCK, "writing = threading.Lock()"),
        before(PREDICTED, "with writing:", '    self.answer(200, JSON, b" " * 2**23)', "return"),
    ),
    "H4-accept-in-time": mutant(
        instead(
            BACKLOG,
            "request_queue_size = 1",
            "def get_request(self):",
            "    while threading.active_count() > 16:",
            "        time.sleep(0.05)",
            "    return super().get_request()",
        )
    ),
    "H4-malformed-request": mutant(("not length.isdecimal()", 'length.startswith("-")')),
    "H5-largest-body": mutant(('"SAGEMAKER_MAX_PAYLOAD_IN_MB", "25"', '"LIMIT", "1"')),
    "H5-too-large-body": mutant((DRAINED, DRAINED.replace("Refusal", "MemoryError"))),
    "H6-platform-headers": mutant(
        (BODY, BODY + '            assert not self.headers["X-Amzn-SageMaker-Inference-Id"]\n')
    ),
    "H6-answer-headers": mutant(before(CLOSING, 'self.send_header("X-Name", "caf\\xe9")')),
    "H7-bad-content-type": mutant(("raise Refusal(415, f", "raise ValueError(f")),
    # bytes that are no UTF-8 are another error than JSON that is none
    "H7-broken-body": mutant((UNREADABLE, UNREADABLE.replace("ValueError", "json.JSONDecodeError"))),
    "H7-empty-body": mutant(before(REFUSED, "assert body")),
    "H7-short-error": mutant(('{"error": reason}', '{"error": reason * 100}')),
    "H7-no-traceback": mutant(instead(REFUSED, "raise Refusal(400, traceback.format_exc())")),
    "H8-request-in-flight": mutant(
        ("lambda *_: threading.Thread(target=server.shutdown).start()", "lambda *_: os._exit(0)")
    ),
    "H8-stops-in-time": Hosting(
        ("COPY server /usr/local/bin/",), {"serve": SHELL, "server": images.changed("serve")["serve"]}, container=True
    ),
    "H8-exit-code": mutant(("os._exit(code)", "os._exit(3)")),
    "H9-read-only-model": mutant(before(LOADED, TOUCHED), container=True),
    "H9-nothing-written": mutant(before(LOADED, TOUCHED)),
    "H10-variables": mutant(before(LOADED, 'assert "SAGEMAKER_REGION" not in os.environ'), container=True),
    "H11-execution-parameters": of_batch(('"MaxPayloadInMB": 6', '"MaxPayloadInMB": "6"')),
    "H11-line-by-line": of_batch(("for product in products)", "for product in products[1:])")),
    "H12-ping": replace(of_many_models(ping("self.answer(200 if models else 503)")), startup_seconds=4),
    "H12-list": of_many_models(
        ('path == "/models" and MULTI_MODEL:\n            listed', "False:\n            listed")
    ),
    "H12-load-bad-path": of_many_models(('Refusal(404, f"no model at', 'Refusal(400, f"no model at')),
    "H12-load": of_many_models(
        ("self.load(body)\n                self.answer(200)", "self.load(body)\n                self.answer(202)")
    ),
    "H12-load-again": of_many_models(("Refusal(409,", "Refusal(400,")),
    "H12-describe": of_many_models(
        ('json.dumps({"modelName": name, "modelUrl": models[name][0]})', "json.dumps([name])")
    ),
    "H12-invoke": of_many_models(('models[path.split("/")[2]][1]', "models[path][1]")),
    "H12-invoke-unloaded": of_many_models(('Refusal(404, f"POST', 'Refusal(500, f"POST')),
    "H12-unload": of_many_models(("None):\n            self.answer(200)", "None):\n            self.answer(202)")),
    "H12-unload-again": of_many_models(('self.refuse(404, f"no', 'self.refuse(400, f"no')),
    "H14-read-only-root": serverless(before(LOADED, 'Path("/var/cache/model").touch()')),
    "H14-memory": serverless(before(LOADED, "ballast = b'1' * 2**29")),
    "H14-any-user": serverless(before(LOADED, 'list(Path("/root").iterdir())')),
    "H14-no-shared-memory": serverless(before(LOADED, 'Path("/dev/shm/heartbeat").touch()')),
    "H14-small-tmp": serverless(before(LOADED, 'Path("/tmp/copy").write_bytes(bytes(16 * 2**20))')),
    "H14-full-disk": mutant(before(LOADED, 'Path("/tmp/cache").write_bytes(bytes(2**22))'), container=True),
    "H15-metrics": mutant(('f"requests_in_flight', 'f"<html>')),
    "H16-streamed-answer": mutant(
        instead(LINES, "self.close_connection = True", "for line in body.splitlines(keepends=True):")
    ),
    "H17-bidirectional": mutant(('"/invocations-bidirectional-stream"', '"/stream"'), lines=ALL_LABELS),
    "H19-no-network": replace(
        mutant(before(LOADED, "import socket", 'socket.create_connection((os.environ["SERVICE"], 8080), 3)')),
        container=True,
        needs_service=True,
    ),
}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's limits in small, so that a mutant is found guilty in seconds; and no good one by a busy machine.

    A connection that is not accepted comes again after a second.
    """
    for profile, limits in profiles.LIMITS.items():
        small = replace(limits, startup_seconds=60, stop_seconds=8, body_bytes=5 * profiles.MB, accept_seconds=0.9)
        monkeypatch.setitem(profiles.LIMITS, profile, small)
    monkeypatch.setattr(profiles, "_SERVERLESS_MEMORY", 2**28)
    withheld = {**serverless_points.WITHHELD, serverless_points.TMP: ({"tmp_bytes": 2**23}, {"tmp_bytes": None})}
    monkeypatch.setattr(serverless_points, "WITHHELD", withheld)
    monkeypatch.setattr(connections, "_PATIENCE", 4.0)
    monkeypatch.setattr(load, "_SECONDS", 1.5)
    monkeypatch.setattr(load, "_REPLACED_SECONDS", 5.0)
    monkeypatch.setattr(damaged_model, "_SECONDS", 5.0)
    monkeypatch.setattr(damaged_model, "_SILENT_SECONDS", 20.0)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The good programs, bare."""
    return Subject(
        None,
        tmp_path / "scratch",
        model=images.laid(tmp_path / "model", images.MODEL),
        payload=PAYLOAD,
        environment={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "5"},
        programs=images.programs(tmp_path / "programs"),
    )


def found(scenario: Scenario, subject: Subject) -> dict[str, Finding]:
    findings = [finding for finding in scenario.run(subject) if applies(finding.point, subject)]
    names = [finding.point.name for finding in findings]
    assert sorted(names) == sorted(point.name for point in scenario.points if applies(point, subject))
    return dict(zip(names, findings, strict=True))


def unheld(findings: Mapping[str, Finding]) -> dict[str, Verdict]:
    return {name: finding.verdict for name, finding in findings.items() if finding.verdict is not Verdict.PASSED}


def of(name: str) -> Scenario:
    return next(scenario for point, scenario in SCENARIO_OF.items() if point.name == name)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The address of a container on the network outside."""
    model = images.laid(tmp_path / "service-model", images.MODEL)
    with start_endpoint(images.build("good"), None, model, tmp_path / "service", profiles.Conditions()) as endpoint:
        yield endpoint.host


def engine(name: str) -> bool:
    kind = MUTANTS[name]
    return isinstance(kind, Hosting) and kind.container


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.engine if engine(name) else ()) for name in MUTANTS]
)
def test_a_mutant_breaks_its_point_and_no_other(
    name: str,
    subject: Subject,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = MUTANTS[name]
    assert isinstance(kind, Hosting)
    subject = replace(subject, profile=kind.profile, payload=kind.payload)
    if kind.needs_service:
        subject = replace(subject, environment={**subject.environment, "SERVICE": request.getfixturevalue("service")})
    for profile, limits in profiles.LIMITS.items():
        monkeypatch.setitem(profiles.LIMITS, profile, replace(limits, startup_seconds=kind.startup_seconds))
    if not name.startswith("H8-"):  # a good server finishes the request, whether the signal is there or not
        monkeypatch.setattr(stop, "_SIGNAL_SECONDS", 0)
    if kind.container:
        subject = replace(subject, image=kind.image(name), programs=None)
    else:
        subject = replace(subject, programs=images.programs(tmp_path / "mutant", kind.files))
    findings = found(of(name), subject)
    assert set(faults(findings)) == {name}, faults(findings)


@pytest.mark.parametrize(
    ("name", "change", "verdict"),
    [
        ("H7-empty-body", before(REFUSED, "assert body"), Verdict.WARNING),  # 500
        ("H7-empty-body", before(REFUSED, "if not body:", "    raise SystemExit"), Verdict.BROKEN),  # no response
        ("H6-answer-headers", before(CLOSING, 'self.send_header("X-Name", "caf\\xe9")'), Verdict.WARNING),
        (
            "H6-answer-headers",
            before(CLOSING, 'self.send_header("X-Amzn-SageMaker-Custom-Attributes", "caf\\xe9")'),
            Verdict.BROKEN,
        ),
    ],
)
def test_only_what_reaches_a_client_is_broken(
    name: str, change: Change, verdict: Verdict, subject: Subject, tmp_path: Path
) -> None:
    programs = images.programs(tmp_path / "mutant", mutant(change).files)
    findings = found(of(name), replace(subject, programs=programs))
    assert findings[name].verdict is verdict, findings[name].observed
    assert set(faults(findings)) == {name}, faults(findings)


def test_sigterm_comes_when_the_server_has_read_of_the_request(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = profiles.LIMITS[subject.profile]
    monkeypatch.setitem(profiles.LIMITS, subject.profile, replace(limits, body_bytes=profiles.MB))
    monkeypatch.setattr(stop, "_SIGNAL_SECONDS", 0)
    begin = '        path = self.path.partition("?")[0].rstrip("/")\n        global in_flight\n'
    large = "len(self.headers.get('Content-Length', '')) == 6"  # of the 800 kB that the signal comes amid
    # so that the signal comes while the rest of the body is being read
    slow = images.changed("serve", (begin, f"        time.sleep(0.5 if {large} else 0)\n{begin}"))
    findings = found(of("H8-request-in-flight"), replace(subject, programs=images.programs(tmp_path / "slow", slow)))
    assert findings["H8-request-in-flight"].verdict is Verdict.PASSED, findings["H8-request-in-flight"]


def test_every_point_has_a_mutant() -> None:
    assert {point.name for point in SCENARIO_OF} == set(MUTANTS)


@pytest.mark.engine
@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_good_image_holds_all(scenario: Scenario, subject: Subject) -> None:
    subject = replace(subject, image=images.build("all-labels", ALL_LABELS), programs=None)
    findings = found(scenario, subject)
    one_process = {"H3-worker-replaced": Verdict.NOT_APPLICABLE}
    assert unheld(findings) == (one_process if "H3-worker-replaced" in findings else {})


@pytest.mark.engine
@pytest.mark.parametrize("profile", [Profile.SERVERLESS, Profile.ASYNC, Profile.BATCH, Profile.MULTI_MODEL])
def test_the_good_image_holds_all_as_other_kinds_of_endpoints(profile: Profile, subject: Subject) -> None:
    image = images.build("all-labels", ALL_LABELS)
    payload = CSV if profile is Profile.BATCH else subject.payload
    subject = replace(subject, image=image, programs=None, profile=profile, payload=payload)
    assert unheld(found(of("H1-serve"), subject)) == {}


@pytest.mark.engine
def test_the_good_image_bears_what_serverless_withholds(subject: Subject) -> None:
    """Also with a model that only its owner may read, on this side."""
    assert subject.model
    (subject.model / "model.json").chmod(0o600)
    subject = replace(subject, image=images.build("good"), programs=None, profile=Profile.SERVERLESS)
    assert unheld(found(of("H14-any-user"), subject)) == {}


def test_a_server_that_replaces_its_worker_holds_the_point(subject: Subject, tmp_path: Path) -> None:
    forking = images.changed("serve", before(LOADED, "while os.fork():", "    os.wait()"))
    subject = replace(subject, programs=images.programs(tmp_path / "forking", forking))
    assert unheld(found(of("H3-worker-replaced"), subject)) == {}


def test_without_a_payload_and_a_model_what_needs_them_is_unknown(subject: Subject, tmp_path: Path) -> None:
    own = images.changed("serve", instead(LOADED, "factor = 2.0"))
    programs = images.programs(tmp_path / "own", own)
    subject = replace(subject, programs=programs, model=None, payload=None)
    findings = {name: finding for scenario in scenarios.SCENARIOS for name, finding in found(scenario, subject).items()}
    reasons = {finding.observed for finding in findings.values() if finding.verdict is Verdict.INCONCLUSIVE}
    assert reasons >= {NO_PAYLOAD, NO_MODEL}
    assert findings["H4-answer"].verdict is Verdict.INCONCLUSIVE
    assert faults(findings) == {}


@pytest.mark.engine
def test_without_labels_features_are_not_claimed(subject: Subject) -> None:
    good = replace(subject, image=images.build("good"), programs=None)
    findings = found(of("H12-list"), good)
    assert set(unheld(findings).values()) == {Verdict.NOT_APPLICABLE}


def test_a_point_is_named_after_an_item_of_the_checklist() -> None:
    assert all(point.name.partition("-")[0] in {f"H{number}" for number in range(1, 21)} for point in SCENARIO_OF)
    assert set(scenarios.NOT_CHECKABLE) <= {f"H{number}" for number in range(1, 21)}
