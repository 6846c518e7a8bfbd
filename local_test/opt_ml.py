"""The tree that SageMaker mounts at /opt/ml for a training job, written faithfully.

Values of hyperparameters are strings, as SDK v2's Estimator encodes them: json.dumps of each. The
names and keys of the files are those of "How Amazon SageMaker AI Provides Training Information".
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HOST = "algo-1"


def write(base: Path, channels: Iterable[str], hyperparameters: Mapping[str, Any], host: str = HOST) -> None:
    """Write the tree below *base*, with an empty folder a channel and nothing of an earlier job.

    Args:
        base: stands for /opt/ml.
        channels: their names; the caller mounts or links what is in them.
        hyperparameters: any values that JSON knows.
        host: its name must resolve where the job runs, or the toolkit waits 15 minutes for it
            before it starts a program of the user's own.
    """
    config = base / "input" / "config"
    for folder in ("input/config", "input/data", "model", "output/data", "checkpoints"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    files = {
        "hyperparameters.json": {key: json.dumps(value) for key, value in hyperparameters.items()},
        "inputdataconfig.json": {
            name: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for name in channels
        },
        "resourceconfig.json": {
            "current_host": host,
            "current_instance_type": "local",
            "current_group_name": "homogeneousCluster",
            "hosts": [host],
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": "local", "hosts": [host]}
            ],
            "network_interface_name": "eth0",
        },
    }
    for name, content in files.items():
        (config / name).write_text(json.dumps(content), encoding="utf-8")
