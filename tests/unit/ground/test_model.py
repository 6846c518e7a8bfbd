"""The network, its export, and the description that goes with it."""

import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import uniform_filter  # type: ignore[import-untyped] # SciPy has no types

from tests.support.helpers import Job
from traffic_signs.errors import ArtifactError, ExportError
from traffic_signs.model import artifact, instructions
from traffic_signs.model.litert import BATCH, Engine
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.training.recipe import networks as models
from traffic_signs.training.results.export import Agreement, compare, export

IMAGES = np.random.default_rng(1).integers(0, 256, (70, 32, 32, 1), dtype=np.uint8)
LABELS = np.zeros(70, int)


def served(network: str, classes: int = 7, temperature: float = 1.5) -> keras.Model:
    return models.with_probabilities(models.build(network, classes), temperature)


def test_lenet_is_the_articles_network() -> None:
    assert models.build("lenet", 43).count_params() == 64_511


@pytest.mark.parametrize("network", models.NETWORKS)
def test_networks_take_raw_pixels_and_give_logits(network: str) -> None:
    model = models.build(network, 43)
    assert (model.inputs[0].shape, model.inputs[0].dtype) == ((None, 32, 32, 1), "uint8")
    logits = model.predict(IMAGES, verbose=0)
    assert (logits.shape, logits.dtype) == ((70, 43), np.float32)
    shares = np.exp(logits / 1.5)
    expected = shares / shares.sum(1, keepdims=True)
    np.testing.assert_allclose(models.with_probabilities(model, 1.5).predict(IMAGES, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("network", sorted(set(models.NETWORKS) - {"lenet"}))
@pytest.mark.parametrize("flat", [0, 128, 255])
def test_an_image_of_one_gray_has_finite_logits(network: str, flat: int) -> None:
    image = np.full((1, 32, 32, 1), flat, np.uint8)
    assert np.isfinite(models.build(network, 43).predict(image, verbose=0)).all()


@pytest.mark.parametrize("window", [7, 9])
def test_local_contrast_is_what_its_definition_says(window: int) -> None:
    def means(planes: np.ndarray) -> np.ndarray:
        inside = uniform_filter(np.ones_like(planes), window, mode="constant", axes=(1, 2))
        found: np.ndarray = uniform_filter(planes, window, mode="constant", axes=(1, 2)) / inside
        return found

    planes = IMAGES[:3, ..., 0].astype(np.float64)
    centred = planes - means(planes)
    expected = centred / np.sqrt(means(centred**2) + 0.5)
    inputs = keras.Input((32, 32, 1))
    model = keras.Model(inputs, models.local_contrast(inputs, window, 0.5))
    np.testing.assert_allclose(model.predict(IMAGES[:3], verbose=0)[..., 0], expected, atol=1e-4)


def test_no_shape_is_computed_when_the_small_network_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = served("strided")
    export(model, IMAGES, model.predict(IMAGES, verbose=0), LABELS, tmp_path)
    tf.lite.experimental.Analyzer.analyze(str(tmp_path / artifact.LITERT))
    operations = capsys.readouterr().out
    assert "AVERAGE_POOL_2D" in operations
    assert "SHAPE(" not in operations.replace("RESHAPE(", "")


@pytest.mark.parametrize("network", models.NETWORKS)
def test_the_export_answers_like_the_model(network: str, tmp_path: Path) -> None:
    model = served(network)
    expected = model.predict(IMAGES, verbose=0)
    agreement = export(model, IMAGES, expected, expected.argmax(1), tmp_path)[artifact.LITERT]
    assert agreement["difference"] < 1e-5
    assert (agreement["classes"], agreement["accuracy_change"]) == (1, 0)
    with zipfile.ZipFile(tmp_path / artifact.KERAS) as archive:
        assert b"traffic_signs" not in archive.read("config.json")  # it loads where this package is not
    expected = keras.models.load_model(tmp_path / artifact.KERAS).predict(IMAGES, verbose=0)
    np.testing.assert_allclose(Engine(tmp_path / artifact.LITERT).run(IMAGES), expected, atol=1e-5)


def test_a_network_that_disagrees_with_keras_is_not_exported(tmp_path: Path) -> None:
    model = served("lenet")
    other = model.predict(IMAGES[::-1], verbose=0)
    with pytest.raises(
        ExportError,
        match=r"exported model differ from those of the trained one: probabilities differ by at most 0\.",
    ):
        export(model, IMAGES, other, LABELS, tmp_path)


def test_a_conversion_that_lost_its_weights_is_detected(tmp_path: Path) -> None:
    model = served("lenet")
    function = tf.function(lambda pixels: model(pixels, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec([None, 32, 32, 1], tf.uint8))
    hollow = tmp_path / "hollow.tflite"
    hollow.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], model).convert())
    assert not compare(model.predict(IMAGES, verbose=0), Engine(hollow).run(IMAGES), LABELS).is_exact


