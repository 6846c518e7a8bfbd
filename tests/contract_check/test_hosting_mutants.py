"""Points of hosting: the good image holds all, and each mutant of it breaks exactly one.

Most mutants run bare, where a start takes a fraction of a second; those of what only a container has run in one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from local_test import hosting as platform
from local_test.check import hosting, hosting_clients, hosting_load, hosting_model
from local_test.check.points import Finding, Payload, Profile, Scenario, Subject, Verdict
from local_test.check.run import applies
from tests.contract_check import images
from tests.contract_check.mutants import Mutant, broken

CAPABILITIES = "com.amazonaws.sagemaker.capabilities"
ALL_LABELS = (f"LABEL {CAPABILITIES}.multi-models=true {CAPABILITIES}.bidirectional-streaming=true",)
CSV = Payload(b"1\n2\n", "text/csv")
SCENARIO_OF = {point: scenario for scenario in hosting.SCENARIOS for point in scenario.points}


@dataclass(frozen=True)
class Hosting(Mutant):
    """A mutant of `serve`."""

    container: bool = False
    profile: Profile = Profile.REAL_TIME
    payload: Payload = Payload(images.PAYLOAD, images.CONTENT_TYPE)
    needs_service: bool = False
    """It asks another container when it starts."""


def mutant(
    *changes: tuple[str, str],
    container: bool = False,
    profile: Profile = Profile.REAL_TIME,
    payload: Payload = Hosting.payload,
    lines: tuple[str, ...] = (),
) -> Hosting:
    return Hosting(lines, images.changed("serve", *changes), container or bool(lines), profile, payload)


def multi_model(*changes: tuple[str, str]) -> Hosting:
    return mutant(*changes, profile=Profile.MULTI_MODEL)


GET_PING = '        if path == "/ping":\n            self.answer(200)\n'
POST_PING = '            if path == "/ping":\n                self.answer(200)\n'
PREDICTED = "                self.send(*self.predict(body, factor))\n"
READ_BODY = "            body = self.body()\n"
LOADED = '        factor = 1.0 if MULTI_MODEL else read(BASE / "model")\n'
SERVER = '    server = Server(("0.0.0.0", PORT), Handler)\n'
HANDLER = "class Handler(BaseHTTPRequestHandler):\n"
SIGNAL = "lambda *_: threading.Thread(target=server.shutdown).start()"
UNREADABLE = "        except (ValueError, TypeError, KeyError):\n"
REFUSED = '            raise Refusal(400, "expected a list of numbers") from None\n'
ERROR = '{"error": reason}'
SHELL = {"serve": "#!/bin/sh\n# the shell is process 1 and hands no signal on\nserver &\nwait\n"}

MUTANTS: dict[str, Mutant] = {
    "H1-serve": mutant(("code = main()", "code = 3")),
    "H1-root": mutant(container=True, lines=("USER nobody",)),
    "H1-log-lines": mutant(
        (HANDLER, f"{HANDLER}    def log_message(self, *_):\n        pass\n\n"),
        ('    print(f"listening on {PORT}")\n', ""),
    ),
    "H2-address": mutant((SERVER, SERVER.replace("0.0.0.0", "127.0.0.1")), container=True),
    "H2-bind-to-port": mutant(('int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))', "8080"), container=True),
    "H2-safe-port-range": mutant(
        (SERVER, f"    import socket\n\n    admin = socket.create_server(('', 9999))\n{SERVER}"), container=True
    ),
    "H3-ready-in-time": mutant((GET_PING, GET_PING.replace("200", "503"))),
    "H3-ping-empty": mutant((GET_PING, GET_PING.replace("200", '200, "text/plain", b"pong"'))),
    "H3-ping-by-post": mutant((POST_PING, POST_PING.replace("self.answer(200)", "raise Refusal(405, path)"))),
    "H3-ping-slash": mutant((GET_PING, GET_PING.replace("200", '500 if self.path == "/ping/" else 200'))),
    "H3-ping-in-time": mutant(
        ("in_flight, lock = 0,", "pings = iter([0, 0, 2.5])\nin_flight, lock = 0,"),
        (GET_PING, GET_PING.replace("self.answer", "time.sleep(next(pings, 0))\n            self.answer")),
    ),
    "H3-empty-model": mutant((LOADED, LOADED.replace("else", 'or not any((BASE / "model").iterdir()) else'))),
    "H3-damaged-model": mutant(
        ("    except (OSError, ValueError, KeyError) as error:\n", "    except ValueError:\n        pass\n"
         "    except (OSError, KeyError) as error:\n"),
    ),
    "H3-ping-under-load": mutant(
        (PREDICTED, f"                time.sleep(0.1)\n{PREDICTED}"),
        (GET_PING, GET_PING.replace("self.answer", "time.sleep(2.5 if in_flight > 2 else 0)\n            self.answer")),
    ),
    "H3-worker-replaced": mutant((SERVER, f"{SERVER}    if os.fork():\n        signal.pause()\n")),
    "H4-answer": mutant(("            return JSON, json", "            raise MemoryError\n            return JSON, json")),
    "H4-unknown-headers": mutant(
        (READ_BODY, f'{READ_BODY}            if "Traceparent" in self.headers:\n                raise Refusal(400, "?")\n'),
    ),
    "H4-concurrent": mutant(
        (PREDICTED, f'                time.sleep(0.3)\n                if in_flight > 6:\n'
                    f'                    raise Refusal(503, "busy")\n{PREDICTED}'),
    ),
    "H4-chunked-body": mutant(("            return self.chunks()", "            raise NotImplementedError")),
    "H4-kept-connection": mutant(("        if self.close_connection:\n", "        if False:\n")),
    "H4-half-sent-body": mutant(
        ("in_flight, lock = 0,", "reading = threading.Lock()\nin_flight, lock = 0,"),
        (READ_BODY, "            with reading:\n                body = self.body()\n"),
    ),
    "H4-slow-reader": mutant(
        ("in_flight, lock = 0,", "writing = threading.Lock()\nin_flight, lock = 0,"),
        (PREDICTED, '                content_type, answer = self.predict(body, factor)\n                with writing:\n'
                    '                    self.send(content_type, answer + b" " * 2**23)\n'),
    ),
    "H4-accept-in-time": mutant(
        ("    request_queue_size = 128\n", "    request_queue_size = 1\n\n    def get_request(self):\n"
         "        while threading.active_count() > 16:\n            time.sleep(0.05)\n"
         "        return super().get_request()\n\n"),
    ),
    "H4-malformed-request": mutant(("if length and not length.isdecimal():", "if False:")),
    "H5-largest-body": mutant(('"SAGEMAKER_MAX_PAYLOAD_IN_MB", "25"', '"LIMIT", "1"')),
    "H5-too-large-body": mutant(
        ("                left -= len(piece)\n            raise Refusal(413,", "                left -= len(piece)\n"
         "            raise MemoryError(413,"),
    ),
    "H6-platform-headers": mutant(
        (READ_BODY, f'{READ_BODY}            if "X-Amzn-SageMaker-Inference-Id" in self.headers:\n'
                    '                raise Refusal(400, "?")\n'),
    ),
    "H6-answer-headers": mutant(
        ("        if self.close_connection:\n", '        self.send_header("X-Name", "caf\\xe9")\n'
         "        if self.close_connection:\n"),
    ),
    "H7-bad-content-type": mutant(("raise Refusal(415, f", "raise ValueError(f")),
    # bytes that are no UTF-8 are another error than JSON that is none
    "H7-broken-body": mutant((UNREADABLE, UNREADABLE.replace("ValueError", "json.JSONDecodeError"))),
    "H7-empty-body": mutant((REFUSED, f"            assert body\n{REFUSED}")),
    "H7-short-error": mutant((ERROR, '{"error": reason * 100}')),
    "H7-no-traceback": mutant((REFUSED, "            raise Refusal(400, traceback.format_exc())\n")),
    "H8-request-in-flight": mutant((SIGNAL, "lambda *_: os._exit(0)")),
    "H8-stops-in-time": Hosting(
        ("COPY server /usr/local/bin/",), {**SHELL, "server": (images.GOOD / "serve").read_text()}, container=True
    ),
    "H8-exit-code": mutant(("os._exit(code)", "os._exit(3)")),
    "H9-read-only-model": mutant((LOADED, f'        (BASE / "model" / "cache").touch()\n{LOADED}'), container=True),
    "H9-nothing-written": mutant((LOADED, f'        (BASE / "model" / "cache").touch()\n{LOADED}')),
    "H10-variables": mutant((LOADED, f'        assert "SAGEMAKER_REGION" not in os.environ\n{LOADED}'), container=True),
    "H11-execution-parameters": mutant(('"MaxPayloadInMB": 6', '"MaxPayloadInMB": "6"'), profile=Profile.BATCH),
    "H11-line-by-line": mutant(
        ("for product in products)", "for product in products[1:])"), profile=Profile.BATCH, payload=CSV
    ),
    "H12-ping": multi_model((GET_PING, GET_PING.replace("200", "200 if models else 503"))),
    "H12-list": multi_model(('elif path == "/models" and MULTI_MODEL:\n            listed', "elif False:\n            listed")),
    "H12-load-bad-path": multi_model(("raise Refusal(404, f\"no model at", "raise Refusal(400, f\"no model at")),
    "H12-load": multi_model(
        ("                self.load(body)\n                self.answer(200)", "                self.load(body)\n"
         "                self.answer(202)"),
    ),
    "H12-load-again": multi_model(("raise Refusal(409,", "raise Refusal(400,")),
    "H12-describe": multi_model(('json.dumps({"modelName": name, "modelUrl": models[name][0]})', "json.dumps([name])")),
    "H12-invoke": multi_model(("models[path.split(\"/\")[2]][1]", "models[path][1]")),
    "H12-invoke-unloaded": multi_model(('raise Refusal(404, f"POST', 'raise Refusal(500, f"POST')),
    "H12-unload": multi_model(("            self.answer(200)\n        else:\n            self.refuse(404, f\"no",
                               "            self.answer(202)\n        else:\n            self.refuse(404, f\"no")),
    "H12-unload-again": multi_model(('self.refuse(404, f"no', 'self.refuse(400, f"no')),
    "H14-read-only-root": mutant(
        (LOADED, f'        Path("/var/cache/model").touch()\n{LOADED}'), container=True, profile=Profile.SERVERLESS
    ),
    "H14-memory": mutant(
        (LOADED, f"        ballast = b'1' * 2**29\n{LOADED}"), container=True, profile=Profile.SERVERLESS
    ),
    "H14-full-disk": mutant((LOADED, f'        Path("/tmp/cache").write_bytes(bytes(2**22))\n{LOADED}'), container=True),
    "H15-metrics": mutant(('self.answer(200, "text/plain", f"requests', 'self.answer(200, "text/html", f"<html>requests')),
    "H16-streamed-answer": mutant(
        ("[*body.splitlines(keepends=True), b\"\"]:\n", "body.splitlines(keepends=True):\n            self.close_connection = True\n"),
    ),
    "H17-bidirectional": mutant(('"/invocations-bidirectional-stream"', '"/stream"'), lines=ALL_LABELS),
    "H19-no-network": replace(
        mutant((LOADED, '        import socket\n\n        place = os.environ["SERVICE"], 8080\n'
                        f'        socket.create_connection(place, timeout=3)\n{LOADED}')),
        container=True, needs_service=True,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's limits in small, so that a mutant is found guilty in seconds."""
    for profile, limits in platform.LIMITS.items():
        size = min(limits.body_bytes, platform.LIMITS[Profile.REAL_TIME].body_bytes)
        small = replace(limits, startup_seconds=20, stop_seconds=8, body_bytes=size)
        monkeypatch.setitem(platform.LIMITS, profile, small)
    monkeypatch.setattr(platform, "_SERVERLESS_MEMORY", 2**28)
    monkeypatch.setattr(hosting_clients, "_PATIENCE", 4.0)
    monkeypatch.setattr(hosting_load, "_SECONDS", 1.5)
    monkeypatch.setattr(hosting_load, "_REPLACED_SECONDS", 5.0)
    monkeypatch.setattr(hosting_model, "_SECONDS", 5.0)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The good programs, bare."""
    return Subject(
        None,
        tmp_path / "scratch",
        model=images.laid(tmp_path / "model", images.MODEL),
        payload=Hosting.payload,
        programs=images.programs(tmp_path / "programs"),
    )


def found(scenario: Scenario, subject: Subject) -> dict[str, Finding]:
    findings = [finding for finding in scenario.run(subject) if applies(finding.point, subject)]
    names = [finding.point.name for finding in findings]
    assert sorted(names) == sorted(point.name for point in scenario.points if applies(point, subject))
    return dict(zip(names, findings, strict=True))


def unheld(findings: Mapping[str, Finding]) -> dict[str, Verdict]:
    return {name: finding.verdict for name, finding in findings.items() if finding.verdict is not Verdict.HOLDS}


def of(name: str) -> Scenario:
    return next(scenario for point, scenario in SCENARIO_OF.items() if point.name == name)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The address of a container on the network outside."""
    model = images.laid(tmp_path / "service-model", images.MODEL)
    with platform.hosted(images.build("good"), None, model, tmp_path / "service", platform.Conditions()) as endpoint:
        yield endpoint.host


