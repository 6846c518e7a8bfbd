"""Model directory: its files and their description. Only this module writes and reads the description.

    artifact.json        format number, labels, input shape, preset, temperature, metrics, versions, checksums
    model.tflite         network for LiteRT, float32, uint8 pixels in, probabilities out
    model.int8.tflite    the same in int8, for CPUs that multiply it faster; only if it classifies as well
    model.keras          the same network for Keras, to train further or to serve on a GPU

artifact.json is written last, so a directory that has it is complete.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from traffic_signs.errors import ArtifactError

FORMAT = 2
LITERT = "model.tflite"
INT8 = "model.int8.tflite"
KERAS = "model.keras"
_DESCRIPTION = "artifact.json"


@dataclass(frozen=True)
class Artifact:
    """Description of a model."""

    labels: tuple[str, ...]
    """Name of each class, in the order of the network's outputs."""
    input_shape: tuple[int, ...]
    """Shape of one image, (32, 32, 1); dtype uint8."""
    preset: str
    data_fingerprint: str
    """SHA-256 of the training images, labels and names."""
    temperature: float = 1.0
    """Divisor of the networks' logits."""
    metrics: dict[str, float] = field(default_factory=dict)
    agreement: dict[str, dict[str, float]] = field(default_factory=dict)
    """Agreement of each network for LiteRT with the trained one, by file name: `difference`, `classes`,
    `accuracy_change`. Models of earlier versions have none, and no int8 network."""
    versions: dict[str, str] = field(default_factory=dict)


def write(directory: Path, artifact: Artifact) -> None:
    """Write the description into a directory that has the networks, int8 too if *artifact* has its agreement."""
    checksums = {name: _sha256(directory / name) for name in sorted({LITERT, KERAS, *artifact.agreement})}
    content = {"format": FORMAT, **asdict(artifact), "sha256": checksums}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (directory / _DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read(directory: Path) -> Artifact:
    """Read and check the description of the model in *directory*.

    Raises:
        ArtifactError: the directory is missing, incomplete or damaged, or has an unknown format;
            the message says which, and what to do.
    """
    path = directory / _DESCRIPTION
    if not path.is_file():
        found = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
        raise ArtifactError(
            f"no model in {directory}: {_DESCRIPTION} is missing"
            f" (found {', '.join(found[:5]) or 'nothing'}); mount or package the output of a training job"
        )
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        version = content.pop("format")
    except RecursionError:
        raise ArtifactError(f"{path} is not a valid model description (JSON nested too deep)") from None
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ArtifactError(f"{path} is not a valid model description ({error!r})") from error
    if version != FORMAT:
        raise ArtifactError(
            f"{path} has format {version!r}, but this image reads format {FORMAT};"
            " serve the model with the image that trained it"
        )
    try:
        for name, checksum in content.pop("sha256").items():
            if not (directory / name).is_file():
                raise ArtifactError(f"the model in {directory} is incomplete: {name} is missing")
            if _sha256(directory / name) != checksum:
                raise ArtifactError(f"the model in {directory} is damaged: the checksum of {name} does not match")
        _check_texts(path, content)
        if not isinstance(content.setdefault("agreement", {}), dict):
            raise TypeError("agreement must be an object")
        content["labels"] = tuple(content["labels"])
        content["input_shape"] = tuple(content["input_shape"])
        return Artifact(**content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is not a valid model description ({error!r})") from error


def _check_texts(path: Path, content: dict[str, Any]) -> None:
    if not isinstance(content["labels"], list):
        raise TypeError("labels must be an array")
    texts = {"preset": content["preset"], "data_fingerprint": content["data_fingerprint"]}
    texts |= {f"labels[{index}]": label for index, label in enumerate(content["labels"])}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("preset, data_fingerprint and labels must be strings")
    for key, text in texts.items():
        if text.encode(errors="ignore").decode() != text:  # JSON may escape half of a pair, which no answer could hold
            raise ArtifactError(
                f"{path} is not a valid model description: {key} = {text[:50]!a} has a lone surrogate,"
                " which is no character"
            )


def version(directory: Path) -> str:
    """Return a short id of the model in *directory*: a hash of its description, which has its networks' checksums."""
    return _sha256(directory / _DESCRIPTION)[:12]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