def test_the_agreement_is_measured() -> None:
    expected = np.array([[0.5, 0.5], [0.9, 0.1]])
    found = expected + np.array([[-2e-5, 2e-5], [1e-5, -1e-5]])
    agreement = compare(expected, found, np.array([0, 0]))
    assert agreement.difference == pytest.approx(2e-5)
    assert (agreement.classes, agreement.accuracy_change) == (0.5, -0.5)


@pytest.mark.parametrize(
    ("agreement", "is_exact", "is_close"),
    [
        (Agreement(1e-5, 1, 0), True, True),
        (Agreement(0.05, 0.998, -0.0005), False, True),
        (Agreement(0.05, 0.9979, 0), False, False),
        (Agreement(0.05, 0.999, -0.0006), False, False),
        (Agreement(np.nan, 1, 0), False, False),
        (Agreement(np.inf, 1, 0), False, False),
    ],
)
def test_the_agreement_with_float32_decides_what_is_served(
    agreement: Agreement, is_exact: bool, is_close: bool
) -> None:
    assert (agreement.is_exact, agreement.is_close) == (is_exact, is_close)


def test_int8_is_exported_beside_float32(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = served("multi-scale")
    expected = model.predict(IMAGES, verbose=0)
    found = export(model, IMAGES, expected, expected.argmax(1), tmp_path)
    answers = Engine(tmp_path / artifact.INT8).run(IMAGES)
    assert Agreement(**found[artifact.INT8]) == compare(expected, answers, expected.argmax(1))
    assert 1e-6 < found[artifact.INT8]["difference"] < 0.01
    assert (tmp_path / artifact.INT8).stat().st_size < 0.4 * (tmp_path / artifact.LITERT).stat().st_size
    engine = Engine(tmp_path / artifact.INT8)
    single = np.concatenate([engine.run(image[None]) for image in IMAGES])
    np.testing.assert_allclose(answers, single, atol=1e-6)  # each image has scales of its own


def test_int8_that_classifies_differently_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keras.utils.set_random_seed(1)
    model = models.build("strided", 7)
    *_, convolution = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    kernel, bias = convolution.get_weights()
    kernel[..., 0], bias[0] = 0, -1  # a feature that is always 0 ...
    convolution.set_weights([kernel, bias])
    kernel, bias = model.get_layer("logits").get_weights()
    kernel[0] = 1e6  # ... whose weight leaves no digits for the others
    model.get_layer("logits").set_weights([kernel, bias])
    expected = models.with_probabilities(model, 1).predict(IMAGES, verbose=0)
    assert expected.argmax(1).any()
    (tmp_path / artifact.INT8).write_bytes(b"of an earlier job")
    with caplog.at_level("INFO"):
        found = export(models.with_probabilities(model, 1), IMAGES, expected, expected.argmax(1), tmp_path)
    assert list(found) == [artifact.LITERT]
    assert not (tmp_path / artifact.INT8).exists()
    assert "model.int8.tflite is not exported: at least 99.8 % of the classes" in caplog.text


def test_batches_of_any_size_give_the_answers_of_single_images(job: Job) -> None:
    engine = Engine(job.base / "model" / artifact.LITERT)
    single = np.concatenate([engine.run(IMAGES[index : index + 1]) for index in range(70)])
    np.testing.assert_allclose(engine.run(IMAGES), single, atol=1e-6)
    for size in (3, 1, 32, 2, 1, 33, 70, 5, 1):  # one after the other, as requests come
        np.testing.assert_allclose(engine.run(IMAGES[-size:]), single[-size:], atol=1e-6)


def test_an_answer_is_not_overwritten_by_the_next(job: Job) -> None:
    engine = Engine(job.base / "model" / artifact.LITERT)
    for size in (1, 4):
        first = engine.run(IMAGES[:size])
        kept = first.copy()
        engine.run(IMAGES[size : 2 * size])
        np.testing.assert_array_equal(first, kept)


def test_threads_share_an_engine(job: Job) -> None:
    engine = Engine(job.base / "model" / artifact.LITERT)
    batches: list[int] = []
    engine.observe = lambda images, _seconds: batches.append(images)
    expected = engine.run(IMAGES)

    def ask(seed: int) -> None:
        for size in np.random.default_rng(seed).integers(1, 71, 40):
            np.testing.assert_allclose(engine.run(IMAGES[:size]), expected[:size], atol=1e-6)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, range(2)))
    ask(2)  # and so does the main thread
    assert max(batches) == BATCH


