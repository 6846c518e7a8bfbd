"""Layouts of GTSRB as published: the official archives and Kaggle's copy.

Official (https://benchmark.ini.rub.de): unpacked folders, one zip of them, or the archives
GTSRB_Final_*.zip side by side:
    GTSRB/Final_Training/Images/000CC/TTTTT_FFFFF.ppm    CC class, TTTTT track, FFFFF frame
    GTSRB/Final_Test/Images/NNNNN.ppm
    GT-final_test.csv                                    Filename;...;ClassId
The archive of the first phase, which torchvision takes, has GTSRB/Training/ in place of GTSRB/Final_Training/Images/.

Kaggle (meowmeowmeowmeowmeow/gtsrb-german-traffic-sign):
    Train/C/000CC_TTTTT_FFFFF.png, Test/NNNNN.png, Train.csv and Test.csv: ...,ClassId,Path
    Meta/C.png, a drawing of each class, which is no sample

Other data sets have the same folders. Their classes are not 0 to 42, or their tracks are not counted from 0 in each
class (BelgiumTS), so they are left to the other layouts.
"""

import re
from collections import defaultdict

from traffic_signs.data.sources import labels
from traffic_signs.data.sources.discovery import File, Files, Sample, Source
from traffic_signs.data.sources.layouts import csv_rows
from traffic_signs.data.sources.listing.names import Index, clean
from traffic_signs.errors import DataError

ARCHIVES = ("GTSRB_Final_Training_Images.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip")
_TEST_LABELS = "GT-final_test.csv"
_TRAINING = re.compile(r"(?:^|/)(?:Final_Training/Images|Training)/(?=(\d{5})/(\d{5})_(\d{5})\.ppm$)", re.IGNORECASE)
_TEST = re.compile(r"(?:^|/)Final_Test/Images/(?=(\d{5}\.ppm)$)", re.IGNORECASE)
_KAGGLE_NAME = re.compile(r"(?:^|/)(\d{5})_(\d{5})_\d{5}\.png$", re.IGNORECASE)
_MOST_TRACKS, _MOST_FRAMES = 75, 30
"""Of one class and of one track, counted in the official archive."""


def official(files: Files) -> Source | None:
    """Find the samples of the official layout; return None if *files* have another one.

    Of several copies, such as torchvision's first phase beside the final set, one is taken.

    Raises:
        DataError: the table of the test images' classes is missing, or lacks an image.
    """
    training = _copy(_TRAINING, files)
    found = [tuple(map(int, match.groups())) for match in training.values()]
    if not found or any(
        label >= len(labels.gtsrb()) or track >= _MOST_TRACKS or frame >= _MOST_FRAMES for label, track, frame in found
    ):
        return None
    samples = [Sample(name, int(match[1]), f"{match[1]}/{match[2]}", files[name]) for name, match in training.items()]
    images = {match[1]: name for name, match in _copy(_TEST, files).items()}
    if not images:
        return Source("GTSRB, official", labels.gtsrb(), samples)
    table = min(
        (name for name in files if name.rpartition("/")[2].lower() == _TEST_LABELS.lower()),
        key=lambda name: (name.count("/"), name),
        default=None,
    )
    if table is None:
        raise DataError(f"{len(images)} test images but no {_TEST_LABELS}; it is in {ARCHIVES[2]}")
    classes = _test_classes(table, files[table], images)
    test = [
        Sample(path, _class_id(classes[name], name), f"test/{name}", files[path])
        for name, path in sorted(images.items())
    ]
    return Source("GTSRB, official", labels.gtsrb(), samples, test=test, belonging=frozenset({table}))


def _copy(pattern: "re.Pattern[str]", files: Files) -> dict[str, "re.Match[str]"]:
    """Return the files of one copy of a part: the final set before the first phase, then the uppermost one."""
    copies: dict[str, dict[str, re.Match[str]]] = defaultdict(dict)
    for name in files:
        if match := pattern.search(name):
            copies[name[: match.end()]][name] = match
    first = min(copies, key=lambda folder: ("final_" not in folder.lower(), folder.count("/"), folder), default="")
    return copies.get(first, {})


def _test_classes(name: str, table: File, images: dict[str, str]) -> dict[str, str]:
    """Return the class of each test image as *table* writes it."""
    rows = csv_rows.read(name, table, ";", ("ClassId", "Filename"))
    if rows is None:
        raise DataError(f"{name} has no columns ClassId and Filename, with ; between them")
    index = Index(images)
    classes: dict[str, str] = {}
    for row in rows:
        image = index.find(row["Filename"])
        if image and classes.setdefault(image, row["ClassId"]) != row["ClassId"]:
            raise DataError(f"{name} has two classes for {image}: {classes[image]} and {row['ClassId']}")
    for image in images:
        if image not in classes:
            raise DataError(f"test image {image} has no class in {name}")
    return classes


def kaggle(files: Files) -> Source | None:
    """Find the samples of Kaggle's layout, in any subfolder; return None if *files* have another one.

    Raises:
        DataError: a file that the tables name is missing, is named twice, or may be one of two.
    """
    table = min(
        (name for name in files if name.rpartition("/")[2].lower() == "train.csv"),
        key=lambda name: (name.count("/"), name),
        default=None,
    )
    rows = csv_rows.read(table, files[table], ",", ("ClassId", "Path")) if table else None
    if not table or rows is None:
        return None
    matches = [_KAGGLE_NAME.search(clean(row["Path"])) for row in rows]
    if not all(match and int(match[1]) < len(labels.gtsrb()) for match in matches):
        return None
    index = Index(files)
    folder = table[: table.rfind("/") + 1]
    training = _listed(table, rows, folder, index, files)
    test: list[Sample] = []
    if test_table := index.find(f"{folder}Test.csv"):
        rows = csv_rows.read(test_table, files[test_table], ",", ("ClassId", "Path"))
        if rows is None:
            raise DataError(f"{test_table} has no columns ClassId and Path, with a comma between them")
        test = _listed(test_table, rows, folder, index, files)
    drawings = {name for name in files if name.lower().startswith(f"{folder}Meta/".lower())}
    # Kaggle's download has train/ beside Train/, with the same files
    copies = {
        twin
        for sample in [*training, *test]
        for twin in index.twins(sample.name)
        if files[twin].stamp[0] == sample.file.stamp[0]
    }
    belonging = drawings.union(copies, [table], [test_table] if test_table else [])
    return Source("GTSRB, Kaggle", labels.gtsrb(), training, test=test, belonging=frozenset(belonging))


def _listed(table: str, rows: list[dict[str, str]], folder: str, index: Index, files: Files) -> list[Sample]:
    """Return a sample for each of the *rows* of *table*, whose paths begin at *folder*."""
    written: dict[str, str] = {}
    samples = []
    for row in rows:
        path = index.find(folder + row["Path"])
        if path is None:
            raise DataError(f"{table} names {row['Path']}, which is missing")
        if path in written:
            raise DataError(f"{table} names one file twice, as {written[path]} and as {row['Path']}")
        written[path] = row["Path"]
        match = _KAGGLE_NAME.search(path)
        track = f"{row['ClassId']}/{match[2]}" if match else path
        samples.append(Sample(path, _class_id(row["ClassId"], path), track, files[path]))
    return samples


def _class_id(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) >= len(labels.gtsrb()):
        raise DataError(f"{name}: class {text!r} is out of range; GTSRB has 0 to {len(labels.gtsrb()) - 1}")
    return int(text)
