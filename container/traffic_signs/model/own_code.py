"""Programs in a model's folder that the endpoint does not run, so that none is left out in silence.

`inference.py` is what SageMaker's inference toolkit runs, from the folder `code`; `model.py`, beside the model's files,
is what AWS's model-hosting-container-standards 0.1.16 runs.
"""

import logging
from pathlib import Path

_log = logging.getLogger(__name__)
_PROGRAM = "code/inference.py"
_NAMES = ("inference.py", "model.py")
HANDLERS = ("custom_sagemaker_invocation_handler", "custom_sagemaker_ping_handler")
_MARKS = ("model_hosting_container_standards", *HANDLERS)
_MAX_BYTES = 1024 * 1024


def log_unused(model: Path, program: Path | None) -> None:
    """Log a warning for each program in *model* or its folder `code` that is not used.

    Args:
        model: the model directory.
        program: the one that the endpoint runs, which may import others beside it; None for none.
    """
    for folder in (model, model / "code"):
        if program and folder.resolve() == program.parent.resolve():
            continue
        for path in (folder / name for name in _NAMES):
            if path.is_file():
                _log.warning("%s is not used: hooks are read from %s%s", path, program or _PROGRAM, _handlers(path))


def _handlers(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES).decode(errors="replace")
    except OSError:  # a file that nobody runs must not end the server
        return ""
    if any(mark in text for mark in _MARKS):
        return "; its handlers in the style of model-hosting-container-standards, and their sessions, are ignored"
    return ""
