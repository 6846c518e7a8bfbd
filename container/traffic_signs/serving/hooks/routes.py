"""Requests answered by the hooks of a model: model_fn, input_fn, predict_fn, output_fn or transform_fn.

    start      loader.load -> model_fn(model_dir) -> model
    request    body, content type -> input_fn -> data -> predict_fn(data, model) -> prediction -> output_fn -> answer
                                 `----------------------- transform_fn, in place of the three ----------------------'

sagemaker_inference's Transformer calls them; `defaults` stands in for those that are missing. Its npy
decoder, which unpickles, and its answers to errors, which are tracebacks, are replaced. A process answers one
request at a time, as the servers do that the toolkit was written for: hooks need not be safe for threads.

    raised                                        answer
    ValueError by input_fn                        400 and its text: the body is not what it should be
    sagemaker_inference's errors                  their own status and text; 415 and 406 for a content type
    anything else                                 500 without its text; the log has the traceback
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

from flask import Blueprint, Response
from sagemaker_inference import content_types, decoder, errors, parameters
from sagemaker_inference.transformer import Transformer

from traffic_signs.errors import HooksError, NotAcceptableError, RequestError, UnsupportedMediaError
from traffic_signs.fair_lock import FairLock
from traffic_signs.serving.codec import npy
from traffic_signs.serving.codec.body import decompress
from traffic_signs.serving.endpoint import handler, views
from traffic_signs.serving.endpoint.handler import Request
from traffic_signs.serving.hooks import loader
from traffic_signs.serving.hooks.defaults import Context, Defaults
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

_MAX_TEXT = 1000
"""Characters of an error: the platform passes on 2,048."""


class HooksEndpoint:
    """The endpoint: a model's program with its model; built once a worker, shared by its threads."""

    headers: list[tuple[str, str]] = []  # noqa: RUF012 - never changed: what hooks serve is not known here

    def __init__(self, program: Path, model: Path, engine: str, settings: ServingSettings, metrics: Metrics) -> None:
        """Import *program* and load the model.

        Args:
            program: what `loader.find` found.
            model: the model directory, which `model_fn` gets.
            engine: "litert" or "tensorflow", for a program without `model_fn`.
            settings: the payload limit, and how answers come that nobody asks for.
            metrics: where loads and batches are counted, of a program without `model_fn`.

        Raises:
            HooksError: the program cannot be used, or its `model_fn` raised.
            ArtifactError: it has no `model_fn`, and there is no model to serve.
        """
        # hooks call the toolkit's decoder by its name, so it has to be safe itself
        decoder._decoder_map[content_types.NPY] = npy.read_npy  # noqa: SLF001 # the toolkit has no other way
        module = loader.load(program)
        if input_fn := getattr(module, "input_fn", None):
            module.input_fn = _with_client_errors(input_fn)  # type: ignore[attr-defined] # the toolkit looks there
        os.environ[parameters.USER_PROGRAM_ENV] = program.name  # where the toolkit looks for the module's name
        self._context, self._settings = Context(model), settings
        self._lock = FairLock()
        self._transformer = _Transformer(Defaults(model, engine, settings, metrics))
        with loader.as_hooks_error(program):
            self._transformer.validate_and_initialize(str(model), self._context)

    def answer(self, request: Request, record: Record, name: str = "") -> handler.Response:  # noqa: ARG002 - Endpoint's
        """Answer *request* as `handler.Endpoint` describes it, and raise whatever else a hook raises."""
        headers, content = request
        content = decompress(content, headers.get("content-encoding", ""), self._settings.payload_mb * 2**20)
        record.lap("read")
        record.bytes_in = len(content)
        kind, parameters = handler.parse_content_type(headers.get("content-type", ""))
        if kind in content_types.UTF8_TYPES:
            _check_utf8(content)
        with self._lock:
            self._context.start_request(headers, kind, parameters)
            try:
                [result] = self._transformer.transform([{"body": content}], self._context)
            except errors.UnsupportedFormatError as error:
                raise NotAcceptableError(_shorten(error)) from error
            except errors.BaseInferenceToolkitError as error:
                hooks_error = HooksError(_shorten(error.message))
                hooks_error.status = error.status_code if error.status_code in range(400, 600) else 500
                raise hooks_error from error
            except Exception:
                raise
            except BaseException as error:  # SystemExit say, which would end the thread that answers
                raise RuntimeError(f"a hook raised {type(error).__name__}") from error
            if not isinstance(result, str | bytes | bytearray):
                raise TypeError(f"the hooks answered with {type(result).__name__}; expected bytes or text")
            answer = result.encode() if isinstance(result, str) else bytes(result)
            content_type = self._context.content_type
        record.lap("engine")  # with decoding and encoding, where hooks do that
        return handler.Response(200, [("Content-Type", content_type)], answer)

    @staticmethod
    def identities() -> list[dict[str, str]]:
        """Say nothing of a model that only the hooks know."""
        return []

    def routes(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("hooks", __name__)

        @blueprint.post("/invocations")
        def invocations() -> Response:
            return views.respond(self, self._settings)

        return blueprint


class _Transformer(Transformer):  # type: ignore[misc] # no types are published
    """The toolkit's, which makes an answer of an error and its traceback; this one raises the error."""

    @staticmethod
    def handle_error(context: Any, inference_exception: Exception, trace: str) -> NoReturn:  # noqa: ARG004 # its signature
        raise sys.exception() or inference_exception


def _with_client_errors(read: Callable[..., Any]) -> Callable[..., Any]:
    """Have errors of an input_fn, which reads what the client sent, mean the client's request."""

    @wraps(read)
    def input_fn(*arguments: Any) -> Any:
        try:
            return read(*arguments)
        except errors.UnsupportedFormatError as error:
            raise UnsupportedMediaError(_shorten(error)) from error
        except ValueError as error:
            raise RequestError(_shorten(error)) from error

    return input_fn


def _check_utf8(content: bytes) -> None:
    """Find out before the toolkit makes text of the body, where nobody would know whose mistake it is."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error


def _shorten(error: object) -> str:
    return " ".join(str(error).split())[:_MAX_TEXT] or "refused by the model's hooks"
