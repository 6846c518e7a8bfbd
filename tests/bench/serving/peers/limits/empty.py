"""Empty ASGI application, which reads the body and answers `{}`: the cost of HTTP alone with uvicorn's worker."""

from typing import Any

from uvicorn_worker import UvicornWorker

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


class Worker(UvicornWorker):
    CONFIG_KWARGS = {  # noqa: RUF012 # as in uvicorn_worker
        "loop": "uvloop",
        "http": "httptools",
        "interface": "asgi3",
        "lifespan": "off",
        "timeout_keep_alive": 75,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
    }


async def app(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})
