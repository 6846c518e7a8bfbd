"""Odd servers: each is unusual in several ways, all of which the contract allows."""

from dataclasses import replace
from pathlib import Path

from tests.contract.check import images
from tests.contract.check.mutants import changes
from tests.contract.check.mutants.changes import (
    CAPABILITIES,
    LINES,
    LOADED,
    LOCK,
    PREDICTED,
    REFUSED,
    SAID,
    SERVER,
    before,
    instead,
    ping,
)
from tests.contract.check.mutants.entry import Odd, Variant

_HERE = Path(__file__).parent
_SHELL = "#!/bin/sh\ntrap 'kill -TERM $server; wait $server; exit $?' TERM\nserver serve &\nserver=$!\nwait $server\n"
_SIGNAL = "signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())"
_LENGTH = '        self.send_header("Content-Length", str(len(body)))\n'
_JSON_OR_CSV = "        if kind not in (JSON, CSV):\n"

RAW = Odd(
    "raw",
    "HTTP by hand on a dual-stack socket: chunks with extensions and trailers, no reason phrases, early refusals",
    Variant(
        (f"LABEL {CAPABILITIES}.bidirectional-streaming=true",),
        {"serve": (_HERE / "raw").read_text(encoding="utf-8")},
        container=True,
    ),
)
CLOSING_SERVER = Odd(
    "closing",
    "HTTP/1.0: the end of the connection ends each response; every byte is valid input; one prediction at a time",
    changes.serving(
        ('protocol_version = "HTTP/1.1"', 'protocol_version = "HTTP/1.0"'),
        (_LENGTH, ""),
        before(LOCK, "turn = threading.Lock()"),
        instead(
            PREDICTED,
            "if not body:",
            "    self.answer(204)",
            "    return",
            "with turn:",
            "    time.sleep(0.1)",
            "    predicted = self.predict(body, factor)",
            "self.send(*predicted)",
        ),
        ("return self.chunks()", 'raise Refusal(411, "send a Content-Length")'),
        instead(_JSON_OR_CSV, "if False:"),
        instead(REFUSED, "products = [float(len(body))]"),
        ('path == "/metrics"', 'path == ""'),
        ('        self.send_header("Transfer-Encoding", "chunked")\n', ""),
        (LINES, LINES.replace(', b""', "")),
        ('self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(line), line))', "self.wfile.write(line)"),
        (
            _SIGNAL,
            "threading.Thread(target=lambda: (signal.sigwait([signal.SIGTERM]), server.shutdown())).start()",
        ),
        before(LOADED, "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"),
        container=True,
    ),
)
FRONT = Odd(
    "front",
    "a shell that hands SIGTERM on is process 1; the server is nobody, copies its model, and has a second port",
    Variant(
        ("COPY server /usr/local/bin/",),
        {
            "serve": _SHELL,
            "server": images.changed(
                "serve",
                before(
                    LOADED,
                    "import fcntl, logging, shutil, socket, tempfile",
                    'logging.getLogger().setLevel(int(os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "30")))',
                    'os.environ.setdefault("AWS_REGION", os.environ.get("SAGEMAKER_REGION", ""))',
                    "try:",
                    '    socket.create_connection(("telemetry.invalid", 443), 2)',
                    "except OSError as error:",
                    '    print("no telemetry:", error, file=sys.stderr)',
                    'for path in (BASE / "model").glob("*"):',
                    "    fcntl.flock(path.open(), fcntl.LOCK_SH)",
                    'copy = Path(tempfile.mkdtemp()) / "model"',
                    'shutil.copytree(BASE / "model", copy)',
                ),
                (LOADED, LOADED.replace('BASE / "model"', "copy")),
                before(
                    SERVER,
                    'last = os.environ.get("SAGEMAKER_SAFE_PORT_RANGE", "9000-9999").split("-")[1]',
                    'admin = socket.create_server(("127.0.0.1", int(last)))',
                ),
                before(SAID, "os.setgroups([])", "os.setgid(65534)", "os.setuid(65534)"),
                before(
                    PREDICTED,
                    "import tempfile",
                    "try:",
                    "    with tempfile.TemporaryFile() as spool:",
                    "        spool.write(body)",
                    "except OSError:",
                    '    raise Refusal(507, "no space") from None',
                ),
                ping("time.sleep(0.5) or self.answer(200)"),
            )["serve"],
        },
        container=True,
    ),
)
EMBEDDED = Odd(
    "embedded",
    "has a model in the image, which it serves while /opt/ml/model is empty",
    changes.serving((LOADED, LOADED.replace("\n", ' if any((BASE / "model").iterdir()) else 3.0\n'))),
)
MANY = Odd(
    "many",
    "a multi-model server whose answers have more than required (bodies, pages, keys) or less (404 without a body)",
    changes.serving_many_models(
        (
            '{"models": listed}',
            '{"models": listed[:1], **({"nextPageToken": "1"} if len(listed) > 1 else {})}, indent=2',
        ),
        (
            '{"modelName": name, "modelUrl": models[name][0]}',
            '{"status": "READY", "modelUrl": models[name][0], "modelName": name, "workers": [{"id": 9000}]}',
        ),
        (
            "self.load(body)\n                self.answer(200)",
            "time.sleep(1)\n                self.load(body)\n                self.answer(200, JSON, b'[]')",
        ),
        ("None):\n            self.answer(200)", 'None):\n            self.answer(200, CSV, b"unloaded")'),
        ('self.refuse(404, f"no model {name} is loaded")', "self.answer(404)"),
        ('raise Refusal(409, "it is loaded already")', 'raise Refusal(409, "x" * 2000)'),
        ('raise Refusal(404, f"POST {path} is not served here")', "self.answer(404)"),
    ),
)
BATCH = Odd(
    "lines",
    "a transform job's server: CRLF line ends, and none after the last line",
    changes.serving_batch(
        ('"".join(f"{product}\\n" for product in products)', '"\\r\\n".join(str(product) for product in products)'),
        (
            '"BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}',
            '"BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 0, "Version": "1"}',
        ),
        (
            "self.answer(200, JSON, json.dumps(limits).encode())",
            'self.answer(200, "text/plain", json.dumps(limits, indent=1).encode())',
        ),
    ),
)
THRIFTY = Odd(
    "thrifty",
    "a serverless endpoint's server: tries what may be missing, works without it, and holds 100 MB",
    changes.serverless(
        before(
            LOADED,
            "import getpass, tempfile",
            "ballast = b'1' * 10**8",
            'for place in ("/dev/shm", "/var/cache", "/root", tempfile.gettempdir()):',
            "    try:",
            '        (Path(place) / f"heartbeat-{getpass.getuser()}").touch()',
            "        break",
            "    except (OSError, KeyError) as error:",
            '        print("not in", place, error)',
        ),
    ),
)
LATE = replace(
    EMBEDDED,
    name="late",
    about="uses the time that it may: /ping 1.2 s, SIGTERM 5 s",
    variant=changes.serving(
        ping("time.sleep(1.2) or self.answer(200)"),
        before("    deadline = time.monotonic() + 25", "time.sleep(5)"),
    ),
)