def engine(name: str) -> bool:
    kind = MUTANTS[name]
    return isinstance(kind, Hosting) and kind.container


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.engine if engine(name) else ()) for name in MUTANTS]
)
def test_a_mutant_breaks_its_point_and_no_other(
    name: str, subject: Subject, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kind = MUTANTS[name]
    assert isinstance(kind, Hosting)
    subject = replace(subject, profile=kind.profile, payload=kind.payload)
    if kind.needs_service:
        subject = replace(subject, environment={"SERVICE": request.getfixturevalue("service")})
    if kind.container:
        subject = replace(subject, image=kind.image(name), programs=None)
    else:
        subject = replace(subject, programs=images.programs(tmp_path / "mutant", kind.files))
    findings = found(of(name), subject)
    assert set(broken(findings)) == {name}, broken(findings)


def test_every_point_has_a_mutant() -> None:
    assert {point.name for point in SCENARIO_OF} == set(MUTANTS)


@pytest.mark.engine
@pytest.mark.parametrize("scenario", hosting.SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_good_image_holds_all(scenario: Scenario, subject: Subject) -> None:
    subject = replace(subject, image=images.build("all-labels", ALL_LABELS), programs=None)
    findings = found(scenario, subject)
    one_process = {"H3-worker-replaced": Verdict.NOT_CLAIMED}
    assert unheld(findings) == (one_process if "H3-worker-replaced" in findings else {})


@pytest.mark.engine
@pytest.mark.parametrize("profile", [Profile.SERVERLESS, Profile.ASYNC, Profile.BATCH, Profile.MULTI_MODEL])
def test_the_good_image_holds_all_as_other_kinds_of_endpoints(profile: Profile, subject: Subject) -> None:
    image = images.build("all-labels", ALL_LABELS)
    payload = CSV if profile is Profile.BATCH else subject.payload
    subject = replace(subject, image=image, programs=None, profile=profile, payload=payload)
    assert unheld(found(of("H1-serve"), subject)) == {}


def test_a_worker_that_is_replaced(subject: Subject, tmp_path: Path) -> None:
    forking = images.changed("serve", (SERVER, f"{SERVER}    while os.fork():\n        os.wait()\n"))
    subject = replace(subject, programs=images.programs(tmp_path / "forking", forking))
    assert unheld(found(of("H3-worker-replaced"), subject)) == {}


def test_without_a_payload_and_a_model_what_needs_them_is_unknown(subject: Subject, tmp_path: Path) -> None:
    own = images.changed("serve", (LOADED, "        factor = 2.0\n"))
    programs = images.programs(tmp_path / "own", own)
    subject = replace(subject, programs=programs, model=None, payload=None)
    findings = {name: finding for scenario in hosting.SCENARIOS for name, finding in found(scenario, subject).items()}
    reasons = {finding.seen for finding in findings.values() if finding.verdict is Verdict.UNKNOWN}
    assert reasons >= {"no payload was given", "the image holds its own model"}
    assert findings["H4-answer"].verdict is Verdict.UNKNOWN
    assert broken(findings) == {}


@pytest.mark.engine
def test_without_labels_features_are_not_claimed(subject: Subject) -> None:
    good = replace(subject, image=images.build("good"), programs=None)
    findings = found(of("H12-list"), good)
    assert set(unheld(findings).values()) == {Verdict.NOT_CLAIMED}


def test_a_point_is_named_after_an_item_of_the_checklist() -> None:
    assert all(point.name.partition("-")[0] in {f"H{number}" for number in range(1, 21)} for point in SCENARIO_OF)
    assert set(hosting.NOT_CHECKABLE) <= {f"H{number}" for number in range(1, 21)}
