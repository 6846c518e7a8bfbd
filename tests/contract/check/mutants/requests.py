"""Entries of the points of hosting that requests decide."""

from collections.abc import Mapping

from tests.contract.check.mutants.changes import (
    ALL_LABELS,
    BACKLOG,
    BODY,
    CLOSING,
    DRAINED,
    EMPTY_ANSWERED,
    LINES,
    LOADED,
    LOCK,
    MODEL_ERROR,
    POST_PING,
    PREDICTED,
    REFUSED,
    SERVER,
    UNREADABLE,
    before,
    instead,
    ping,
    serving,
    serving_batch,
)
from tests.contract.check.mutants.entry import Entry
from tests.contract.check.mutants.odd.hosting import BATCH, CLOSING_SERVER, EMBEDDED, LATE, RAW

_LENGTH = "        length = self.headers.get"

# where one sleeps, that is its fault: it answers too late, or holds others up
ENTRIES: Mapping[str, Entry] = {
    "H3-ready-in-time": Entry(
        "/ping is 503 for ever", serving(ping("self.answer(503)")).but(startup_seconds=4),
        RAW, "closes all connections for 1.5 s, then answers",
    ),
    "H3-ping-empty": Entry(
        "/ping has the body `pong`", serving(ping('self.answer(200, "text/plain", b"pong")')),
        RAW, "an empty body in chunks, with a content type",
    ),
    "H3-ping-by-post": Entry(
        "POST /ping is 405", serving(instead(POST_PING, 'if path == "/ping":', "    raise Refusal(405, path)")),
        CLOSING_SERVER, "HTTP/1.0, without a Content-Length",
    ),
    "H3-ping-slash": Entry(
        "/ping/ is 500", serving(ping('self.answer(500 if self.path == "/ping/" else 200)')),
        RAW, "308, with a location",
    ),
    "H3-ping-in-time": Entry(
        "every /ping takes 2.5 s, until another request comes",
        serving(
            before(LOCK, "asked = []"),
            before(BODY, "asked.append(path)"),
            ping("self.answer(200 + (time.sleep(2.5 * (not asked)) or 0))"),
        ),
        LATE, "every /ping takes 1.2 s",
    ),
    "H3-empty-model": Entry(
        "/ping is 200 without a model, and the payload gets a 400",
        serving((LOADED, LOADED.replace("else", 'else None if not any((BASE / "model").iterdir()) else'))),
        EMBEDDED, "serves a model of the image in its place",
    ),
    "H3-damaged-model": Entry(
        "/ping is 200 with a damaged model, and the payload gets a 400",
        serving(before(MODEL_ERROR, "except ValueError:", "    factor = None")),
        RAW, "closes all connections for 1.5 s, then exits with 78",
    ),
    "H3-ping-under-load": Entry(
        "/ping takes 2.5 s beside a request",
        serving(
            before(PREDICTED, "time.sleep(0.1)"),
            ping("self.answer(200 + (time.sleep(2.5 * (in_flight > 0)) or 0))"),
        ),
        LATE, "every /ping takes 1.2 s",
        dict.fromkeys(("H4-half-sent-body", "H4-slow-reader"), "requests that are not finished count, too"),
    ),
    "H3-worker-replaced": Entry(
        "a killed worker is not replaced", serving(before(SERVER, "if os.fork():", "    signal.pause()")),
        RAW, "an idle helper process, which need not be replaced",
    ),
    "H4-answer": Entry(
        "500 to the payload", serving(before("            return JSON, json", "raise MemoryError")),
        RAW, "chunks with extensions and a trailer, no reason phrase, no content type",
    ),
    "H4-unknown-headers": Entry(
        "500 to Traceparent", serving((BODY, BODY + '            assert "Traceparent" not in self.headers\n')),
        RAW, "reads headers whose names are lower case, and writes such ones",
    ),
    "H4-concurrent": Entry(
        "503 to the seventh request at once",
        serving(before(PREDICTED, "time.sleep(0.3)", "if in_flight > 6:", '    raise Refusal(503, "busy")')),
        CLOSING_SERVER, "predicts one at a time, in 0.1 s each",
    ),
    "H4-chunked-body": Entry(
        "treats a chunked body as empty",
        serving(("return self.chunks()", 'return self.chunks() and b""'), EMPTY_ANSWERED),
        CLOSING_SERVER, "411 to a body in chunks",
    ),
    "H4-h2c-offer": Entry(
        "treats a body sent with an offer of HTTP/2 as empty",
        serving(before(_LENGTH, 'if "Upgrade" in self.headers:', '    return b""'), EMPTY_ANSWERED),
        RAW, "ignores the offer",
    ),
    "H4-every-answer": Entry(
        "closes the connection of one large request",
        serving(
            before(LOCK, "import itertools", "large = itertools.count()"),
            before(PREDICTED, "if len(body) > 90_000 and next(large) == 50:", "    raise ConnectionError"),
        ),
        RAW, "every seventh response announces the end of its connection",
    ),
    "H4-kept-connection": Entry(
        "closes after a refusal, unannounced", serving(instead(CLOSING, "if False:")),
        RAW, "`connection: Close` in these cases",
    ),
    "H4-half-sent-body": Entry(
        "reads one body at a time",
        serving(before(LOCK, "reading = threading.Lock()"), instead(BODY, "with reading:", "    body = self.body()")),
        RAW, "one thread for all connections",
    ),
    "H4-slow-reader": Entry(
        "writes one response at a time",
        serving(
            before(LOCK, "writing = threading.Lock()"),
            before(PREDICTED, "with writing:", '    self.answer(200, JSON, b" " * 2**23)', "return"),
        ),
        RAW, "one thread for all connections",
    ),
    "H4-accept-in-time": Entry(
        "a backlog of 8, and 16 connections at once",
        serving(
            instead(
                BACKLOG,
                "request_queue_size = 8",
                "def get_request(self):",
                "    while threading.active_count() > 16:",
                "        time.sleep(0.05)",
                "    return super().get_request()",
            )
        ),
        RAW, "one IPv6 socket for both families",
    ),
    "H4-malformed-request": Entry(
        "500 to a Content-Length that is no number", serving(("not length.isdecimal()", 'length.startswith("-")')),
        RAW, "431 to a head of more than 64 kB, and no reason phrases",
    ),
    "H5-largest-body": Entry(
        "takes 1 MB", serving(('"SAGEMAKER_MAX_PAYLOAD_IN_MB", "25"', '"LIMIT", "1"')),
        CLOSING_SERVER, "accepts every byte as input",
    ),
    "H5-too-large-body": Entry(
        "500 to a body that is too large", serving((DRAINED, DRAINED.replace("Refusal", "MemoryError"))),
        RAW, "413 before the body comes",
    ),
    "H6-platform-headers": Entry(
        "500 to an inference id",
        serving((BODY, BODY + '            assert not self.headers["X-Amzn-SageMaker-Inference-Id"]\n')),
        RAW, "answers with custom attributes of its own",
    ),
    "H6-answer-headers": Entry(
        "a header that is not ASCII", serving(before(CLOSING, 'self.send_header("X-Name", "caf\\xe9")')),
        RAW, "custom attributes of 1,024 characters, an empty value, a tab in a value, two cookies",
    ),
    "H7-bad-content-type": Entry(
        "500 to an unknown content type", serving(("raise Refusal(415, f", "raise ValueError(f")),
        CLOSING_SERVER, "200: it ignores the content type",
    ),
    "H7-broken-body": Entry(
        "500 to bytes that are not UTF-8",  # another error than JSON that is none
        serving((UNREADABLE, UNREADABLE.replace("ValueError", "json.JSONDecodeError"))),
        CLOSING_SERVER, "200: every byte is input",
    ),
    "H7-empty-body": Entry(
        "500 to an empty body", serving(before(REFUSED, "assert body")),
        CLOSING_SERVER, "204: there is nothing to answer",
    ),
    "H7-short-error": Entry(
        "errors of 2,700 characters", serving(('{"error": reason}', '{"error": reason * 100}')),
        RAW, "errors of 2,048 characters, most of three bytes",
    ),
    "H7-no-traceback": Entry(
        "a traceback in the error", serving(instead(REFUSED, "raise Refusal(400, traceback.format_exc())")),
        RAW, 'an error with the words traceback, File "a.json" and line 1',
    ),
    "H11-execution-parameters": Entry(
        "a number is text", serving_batch(('"MaxPayloadInMB": 6', '"MaxPayloadInMB": "6"')),
        BATCH, "MaxPayloadInMB 0, SINGLE_RECORD, a further key, text/plain",
    ),
    "H11-line-by-line": Entry(
        "leaves the first record out", serving_batch(("for product in products)", "for product in products[1:])")),
        BATCH, "lines end in CRLF, and the last one does not end",
    ),
    "H15-metrics": Entry(
        "/metrics is HTML", serving(('f"requests_in_flight', 'f"<html>')),
        RAW, "OpenMetrics with exemplars, units and timestamps",
    ),
    "H16-streamed-answer": Entry(
        "ends a stream without its last chunk",
        serving(instead(LINES, "self.close_connection = True", "for line in body.splitlines(keepends=True):")),
        RAW, "chunks with extensions and a trailer",
    ),
    "H17-bidirectional": Entry(
        "404 to the WebSocket", serving(('"/invocations-bidirectional-stream"', '"/stream"'), lines=ALL_LABELS),
        RAW, "`WebSocket`, `keep-alive, upgrade`, and a ping at once",
    ),
}  # fmt: skip
"""By the names of their points."""
