"""Another container of an inference pipeline, smaller than any: `step.py PORT before|after`.

before  an image of any size -> the 1024 gray values of 32 x 32 pixels, as CSV or JSON
after   predictions, as JSON or CSV -> a word: left for the even classes, right for the others
"""

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


def before(body: bytes, _content_type: str, accept: str) -> tuple[str, str]:
    with Image.open(io.BytesIO(body)) as image:
        values = list(image.convert("L").resize((32, 32), Image.Resampling.BILINEAR).tobytes())
    if accept == "text/csv":
        return ",".join(map(str, values)) + "\n", accept
    rows = [values[start : start + 32] for start in range(0, 1024, 32)]
    return json.dumps({"instances": [rows]}), "application/json"


def after(body: bytes, content_type: str, _accept: str) -> tuple[str, str]:
    if content_type.startswith("text/csv"):
        rows = [[float(value) for value in line.split(",")] for line in body.decode().splitlines()]
    else:
        rows = [prediction["probabilities"] for prediction in json.loads(body)["predictions"]]
    classes = [row.index(max(row)) for row in rows]
    return "\n".join("right" if number % 2 else "left" for number in classes), "text/plain"


class Step(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._reply(b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        work = before if sys.argv[2] == "before" else after
        text, content_type = work(body, self.headers["Content-Type"], self.headers["Accept"])
        self._reply(text.encode(), content_type)

    def _reply(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Step).serve_forever()
