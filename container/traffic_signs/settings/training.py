"""Settings of a training job, parsed from hyperparameters.json."""

import json
from dataclasses import dataclass
from pathlib import Path

from traffic_signs.errors import SettingsError
from traffic_signs.settings.parsing import one_of, parse, setting, unquote, whole


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters of a training job; None leaves a value to the preset."""

    preset: str = setting("lenet", lambda value: value.isidentifier(), "the name of a preset")
    """Network and recipe."""
    epochs: int | None = setting(None, **whole(1, 10_000))
    """Passes over the training images."""
    batch_size: int | None = setting(None, **whole(1, 65_536))
    """Images per step, over all GPUs and hosts together."""
    learning_rate: float | None = setting(None, lambda value: 0 < value <= 10, "a number above 0 and at most 10")
    """Highest learning rate of the schedule."""
    final: bool = setting(False, lambda value: isinstance(value, bool), "true or false")
    """Train on the validation images too, after a preset is chosen. No image is held out, and the model has the
    weights of the last epoch."""
    temperature: float = setting(1.0, lambda value: 0.05 <= value <= 20, "a number from 0.05 to 20")
    """With `final`: the temperature from the report of an earlier job with validation images."""
    seed: int = setting(1, **whole(0, 2**32 - 1))
    """Seed of all randomness. On one machine's CPU the same seed gives the same weights."""
    split: str = setting("track", **one_of("track", "random"))
    """Split of the validation images, where the job has none: whole tracks, or single images at random."""
    validation_fraction: float = setting(0.2, lambda value: 0 < value < 1, "a number between 0 and 1")
    """Share of the training images that is split off for validation, where the job has no validation images."""
    allow_unused: bool = setting(False, lambda value: isinstance(value, bool), "true or false")
    """Leave out image files that do not fit the layout of their channel, even if they are more than 1 %."""
    require_gpu: bool = setting(False, lambda value: isinstance(value, bool), "true or false")
    """Fail at the start if TensorFlow sees no GPU."""

    @classmethod
    def from_file(cls, path: Path) -> "TrainingSettings":
        r"""Read hyperparameters.json; a job without hyperparameters may lack the file.

        Values are strings in one of two encodings, `"adam"` (SDK v3, boto3, Step Functions) and
        `"\"adam\""` (SDK v2); both are accepted. Names that start with `sagemaker_` or `_`
        belong to the platform (script mode, tuning) and are ignored.

        Raises:
            SettingsError: the file is not a JSON object, a name is unknown, or a value is not allowed.
        """
        try:
            raw = json.loads(path.read_bytes()) if path.exists() else {}
        except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
            raise SettingsError(f"{path.name} is not valid JSON: {error}") from error
        if not isinstance(raw, dict):
            raise SettingsError(f"{path.name} contains {type(raw).__name__}; expected an object of strings")
        return parse(
            cls,
            "hyperparameter",
            {key: unquote(value) for key, value in raw.items() if not key.startswith(("sagemaker_", "_"))},
        )
