"""Loader of a model's own code: finds it, imports it and checks its functions.

    SAGEMAKER_SUBMIT_DIRECTORY or MODEL/code, SAGEMAKER_PROGRAM or inference.py -> find -> the file, or None
    file -> load -> its module, with at least one of the toolkit's functions in it

SDK v2's `Model(entry_point=..., source_dir=...)` packs the code into model.tar.gz as code/ and sets both
variables; its local mode mounts it at /opt/ml/code. A model packed by hand needs only code/inference.py.
"""

import contextlib
import importlib
import logging
import sys
import traceback
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import ModuleType

from traffic_signs.errors import HooksError, TrafficSignsError
from traffic_signs.model import own_code
from traffic_signs.settings.serving import ServingSettings

_log = logging.getLogger(__name__)
ARGUMENTS = {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2, "transform_fn": 4}
"""Functions that a program may define, with their number of arguments; each may take one more, the context."""
_MAX_TEXT = 500


def find(model: Path, settings: ServingSettings) -> Path | None:
    """Return the program that *settings* name, or the one in the model directory; None if there is neither.

    Raises:
        HooksError: the program that *settings* name does not exist.
    """
    folder = Path(settings.submit_directory) if settings.submit_directory else model / "code"
    program = folder / (settings.program or "inference.py")
    if program.is_file():
        return program
    if settings.program or settings.submit_directory:
        raise HooksError(f"{program} does not exist; SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY name it")
    return None


def load(program: Path) -> ModuleType:
    """Import *program*, with its folder and the subfolder lib, where the SDK packs dependencies, first on the path.

    Raises:
        HooksError: it cannot be imported, defines none of the functions, or one with a wrong number of arguments.
    """
    folder = program.parent
    if (folder / "requirements.txt").is_file():
        _log.warning("%s is not installed: the container may have no network", folder / "requirements.txt")
    sys.path[:0] = [str(folder), str(folder / "lib")]
    sys.dont_write_bytecode = True  # in local mode the model directory is the user's own folder
    with as_hooks_error(program):
        module = importlib.import_module(program.stem)
    if not Path(module.__file__ or "").is_relative_to(folder):
        raise HooksError(f"{program}: another Python module is named {program.stem}; choose another file name")
    found = {name: getattr(module, name) for name in ARGUMENTS if hasattr(module, name)}
    if not found:
        raise HooksError(f"{program} defines none of {', '.join(ARGUMENTS)}")
    for name, function in found.items():
        with as_hooks_error(program):
            number = len(signature(function).parameters)
        if number not in (ARGUMENTS[name], ARGUMENTS[name] + 1):
            raise HooksError(
                f"{program}: {name} takes {number} arguments; expected {ARGUMENTS[name]}, or the context too"
            )
    _log.info("%s defines %s", program, ", ".join(found))
    if ignored := [name for name in own_code.HANDLERS if hasattr(module, name)]:
        _log.warning("%s: %s are ignored, and sessions with them; only hooks run", program, ", ".join(ignored))
    return module


@contextlib.contextmanager
def as_hooks_error(program: Path) -> Iterator[None]:
    """Convert an error of the user's code during the start to one line that names its place.

    Raises:
        HooksError: in place of every error but TrafficSignsError.
    """
    try:
        yield
    except TrafficSignsError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(program)]
        if isinstance(error, SyntaxError) and error.filename == str(program):
            lines = [error.lineno]
        place = f"{program}, line {lines[-1]}" if lines else str(program)
        text = " ".join(str(error).split())[:_MAX_TEXT]
        raise HooksError(f"{place}: {type(error).__name__}: {text}") from error
