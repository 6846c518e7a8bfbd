"""The places under /opt/ml that SageMaker and the container agree on, named once.

Source: "How Amazon SageMaker AI Provides Training Information" and "Use Your Own Inference
Code" in the SageMaker developer guide. Nothing that the image needs lives under /opt/ml: the
platform mounts over it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OptMl:
    """The tree below *base*, which is /opt/ml in a container and any folder elsewhere."""

    base: Path = Path("/opt/ml")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "OptMl":
        """Take the base from SAGEMAKER_BASE_DIR, the variable that SageMaker's toolkits read."""
        return cls(Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def hyperparameters(self) -> Path:
        """JSON object, each value a string."""
        return self.base / "input" / "config" / "hyperparameters.json"

    @property
    def resource_config(self) -> Path:
        """JSON object that names the hosts of the job and the current one."""
        return self.base / "input" / "config" / "resourceconfig.json"

    def channel(self, name: str) -> Path:
        """Folder of an input channel in File or FastFile mode; it may not exist."""
        return self.base / "input" / "data" / name

    @property
    def model(self) -> Path:
        """Training writes the model here and SageMaker packs it; for serving it is read-only."""
        return self.base / "model"

    @property
    def models(self) -> Path:
        """On a multi-model endpoint the platform unpacks each model at <hash>/model here."""
        return self.base / "models"

    @property
    def output_data(self) -> Path:
        """What a job leaves besides its model: SageMaker packs it as output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def checkpoints(self) -> Path:
        """What a job that is cut off goes on from; the platform makes it where checkpoints are asked for."""
        return self.base / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """Event files; the default place of the API's TensorBoardOutputConfig."""
        return self.base / "output" / "tensorboard"