@pytest.fixture
def model_directory(job: Job, tmp_path: Path) -> Path:
    return Path(shutil.copytree(job.base / "model", tmp_path / "model"))


def edit(directory: Path, **changes: object) -> None:
    path = directory / "artifact.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_artifact_describes_the_model(job: Job) -> None:
    found = artifact.read(job.base / "model")
    assert len(found.labels) == 43
    assert found.input_shape == (32, 32, 1)
    assert found.preset == "lenet"
    assert len(found.data_fingerprint) == 64
    assert found.versions["tensorflow"] == tf.__version__
    assert 0 <= found.metrics["validation_accuracy"] <= 1
    assert found.agreement["model.tflite"]["difference"] < 1e-4
    files = {"artifact.json", "model.keras", *found.agreement}
    assert {path.name for path in (job.base / "model").iterdir()} == files


def test_a_model_directory_that_cannot_be_served_says_why(model_directory: Path) -> None:
    edit(model_directory, format=3)
    with pytest.raises(ArtifactError, match="has format 3, but this image reads format 2"):
        Predictor(model_directory)
    edit(model_directory, format=2, input_shape=[48, 48, 3])
    with pytest.raises(ArtifactError, match=r"takes images of \(48, 48, 3\)"):
        Predictor(model_directory)
    edit(model_directory, input_shape=[32, 32, 1], labels=["one", "two"])
    with pytest.raises(ArtifactError, match="43 numbers for 2 labels"):
        Predictor(model_directory)
    edit(model_directory, preset=None)
    with pytest.raises(ArtifactError, match="preset, data_fingerprint and labels must be strings"):
        Predictor(model_directory)
    edit(model_directory, preset="lenet", agreement=None)
    with pytest.raises(ArtifactError, match="agreement must be an object"):
        Predictor(model_directory)
    edit(model_directory, agreement={}, surprise=1)
    with pytest.raises(ArtifactError, match="is not a valid model description"):
        Predictor(model_directory)
    (model_directory / "artifact.json").write_text("[]")
    with pytest.raises(ArtifactError, match="is not a valid model description"):
        Predictor(model_directory)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 10_000 + "]" * 10_000, r"artifact\.json is not a valid model description \(JSON nested too deep\)"),
        ('{"format": 2, "metrics": ' + "[" * 10_000 + "]" * 10_000 + "}", r"\(JSON nested too deep\)"),
    ],
)
def test_a_description_nested_too_deep_is_an_error_of_the_model(model_directory: Path, text: str, message: str) -> None:
    (model_directory / "artifact.json").write_text(text)
    with pytest.raises(ArtifactError, match=message):
        Predictor(model_directory)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("labels", ["a"] * 42 + ["\ud800"], r"labels\[42\] = '.ud800' has a lone surrogate, which is no character"),
        ("preset", "x\udc00", r"artifact\.json is not .*preset = 'x.udc00' has a lone surrogate"),
        ("labels", "a" * 43, r"artifact\.json is not .*labels must be an array"),
    ],
)
def test_a_label_that_no_answer_could_hold_is_named_at_load(
    model_directory: Path, key: str, value: object, message: str
) -> None:
    edit(model_directory, **{key: value})
    with pytest.raises(ArtifactError, match=message):
        Predictor(model_directory)


