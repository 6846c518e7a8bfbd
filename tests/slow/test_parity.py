"""Same bytes, same class: prepared, trained and served somewhere, and by Keras in this process."""

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tests.support.helpers import Job, serving
from traffic_signs.images import preprocessing


@pytest.mark.parametrize("kind", ["ppm", "jpg"])
def test_the_endpoint_answers_as_keras_does(
    job: Job, image: str | None, drawn: Path, tmp_path: Path, kind: str
) -> None:
    bodies = []
    for file in sorted((drawn / "GTSRB" / "Final_Test" / "Images").iterdir()):
        target = tmp_path / f"{file.stem}.{kind}"
        Image.open(file).save(target)
        bodies.append(target.read_bytes())
    model = keras.models.load_model(job.base / "model" / "model.keras")
    expected = model.predict(np.stack([preprocessing.decode(body) for body in bodies]), verbose=0)
    content_type = "image/jpeg" if kind == "jpg" else "image/x-portable-pixmap"
    with serving(job.base, tmp_path / "log", image, {"TRAFFIC_SIGNS_PRECISION": "float32"}) as server:
        answers = [server.post(body, content_type).json()["predictions"][0] for body in bodies]
    np.testing.assert_allclose([answer["probabilities"] for answer in answers], expected, atol=1e-4)
    assert [answer["class_id"] for answer in answers] == expected.argmax(1).tolist()
