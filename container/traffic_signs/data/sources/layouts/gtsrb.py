"""Layouts of GTSRB as published: the official archives and Kaggle's copy.

Official (https://benchmark.ini.rub.de): unpacked folders, one zip of them, or the archives
GTSRB_Final_*.zip side by side:
    GTSRB/Final_Training/Images/000CC/TTTTT_FFFFF.ppm    CC class, TTTTT track, FFFFF frame
    GTSRB/Final_Test/Images/NNNNN.ppm
    GT-final_test.csv                                    Filename;...;ClassId
The archive of the first phase has GTSRB/Training/ in place of GTSRB/Final_Training/Images/.

Kaggle (meowmeowmeowmeowmeow/gtsrb-german-traffic-sign):
    Train/C/000CC_TTTTT_FFFFF.png, Test/NNNNN.png, Train.csv and Test.csv: ...,ClassId,Path
"""

import csv
import io
import re
from pathlib import Path, PurePosixPath

from traffic_signs.data.sources import labels
from traffic_signs.data.sources.discovery import File, Files, Sample, Source, list_files
from traffic_signs.errors import DataError

ARCHIVES = ("GTSRB_Final_Training_Images.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip")
_TEST_LABELS = "GT-final_test.csv"
_TRAINING = re.compile(r"(?:^|/)(?:Final_Training/Images|Training)/(\d{5})/(\d{5})_\d{5}\.ppm$")
_TEST = re.compile(r"(?:^|/)Final_Test/Images/(\d{5}\.ppm)$")
_KAGGLE_TRACK = re.compile(r"/\d{5}_(\d{5})_\d{5}\.png$")


def archives(folder: Path) -> Files:
    """List the content of the official archives in *folder*; empty if it has none of them."""
    files: Files = {}
    for name in ARCHIVES:
        if (folder / name).is_file():
            files |= list_files(folder / name)
    return files


def official(files: Files) -> Source | None:
    """Find the samples of the official layout; return None if *files* have another one.

    Raises:
        DataError: the table of the test images' classes is missing, or lacks an image.
    """
    training = [
        Sample(name, _class_id(match[1], name), f"{match[1]}/{match[2]}", file)
        for name, file in files.items()
        if (match := _TRAINING.search(name))
    ]
    if not training:
        return None
    images = {match[1]: (name, file) for name, file in files.items() if (match := _TEST.search(name))}
    table = next((file for name, file in files.items() if PurePosixPath(name).name == _TEST_LABELS), None)
    if images and table is None:
        raise DataError(f"{len(images)} test images but no {_TEST_LABELS}; it is in {ARCHIVES[2]}")
    classes = {row["Filename"]: row["ClassId"] for row in _rows(_TEST_LABELS, table, ";")} if table and images else {}
    for name in images:
        if name not in classes:
            raise DataError(f"test image {name} has no class in {_TEST_LABELS}")
    test = [
        Sample(path, _class_id(classes[name], name), f"test/{name}", file)
        for name, (path, file) in sorted(images.items())
    ]
    return Source("GTSRB, official", labels.gtsrb(), training, test=test)


def kaggle(files: Files) -> Source | None:
    """Find the samples of Kaggle's layout, in any subfolder; return None if *files* have another one.

    Raises:
        DataError: a file that the tables name is missing.
    """
    tables = [path for name in files if (path := PurePosixPath(name)).name == "Train.csv"]
    if not tables:
        return None
    folder = min(tables, key=lambda path: len(path.parts)).parent

    def read_table(name: str) -> list[Sample]:
        table = str(folder / name)
        samples = []
        for row in _rows(table, files[table], ",") if table in files else []:
            path = str(folder / row["Path"])
            if path not in files:
                raise DataError(f"{table} names {row['Path']}, which is missing")
            track = f"{row['ClassId']}/{match[1]}" if (match := _KAGGLE_TRACK.search(path)) else path
            samples.append(Sample(path, _class_id(row["ClassId"], path), track, files[path]))
        return samples

    return Source("GTSRB, Kaggle", labels.gtsrb(), read_table("Train.csv"), test=read_table("Test.csv"))


def _rows(name: str, file: File, delimiter: str) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(file.read().decode("utf-8-sig")), delimiter=delimiter)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name} is not a CSV table in UTF-8 ({error})") from error
    required = ("ClassId", "Filename" if delimiter == ";" else "Path")
    columns = reader.fieldnames or []
    if rows and not {*required} <= {*columns}:
        raise DataError(f"{name} has the columns {', '.join(columns)}; expected {' and '.join(required)} among them")
    for row in rows:
        if None in (row[column] for column in required):
            raise DataError(
                f"{name}: a row has no {' or no '.join(required)}: {delimiter.join(filter(None, row.values()))}"
            )
    return rows


def _class_id(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) >= len(labels.gtsrb()):
        raise DataError(f"{name}: class {text!r} is out of range; GTSRB has 0 to {len(labels.gtsrb()) - 1}")
    return int(text)