@pytest.fixture
def with_int8(tmp_path: Path) -> Path:
    """A model that has int8."""
    keras.utils.set_random_seed(1)
    model = served("strided", 2)
    expected = model.predict(IMAGES, verbose=0)
    agreement = export(model, IMAGES[:1], expected[:1], expected[:1].argmax(1), tmp_path)
    description = artifact.Artifact(("a", "b"), (32, 32, 1), "quick", "d" * 64, agreement=agreement)
    artifact.write(tmp_path, description)
    return tmp_path


def test_a_model_is_served_in_the_precision_that_is_asked_for(
    with_int8: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for precision, name in (("float32", artifact.LITERT), ("int8", artifact.INT8)):
        with caplog.at_level("INFO"):
            predictor = Predictor(with_int8, precision=precision)
        np.testing.assert_array_equal(predictor.predict(IMAGES), Engine(with_int8 / name).run(IMAGES))
        assert predictor.identity["precision"] == precision
        assert predictor.header[1].endswith(f"; data={'d' * 64}; precision={precision}")
        assert f"{name}: {precision}, because TRAFFIC_SIGNS_PRECISION sets it" in caplog.text
    assert Predictor(with_int8).identity["precision"] == ("int8" if instructions.has_vnni() else "float32")


def test_models_of_earlier_versions_have_no_int8(model_directory: Path) -> None:
    (model_directory / artifact.INT8).unlink(missing_ok=True)
    content = json.loads((model_directory / "artifact.json").read_text())
    content["sha256"].pop(artifact.INT8, None)
    del content["agreement"]
    (model_directory / "artifact.json").write_text(json.dumps(content))
    assert Predictor(model_directory).identity["precision"] == "float32"
    with pytest.raises(
        ArtifactError, match=r"^TRAFFIC_SIGNS_PRECISION = 'int8', but the model has no model\.int8\.tfl"
    ):
        Predictor(model_directory, precision="int8")


def test_int8_is_damaged_like_any_network(with_int8: Path) -> None:
    (with_int8 / artifact.INT8).write_bytes(b"not a network")
    with pytest.raises(ArtifactError, match=r"is damaged: the checksum of model\.int8\.tflite does not match"):
        Predictor(with_int8, precision="float32")


@pytest.mark.parametrize("name", ["artifact.json", "model.tflite", "model.keras"])
def test_a_missing_file_is_named(model_directory: Path, name: str) -> None:
    (model_directory / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        Predictor(model_directory)


def test_a_damaged_network_is_named(model_directory: Path) -> None:
    (model_directory / artifact.LITERT).write_bytes(b"not a network")
    with pytest.raises(ArtifactError, match=r"is damaged: the checksum of model\.tflite does not match"):
        Predictor(model_directory)
    artifact.write(model_directory, artifact.Artifact(("a",), (32, 32, 1), "lenet", ""))
    with pytest.raises(ArtifactError, match=r"model\.tflite cannot be loaded"):
        Predictor(model_directory)
