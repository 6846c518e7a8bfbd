"""Program `train`: the job's configuration files -> checked -> SageMaker's training toolkit, which calls `main.main`.

The toolkit reads these files before it calls anything, and would report a damaged one as a traceback of its own.
"""

import contextlib
import json
import sys
from pathlib import Path

from sagemaker_training.cli import train

from traffic_signs.errors import SettingsError
from traffic_signs.paths import OptMl

_FILES = ("hyperparameters.json", "inputdataconfig.json", "resourceconfig.json")


def check_configuration(folder: Path) -> None:
    """Check what the toolkit takes for granted.

    Raises:
        SettingsError: a configuration file is missing or not a JSON object; the message names it.
    """
    for name in _FILES:
        try:
            content = json.loads((folder / name).read_text(encoding="utf-8"))
            if isinstance(content, dict) and name == _FILES[0]:
                for value in content.values():
                    _check_depth(value)
        except OSError as error:
            raise SettingsError(f"{name} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
            raise SettingsError(f"{name} is not valid JSON: {error}") from error
        if not isinstance(content, dict):
            raise SettingsError(f"{name} contains {type(content).__name__}; expected an object")


def _check_depth(value: object) -> None:
    """Parse a hyperparameter as the toolkit does, which takes any value but one of thousands of nested brackets."""
    with contextlib.suppress(ValueError):
        json.loads(str(value))


def main() -> None:
    """Run the toolkit; a job whose configuration is damaged fails with one line."""
    paths = OptMl.from_environment()
    try:
        check_configuration(paths.hyperparameters.parent)
    except SettingsError as error:
        paths.failure.parent.mkdir(parents=True, exist_ok=True)
        paths.failure.write_text(str(error), encoding="utf-8")
        sys.stderr.write(f"train: {error}\n")
        sys.exit(1)
    train.main()


if __name__ == "__main__":
    main()
