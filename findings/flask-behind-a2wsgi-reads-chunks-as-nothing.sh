#!/usr/bin/env bash
# a2wsgi 1.10.10 with Flask 3.1.3: a view reads a chunked body as empty, and the client gets status 200.
#
# Expected: the view gets the five bytes that were sent, as with gunicorn or Werkzeug's own server, or the client an error.
# Observed: b'' with status 200. The stream from a2wsgi ends where the body ends, but a2wsgi does not set
#           `wsgi.input_terminated`. Without it and without a Content-Length, Werkzeug treats the body as empty.
#
# Observed output:
#   with a length: 200 b'hello'
#   in chunks:     200 b''
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check a2wsgi==1.10.10 flask==3.1.3 uvicorn==0.54.0 httptools==0.9.0
cat >"$folder/application.py" <<'PYTHON'
from a2wsgi import WSGIMiddleware
from flask import Flask, request

site = Flask(__name__)
@site.post("/")
def echo():
    return repr(request.get_data())
application = WSGIMiddleware(site)
PYTHON
cat >"$folder/ask.py" <<'PYTHON'
import http.client
import socket
import subprocess
import sys
import time

with socket.create_server(("127.0.0.1", 0)) as probe:
    port = probe.getsockname()[1]
server = subprocess.Popen([sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "error", "application:application"])
def ask(body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", body)  # without a length of its own, an iterator is sent in chunks
    answer = connection.getresponse()
    return f"{answer.status} {answer.read().decode()}"


try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    whole, chunks = ask(b"hello"), ask(iter([b"hello"]))
finally:
    server.terminate()
print("with a length:", whole)
print("in chunks:    ", chunks)
sys.exit((whole, chunks) != ("200 b'hello'", "200 b''"))
PYTHON
cd "$folder" && venv/bin/python ask.py
