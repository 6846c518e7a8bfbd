import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.prepare import Plan, prepare
from traffic_signs.images import preprocessing


def run(*arguments: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "traffic_signs.data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_parts_pictures_and_samples_are_written(drawn: Path, prepared: Path) -> None:
    parts = {name: Dataset.load(prepared / name / f"{name}.npz") for name in ("training", "validation", "test")}
    assert [len(part) for part in parts.values()] == [344, 86, 43]
    assert (parts["training"].counts == 8).all()
    for picture in ("class-distribution.png", "sample-sheet.png"):
        with Image.open(prepared / picture) as image:
            assert image.width > 500
            assert len(np.unique(np.asarray(image.convert("L")))) > 20
    sample = prepared / "samples" / "14-Stop.ppm"
    assert sample.read_bytes() in {path.read_bytes() for path in drawn.rglob("Final_Test/Images/*.ppm")}
    assert len(list((prepared / "samples").iterdir())) == 43
    summary = json.loads((prepared / "summary.json").read_text())
    assert summary["images"] == {"training": 344, "validation": 86, "test": 43}
    assert summary["fingerprints"]["test"] == parts["test"].fingerprint


def test_a_rerun_skips_finished_work_and_a_new_plan_does_not(drawn: Path, tmp_path: Path) -> None:
    first = run(drawn, "--output", tmp_path)
    assert first.returncode == 0, first.stderr
    assert "43 classes; 344 training, 86 validation, 43 test images" in first.stdout
    arrays = tmp_path / "training" / "training.npz"
    written = arrays.stat().st_mtime_ns
    assert "is already prepared" in run(drawn, "--output", tmp_path).stderr
    assert arrays.stat().st_mtime_ns == written
    assert "is already prepared" not in run(drawn, "--output", tmp_path, "--split", "random").stderr
    assert arrays.stat().st_mtime_ns != written


def own(folder: Path, *names: str, images: int = 6) -> Path:
    """A folder of each name with images, all of them different."""
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(images):
            Image.new("L", (20, 20), 10 * label + number).save(folder / name / f"{number}.png")
    return folder


def test_a_new_plan_takes_away_old_samples_and_nothing_else(drawn: Path, tmp_path: Path) -> None:
    prepare(Plan(str(drawn)), tmp_path / "out")
    (tmp_path / "out" / "samples" / "mine.txt").write_text("keep me")
    (tmp_path / "out" / "summary.json").unlink()  # as a run that was cut off leaves it
    prepare(Plan(str(own(tmp_path / "signs", "stop", "yield"))), tmp_path / "out")
    left = sorted(path.name for path in (tmp_path / "out" / "samples").iterdir())
    assert left == ["00-stop.png", "01-yield.png", "mine.txt"]


def test_samples_of_own_folders_are_of_the_test_part(tmp_path: Path) -> None:
    prepare(Plan(str(own(tmp_path / "signs", "stop", "yield"))), tmp_path / "out")
    tests = Dataset.load(tmp_path / "out" / "test" / "test.npz")
    samples = sorted((tmp_path / "out" / "samples").iterdir())
    assert [preprocessing.decode(path.read_bytes()).max() for path in samples] == [
        tests.images[tests.labels == label].max() for label in (0, 1)
    ]


def test_any_name_of_a_folder_is_a_class(tmp_path: Path) -> None:
    names = ("$x_{$", "long" * 60, "ß" * 120)
    summary = prepare(Plan(str(own(tmp_path / "signs", *names))), tmp_path / "out")
    assert summary["classes"] == 3
    assert summary["samples"] == ["00--x---.png", f"01-{'long' * 12}lo.png", f"02-{'ß' * 50}.png"]


@pytest.mark.parametrize("change", ["an image", "a part"])
def test_a_file_that_changed_under_its_name_is_noticed(tmp_path: Path, change: str) -> None:
    source, output = own(tmp_path / "signs", "stop", "yield"), tmp_path / "out"
    first = prepare(Plan(str(source)), output)
    if change == "an image":
        Image.new("L", (20, 20), 200).save(source / "stop" / "0.png")
    else:
        shutil.rmtree(output / "training")
    again = prepare(Plan(str(source)), output)
    assert (again["fingerprints"] != first["fingerprints"]) == (change == "an image")
    assert (output / "training" / "training.npz").exists()


def test_an_additional_file_is_noticed(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "source")
    run(tmp_path / "source", "--output", tmp_path / "out")
    images = tmp_path / "source" / "GTSRB" / "Final_Training" / "Images" / "00000"
    shutil.copy(images / "00000_00000.ppm", images / "00009_00000.ppm")
    assert "345 training" in run(tmp_path / "source", "--output", tmp_path / "out").stdout


def test_unreadable_files_are_named_counted_and_left_out(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "source")
    broken = min((tmp_path / "source").rglob("Final_Test/Images/*.ppm"))
    broken.write_bytes(b"P6 nonsense [bold]")
    done = run(tmp_path / "source", "--output", tmp_path / "out")
    assert done.returncode == 0
    assert f"skipped unreadable file GTSRB/Final_Test/Images/{broken.name}: not a readable image" in done.stderr
    assert "1 of 473 images are unreadable and skipped" in done.stderr
    assert "42 test images" in done.stdout
    assert len(json.loads((tmp_path / "out" / "summary.json").read_text())["unreadable"]) == 1
    assert b"nonsense" not in b"".join(path.read_bytes() for path in (tmp_path / "out" / "samples").iterdir())


def test_an_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", "--output", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {tmp_path / 'nowhere'} does not exist\n"


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    done = run(own(tmp_path / "signs", "train/stop", "test/stop"), "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "Error: all 6 training images are of class 'stop'; expected images of at least two classes\n" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output", "signs/out"), "Error: signs and --output signs/out contain each other"),
        (("--output", "."), "Error: signs and --output . contain each other"),
        (("--output", "out", "--seed", "-1"), "Invalid value for '--seed': -1 is not in the range x>=0."),
        (("--output", "out", "--validation-fraction", "nan"), "nan is not a number between 0 and 1."),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    own(tmp_path / "signs", "stop", "yield")
    done = run("signs", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_skipped_files_are_named(tmp_path: Path) -> None:
    source = own(tmp_path / "signs", "stop", "yield")
    (source / "stop" / "a.tif").touch()
    refused = run(source, "--output", tmp_path / "out")
    assert refused.returncode == 2
    assert "signs: 1 of 13 images would not be used, such as stop/a.tif: their format is not read" in refused.stderr
    for _ in range(2):  # the second time it is prepared already
        done = run(source, "--output", tmp_path / "out", "--allow-unused")
        assert "not used: 1 of 13 files: 1 .tif, such as stop/a.tif\n" in done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["unused"] == ["stop/a.tif"]


@pytest.mark.parametrize("split", ["track", "random"])
def test_a_class_that_is_left_without_training_images_is_named(split: str, tmp_path: Path) -> None:
    source = own(tmp_path / "signs", "stop", "yield")
    for label, name in enumerate("abcdefgh"):
        own(source, name, images=1)
        Image.new("L", (20, 20), 100 + label).save(source / name / "0.png")
    if split == "track":
        (source / "a" / "0.png").write_bytes(b"no image")
    done = run(source, "--output", tmp_path / "out", "--split", split)
    assert done.returncode == 0, done.stderr
    absent = Dataset.load(tmp_path / "out" / "training" / "training.npz").absent
    assert (absent == ("a",)) if split == "track" else absent
    assert f"{len(absent)} classes have no training images, such as {absent[0]}\n" in done.stderr


def test_help_has_examples() -> None:
    assert "python -m traffic_signs.data download" in run("--help").stdout


@pytest.mark.parametrize("summary", ['{"layout": ', "[1]", "null", '"images"'])
def test_a_damaged_summary_of_an_earlier_run_is_replaced(summary: str, tmp_path: Path) -> None:
    signs = own(tmp_path / "signs", "stop", "yield")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.json").write_text(summary)
    prepare(Plan(str(signs)), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["classes"] == 2


def test_an_output_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    failed = run(own(tmp_path / "signs", "stop", "yield"), "--output", tmp_path / "out")
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1] == f"Error: {tmp_path}/out/summary.json: Not a directory"
    assert "Traceback" not in failed.stderr
