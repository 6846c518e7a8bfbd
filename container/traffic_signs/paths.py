"""Paths below /opt/ml that SageMaker's container contract defines.

Source: "How Amazon SageMaker AI Provides Training Information" and "Use Your Own Inference
Code" in the SageMaker developer guide. The image needs no file of its own under /opt/ml, because
the platform mounts over it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OptMl:
    """Folder tree below *base*: /opt/ml in a container, any folder elsewhere."""

    base: Path = Path("/opt/ml")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "OptMl":
        """Read *base* from SAGEMAKER_BASE_DIR, the variable of SageMaker's toolkits."""
        return cls(Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def hyperparameters(self) -> Path:
        """JSON object of strings."""
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
        """Model folder. Training writes it and SageMaker packages it; for serving it is read-only."""
        return self.base / "model"

    @property
    def models(self) -> Path:
        """Folder in which the platform of a multi-model endpoint unpacks each model, at <hash>/model."""
        return self.base / "models"

    @property
    def output_data(self) -> Path:
        """Results of a job besides its model; SageMaker packages them as output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """Reason why the job failed, of which the platform shows the first 1,024 characters."""
        return self.base / "output" / "failure"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of an interrupted job; the platform creates the folder if the job asks for checkpoints."""
        return self.base / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files, at the default path of the API's TensorBoardOutputConfig."""
        return self.base / "output" / "tensorboard"
