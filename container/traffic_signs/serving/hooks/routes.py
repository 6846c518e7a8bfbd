"""Endpoint answered by a model's hooks: model_fn, input_fn, predict_fn, output_fn or transform_fn.

    start      loader.load -> model_fn(model_dir) -> model
    request    body, content type -> input_fn -> data -> predict_fn(data, model) -> prediction -> output_fn -> response
                                 `----------------------- transform_fn, in place of the three ----------------------'

sagemaker_inference's Transformer calls them, and `defaults` supplies those that are missing. Its npy decoder, which
unpickles, and its error responses, which are tracebacks, are replaced. A process answers one request at a time, as the
servers do that the toolkit was written for, so hooks need not be thread-safe.

    raised                                        response
    ValueError by input_fn                        400 and its text: the body is invalid
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
from traffic_signs.serving.codec.text import utf8
from traffic_signs.serving.endpoint import handler, views
from traffic_signs.serving.endpoint.handler import Request
from traffic_signs.serving.hooks import loader
from traffic_signs.serving.hooks.defaults import Context, Defaults
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

_MAX_TEXT = 1000
"""Characters of an error message; the platform passes on 2,048."""


class HooksEndpoint:
    """A model and its program, loaded once per worker and shared by its threads."""

    headers: list[tuple[str, str]] = []  # noqa: RUF012 - never changed: the model of the hooks is unknown here

    def __init__(self, program: Path, model: Path, engine: str, settings: ServingSettings, metrics: Metrics) -> None:
        """Import *program* and load the model.

        Args:
            program: from `loader.find`.
            model: the model directory, the argument of `model_fn`.
            engine: "litert" or "tensorflow", for a program without `model_fn`.
            settings: the payload limit, and the response format for clients that accept any.
            metrics: counts loads and batches, for a program without `model_fn`.

        Raises:
            HooksError: the program cannot be used, or its `model_fn` raised.
            ArtifactError: the program has no `model_fn`, and there is no model to serve.
        """
        # hooks may call the toolkit's decoder themselves, so the decoder must be safe
        decoder._decoder_map[content_types.NPY] = npy.read_npy  # noqa: SLF001 # the toolkit has no other way
        module = loader.load(program)
        if input_fn := getattr(module, "input_fn", None):
            module.input_fn = _with_client_errors(input_fn)  # type: ignore[attr-defined] # the toolkit looks there
        os.environ[parameters.USER_PROGRAM_ENV] = program.name  # where the toolkit reads the module's name
        self._context, self._settings = Context(model), settings
        self._lock = FairLock()
        self._transformer = _Transformer(Defaults(model, engine, settings, metrics))
        with loader.as_hooks_error(program):
            self._transformer.validate_and_initialize(str(model), self._context)

    def answer(self, request: Request, record: Record, name: str = "") -> handler.Response:  # noqa: ARG002 - Endpoint's
        """Answer *request* as `handler.Endpoint` describes; any other error of a hook is raised too."""
        headers, content = request
        content = decompress(content, headers.get("content-encoding", ""), self._settings.payload_mb * 2**20)
        record.lap("read")
        record.bytes_in = len(content)
        media_type, parameters = handler.parse_content_type(headers.get("content-type", ""))
        if media_type in content_types.UTF8_TYPES:
            content = utf8.normalize(content)
            _check_utf8(content)
        with self._lock:
            self._context.start_request(headers, media_type, parameters)
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
            except BaseException as error:  # such as SystemExit, which would end the worker's thread
                raise RuntimeError(f"a hook raised {type(error).__name__}") from error
            if not isinstance(result, str | bytes | bytearray):
                raise TypeError(f"the hooks returned {type(result).__name__}; expected bytes or text")
            answer = result.encode() if isinstance(result, str) else bytes(result)
            content_type = self._context.content_type
        record.lap("engine")  # includes decoding and encoding by the hooks
        return handler.Response(200, [("Content-Type", content_type)], answer)

    @staticmethod
    def identities() -> list[dict[str, str]]:
        """Return no identities, because only the hooks know the model."""
        return []

    def routes(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("hooks", __name__)

        @blueprint.post("/invocations")
        def invocations() -> Response:
            return views.respond(self, self._settings)

        return blueprint


class _Transformer(Transformer):  # type: ignore[misc] # no types are published
    """The toolkit's class, but it raises an error instead of answering with its traceback."""

    @staticmethod
    def handle_error(context: Any, inference_exception: Exception, trace: str) -> NoReturn:  # noqa: ARG004 # its signature
        raise sys.exception() or inference_exception


def _with_client_errors(input_fn: Callable[..., Any]) -> Callable[..., Any]:
    """Convert the errors of an input_fn to those of an invalid request."""

    @wraps(input_fn)
    def wrapper(*arguments: Any) -> Any:
        try:
            return input_fn(*arguments)
        except errors.UnsupportedFormatError as error:
            raise UnsupportedMediaError(_shorten(error)) from error
        except ValueError as error:
            raise RequestError(_shorten(error)) from error

    return wrapper


def _check_utf8(content: bytes) -> None:
    """Check the encoding before the toolkit decodes the body, where the error would not count as the client's."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error


def _shorten(error: object) -> str:
    return " ".join(str(error).split())[:_MAX_TEXT] or "refused by the model's hooks"
