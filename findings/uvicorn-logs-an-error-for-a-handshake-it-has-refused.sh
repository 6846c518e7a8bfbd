#!/usr/bin/env bash
# uvicorn 0.54.0 with websockets 17.4: when an application refuses a WebSocket handshake with ASGI's extension
# "websocket.http.response" and returns, uvicorn logs an error of the application.
#
# Expected: the client gets the 403, and the log says at most that the handshake was refused.
# Observed: the client gets the 403, and the log has an ERROR: "ASGI callable returned without completing handshake."
#           uvicorn marks the handshake as complete only when the connection has ended.
#
# Observed output:
#   the client got: HTTP/1.1 403 Forbidden
#   the log has:    ERROR:    ASGI callable returned without completing handshake.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 websockets==17.4
cat >"$folder/application.py" <<'PYTHON'
async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"not you"})
PYTHON
cat >"$folder/ask.py" <<'PYTHON'
import socket
import subprocess
import sys
import time

HANDSHAKE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
with socket.create_server(("127.0.0.1", 0)) as probe:
    port = probe.getsockname()[1]
words = [sys.executable, "-m", "uvicorn", "--ws", "websockets-sansio", "--lifespan", "off", "--port", str(port), "application:application"]
with open("log", "wb") as log:
    server = subprocess.Popen(words, stdout=log, stderr=log)
try:
    for _ in range(100):
        try:
            client = socket.create_connection(("127.0.0.1", port), 10)
            break
        except OSError:
            time.sleep(0.1)
    client.sendall(HANDSHAKE)
    got = client.recv(4096).split(b"\r\n")[0].decode()
finally:
    server.terminate()
    server.wait()
errors = [line.strip() for line in open("log") if line.startswith("ERROR")]
print("the client got:", got)
print("the log has:   ", *errors)
sys.exit(not (got.startswith("HTTP/1.1 403") and errors == ["ERROR:    ASGI callable returned without completing handshake."]))
PYTHON
cd "$folder" && venv/bin/python ask.py
