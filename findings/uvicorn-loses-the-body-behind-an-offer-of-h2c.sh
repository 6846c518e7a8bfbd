#!/usr/bin/env bash
# uvicorn 0.54.0 with httptools 0.9.0: a POST that offers an upgrade to HTTP/2 in cleartext (h2c) loses its body.
#
# `curl --http2` and Java's HTTP client offer the upgrade with their first request. A server that does not support h2c
# ignores the field Upgrade (RFC 9110, section 7.8) and answers the request.
# Expected: the application gets the five bytes of the body.
# Observed: it gets none, and the client gets status 200: the parser treats the bytes after the head as the new protocol's.
#
# Observed output:
#   without the offer: 200 b'hello'
#   with the offer:    200 b''
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0
cat >"$folder/application.py" <<'PYTHON'
async def application(scope, receive, send):
    if scope["type"] == "http":
        body = repr((await receive())["body"]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
PYTHON
cat >"$folder/ask.py" <<'PYTHON'
import http.client
import socket
import subprocess
import sys
import time

OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
with socket.create_server(("127.0.0.1", 0)) as probe:
    port = probe.getsockname()[1]
server = subprocess.Popen([sys.executable, "-m", "uvicorn", "--http", "httptools", "--port", str(port), "--log-level", "critical", "application:application"])


def ask(headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", b"hello", headers)
    answer = connection.getresponse()
    return f"{answer.status} {answer.read().decode()}"


try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    without, offered = ask({}), ask(OFFER)
finally:
    server.terminate()
print("without the offer:", without)
print("with the offer:   ", offered)
sys.exit((without, offered) != ("200 b'hello'", "200 b''"))
PYTHON
cd "$folder" && venv/bin/python ask.py
