"""Entries of the points of hosting that need a start, a stop, or models that come and go."""

from collections.abc import Mapping

from tests.contract.check import images
from tests.contract.check.mutants.changes import (
    LOADED,
    SAID,
    SERVER,
    before,
    instead,
    ping,
    serverless,
    serving,
    serving_many_models,
)
from tests.contract.check.mutants.entry import Entry, Variant
from tests.contract.check.mutants.odd.hosting import CLOSING_SERVER, FRONT, LATE, MANY, RAW, THRIFTY

_SHELL = "#!/bin/sh\n# the shell is process 1 and hands no signal on\nserver &\nwait\n"
_TOUCHED = '(BASE / "model" / "cache").touch()'

ENTRIES: Mapping[str, Entry] = {
    "H1-serve": Entry("ends at once", serving(("code = main()", "code = 3")), FRONT, "starts another program"),
    "H1-root": Entry("USER nobody", serving(lines=("USER nobody",)), FRONT, "process 1 is root, and its server nobody"),
    "H1-log-lines": Entry(
        "writes no log", serving(instead(SAID, 'sys.stdout = sys.stderr = open("/dev/null", "w")')),
        RAW, "one word on stderr, and nothing about requests",
    ),
    "H2-address": Entry(
        "listens on 127.0.0.1",
        serving((SERVER, SERVER.replace("0.0.0.0", "127.0.0.1")), container=True),  # noqa: S104 # as served
        RAW, "listens on ::, for IPv4 too",
    ),
    "H2-bind-to-port": Entry(
        "listens on 8080, whatever SAGEMAKER_BIND_TO_PORT is",
        serving(('int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))', "8080"), container=True),
        FRONT, "a child of process 1 listens",
    ),
    "H2-safe-port-range": Entry(
        "a second port outside the range",
        serving(before(SERVER, "import socket", "admin = socket.create_server(('', 9999))"), container=True),
        FRONT, "a second port, the last of the range",
    ),
    "H8-request-in-flight": Entry(
        "exits during a request",
        serving(("lambda *_: threading.Thread(target=server.shutdown).start()", "lambda *_: os._exit(0)")),
        CLOSING_SERVER, "answers, and ends the connection",
    ),
    "H8-stops-in-time": Entry(
        "a shell is process 1",
        Variant(
            ("COPY server /usr/local/bin/",),
            {"serve": _SHELL, "server": images.changed("serve")["serve"]},
            container=True,
        ),
        LATE, "takes 5 s",
    ),
    "H8-exit-code": Entry("exits with 3", serving(("os._exit(code)", "os._exit(3)")), RAW, "exits with 143"),
    "H9-read-only-model": Entry(
        "opens the model for writing, and writes nothing",
        serving(before(LOADED, '(BASE / "model" / "model.json").open("r+").close()'), container=True),
        FRONT, "locks the model's files",
    ),
    "H9-nothing-written": Entry(
        "writes beside the model, where it may",
        serving(before(LOADED, "import contextlib", "with contextlib.suppress(OSError):", f"    {_TOUCHED}")),
        FRONT, "copies the model",
    ),
    "H10-variables": Entry(
        "stops at SAGEMAKER_REGION",
        serving(before(LOADED, 'assert "SAGEMAKER_REGION" not in os.environ'), container=True),
        FRONT, "reads the log level as a number",
    ),
    "H12-ping": Entry(
        "/ping is 503 without a model",
        serving_many_models(ping("self.answer(200 if models else 503)")).but(startup_seconds=4),
        MANY, "200 with or without loaded models",
        {"H3-ready-in-time": "a multi-model endpoint starts without a model"},
    ),
    "H12-list": Entry(
        "has no list",
        serving_many_models(
            ('path == "/models" and MULTI_MODEL:\n            listed', "False:\n            listed")
        ),
        MANY, "one model a page, and nextPageToken",
    ),
    "H12-load-bad-path": Entry(
        "400 in place of 404", serving_many_models(('Refusal(404, f"no model at', 'Refusal(400, f"no model at')),
        MANY, "404 after a second",
    ),
    "H12-load": Entry(
        "202 in place of 200",
        serving_many_models(
            ("self.load(body)\n                self.answer(200)", "self.load(body)\n                self.answer(202)")
        ),
        MANY, "200 with a body, after a second",
    ),
    "H12-load-again": Entry(
        "400 in place of 409", serving_many_models(("Refusal(409,", "Refusal(400,")), MANY, "409 with a body of 2 kB"
    ),
    "H12-describe": Entry(
        "a list in place of an object",
        serving_many_models(('json.dumps({"modelName": name, "modelUrl": models[name][0]})', "json.dumps([name])")),
        MANY, "further keys, as multi-model-server has them",
    ),
    "H12-invoke": Entry(
        "500 to the header that names the model",
        serving_many_models(
            ('[path.split("/")[2]][1]', '[path.split("/")[2]][1 + ("X-Amzn-SageMaker-Target-Model" in self.headers)]')
        ),
        MANY, "answers while a page of the list leaves the model out",
    ),
    "H12-invoke-unloaded": Entry(
        "500 in place of 404", serving_many_models(('Refusal(404, f"POST', 'Refusal(500, f"POST')),
        MANY, "404 without a body",
    ),
    "H12-unload": Entry(
        "202 in place of 200",
        serving_many_models(("None):\n            self.answer(200)", "None):\n            self.answer(202)")),
        MANY, "200 with a body",
    ),
    "H12-unload-again": Entry(
        "400 in place of 404", serving_many_models(('self.refuse(404, f"no', 'self.refuse(400, f"no')),
        MANY, "404 without a body",
    ),
    "H14-read-only-root": Entry(
        "writes to /var/tmp", serverless(before(LOADED, 'Path("/var/tmp/model").touch()')),
        THRIFTY, "tries to, and falls back to /tmp",
    ),
    "H14-memory": Entry(
        "holds more than there is", serverless((LOADED, f"{LOADED}        ballast = b'1' * 2**29\n")),
        THRIFTY, "holds 100 MB",
    ),
    "H14-any-user": Entry(
        "reads /root", serverless(before(LOADED, 'list(Path("/root").iterdir())')),
        THRIFTY, "looks up its user's name, which does not exist",
    ),
    "H14-no-shared-memory": Entry(
        "writes to /dev/shm", serverless(before(LOADED, 'Path("/dev/shm/heartbeat").touch()')),
        THRIFTY, "tries to, and falls back to /tmp",
    ),
    "H14-small-tmp": Entry(
        "copies 16 MB to /tmp, where there are 8",
        serverless(before(LOADED, 'Path("/tmp/copy").write_bytes(bytes(2**24))')),
        THRIFTY, "keeps a heartbeat in /tmp",
    ),
    "H14-full-disk": Entry(
        "writes 4 MB to /tmp",
        serving(before(LOADED, 'Path("/tmp/cache").write_bytes(bytes(2**22))'), container=True),
        FRONT, "writes each body to /tmp, and 507 if it does not fit",
    ),
    "H19-no-network": Entry(
        "needs another machine",
        serving(
            before(LOADED, "import socket", 'socket.create_connection((os.environ["SERVICE"], 8080), 3)'),
            container=True,
        ).but(needs_service=True),
        FRONT, "tries to reach another machine, and continues without it",
    ),
}  # fmt: skip
"""By the names of their points."""
