"""Images that two parts of a data set share: counted, left out of training on demand; one image with two labels."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from traffic_signs.data import leaks
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.prepare import Plan, prepare


def photos(count: int, seed: int) -> np.ndarray:
    """Smooth random images, uint8 [N, 32, 32]."""
    noise = np.random.default_rng(seed).integers(0, 256, (count, 6, 6), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(each).resize((32, 32), Image.Resampling.BICUBIC)) for each in noise])


def dataset(images: np.ndarray, labels: list[int] | None = None) -> Dataset:
    ids = np.array(labels or [number % 2 for number in range(len(images))], np.int32)
    return Dataset(images[..., None], ids, np.arange(len(images), dtype=np.int32), ("stop", "yield"))


def recompressed(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=80)
    return np.asarray(Image.open(stream))


def test_identical_images_and_recompressed_ones_are_counted_apart() -> None:
    training, others = photos(40, 1), photos(20, 2)
    others[3], others[8] = training[5], training[0]  # labels 1 and 1, 0 and 0
    others[10] = recompressed(training[20])
    others[11] = np.clip(training[31].astype(int) + 2, 0, 255)
    found = leaks.find(dataset(training), {"validation": dataset(photos(20, 3)), "test": dataset(others)})
    assert (found.identical, found.near) == ({"validation": 0, "test": 2}, {"validation": 0, "test": 2})
    assert np.flatnonzero(found.in_training).tolist() == [0, 5, 20, 31]


def test_similar_images_of_another_class_or_light_are_not_near_duplicates() -> None:
    training, others = photos(40, 1), photos(20, 2)
    others[10] = recompressed(training[21])  # labels 0 and 1
    others[11] = training[31] // 2
    found = leaks.find(dataset(training), {"test": dataset(others)})
    assert (found.identical, found.near, found.in_training.sum()) == ({"test": 0}, {"test": 0}, 0)


def test_an_identical_image_counts_whatever_its_label_is() -> None:
    training, others = photos(4, 1), photos(4, 2)
    others[0] = training[1]  # labels 0 and 1
    found = leaks.find(dataset(training), {"test": dataset(others)})
    assert (found.identical, found.near) == ({"test": 1}, {"test": 0})


def test_the_pairs_of_a_large_class_are_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    training, others = photos(40, 1), photos(20, 2)
    others[[0, 10, 18]] = [recompressed(image) for image in training[[0, 10, 18]]]
    monkeypatch.setattr(leaks, "_PAIRS_AT_ONCE", 45)
    found = leaks.find(dataset(training), {"test": dataset(others)})
    assert found.near == {"test": 3}
    assert np.flatnonzero(found.in_training).tolist() == [0, 10, 18]


def source(folder: Path) -> Path:
    """Parts with two classes of ten images; a test image and two validation images are training images, too."""
    images = photos(60, 4)
    for index, image in enumerate(images):
        part, number = ("train", "val", "test")[index // 20], index % 20
        place = folder / part / ("stop", "yield")[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        shared = {("val", 2): images[4], ("val", 6): images[8], ("test", 1): images[3]}.get((part, number))
        Image.fromarray(image if shared is None else shared).save(place)
    return folder


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "traffic_signs.data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_leaks_are_printed_and_left_out_on_demand(tmp_path: Path) -> None:
    told = run(source(tmp_path / "signs"), "--output", tmp_path / "out")
    counts = (
        "of 20 validation images 2 are identical to training images and 0 nearly;"
        " of 20 test images 1 are identical to training images and 0 nearly; "
    )
    assert counts + "--drop-leaks leaves 3 out of training\n" in told.stdout
    assert len(Dataset.load(tmp_path / "out" / "training" / "training.npz")) == 20
    dropped = run(tmp_path / "signs", "--output", tmp_path / "out", "--drop-leaks")
    assert "17 training, 20 validation, 20 test images" in dropped.stdout
    assert counts + "3 training images were left out\n" in dropped.stdout
    parts = {name: Dataset.load(tmp_path / "out" / name / f"{name}.npz") for name in ("training", "validation", "test")}
    training = {image.tobytes() for image in parts["training"].images}
    assert [len(part) for part in parts.values()] == [17, 20, 20]
    assert not training & {image.tobytes() for name in ("validation", "test") for image in parts[name].images}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["leaks"] == {
        "identical": {"validation": 2, "test": 1},
        "near_duplicates": {"validation": 0, "test": 0},
        "training_images": 3,
    }


def test_parts_that_share_no_image_get_a_line_that_says_so(tmp_path: Path) -> None:
    for index, image in enumerate(photos(12, 6)):
        place = (
            tmp_path / "signs" / ("train", "val", "test")[index // 4] / ("stop", "yield")[index % 2] / f"{index}.png"
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place)
    told = run(tmp_path / "signs", "--output", tmp_path / "out")
    assert "\nno validation or test image is identical to a training image, or nearly\n" in told.stdout


def test_training_images_that_are_all_leaks_are_an_error(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for number, image in enumerate(photos(8, 5)):
            place = tmp_path / part / ("stop", "yield")[number % 2] / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place)
    command = [sys.executable, "-m", "traffic_signs.data", str(tmp_path), "--drop-leaks", "--output"]
    done = subprocess.run([*command, f"{tmp_path}-out"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "training images are in validation or test, too, and none would be left" in done.stderr


def test_two_labels_for_one_image_are_listed_with_both_paths(tmp_path: Path) -> None:
    folder = source(tmp_path / "signs")
    Image.open(folder / "train" / "stop" / "4.png").save(folder / "train" / "yield" / "copy.bmp")
    told = run(folder, "--output", tmp_path / "out")
    # val/stop/2.png is this image, too: the line names a file of each class, the summary all
    line = "one image with several labels: train/stop/4.png is 'stop', train/yield/copy.bmp is 'yield'\n"
    assert line in told.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["conflicts"] == [
        [
            {"file": "train/stop/4.png", "class": "stop"},
            {"file": "train/yield/copy.bmp", "class": "yield"},
            {"file": "val/stop/2.png", "class": "stop"},
        ]
    ]


def test_an_unreadable_file_shifts_no_path_of_a_conflict(tmp_path: Path) -> None:
    folder = source(tmp_path / "signs")
    (folder / "train" / "stop" / "0.png").write_bytes(b"broken")
    Image.open(folder / "train" / "stop" / "10.png").save(folder / "train" / "yield" / "copy.bmp")
    summary = prepare(Plan(str(folder)), tmp_path / "out")
    assert [copy["file"] for copy in summary["conflicts"][0]] == ["train/stop/10.png", "train/yield/copy.bmp"]


@pytest.mark.parametrize("option", [False, True])
def test_a_plan_with_another_option_is_prepared_again(tmp_path: Path, *, option: bool) -> None:
    folder = source(tmp_path / "signs")
    prepare(Plan(str(folder), drop_leaks=option), tmp_path / "out")
    again = prepare(Plan(str(folder), drop_leaks=not option), tmp_path / "out")
    assert again["images"]["training"] == (20 if option else 17)
