"""What SageMaker's guide demands of a training program: its folders, its failure file, its signal."""

import json
import signal
import sys
import time
from pathlib import Path

ML = Path("/opt/ml")
stopping = False


def stop(*_: object) -> None:
    global stopping  # noqa: PLW0603 # a signal's handler returns nothing
    stopping = True


def train() -> None:
    parameters = json.loads((ML / "input/config/hyperparameters.json").read_text())
    epochs = int(json.loads(parameters.get("epochs", "5")))
    numbers = [float(line) for path in (ML / "input/data/training").glob("*.csv") for line in path.read_text().split()]
    if not numbers:
        message = "the channel training has no numbers"
        raise ValueError(message)
    for epoch in range(epochs):
        if stopping:
            break
        time.sleep(0.5)  # in place of work
        print(f"epoch {epoch}: loss={1 / (epoch + 1):.4f}")  # noqa: T201 # metrics are read off the log
    (ML / "model/model.json").write_text(json.dumps({"factor": sum(numbers) / len(numbers)}))


signal.signal(signal.SIGTERM, stop)
try:
    train()
except Exception as error:  # noqa: BLE001 # whatever it is, the platform shows the failure file
    (ML / "output/failure").write_text(f"training failed: {error}")
    sys.exit(f"training failed: {error}")
