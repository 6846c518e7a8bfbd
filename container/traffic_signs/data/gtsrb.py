"""GTSRB as it is published: the official archives, or Kaggle's copy.

Official (https://benchmark.ini.rub.de), zipped or unpacked, training and test in folders or in
GTSRB_Final_*.zip side by side:
    GTSRB/Final_Training/Images/000CC/TTTTT_FFFFF.ppm    CC class, TTTTT track, FFFFF frame
    GTSRB/Final_Test/Images/NNNNN.ppm
    GT-final_test.csv                                    Filename;...;ClassId
The first phase's archive has GTSRB/Training/ in place of GTSRB/Final_Training/Images/.

Kaggle (meowmeowmeowmeowmeow/gtsrb-german-traffic-sign):
    Train/C/000CC_TTTTT_FFFFF.png, Test/NNNNN.png, Train.csv and Test.csv: ...,ClassId,Path
"""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from traffic_signs import labels
from traffic_signs.data.source import Files, Sample, Source, list_files
from traffic_signs.errors import DataError

ARCHIVES = ("GTSRB_Final_Training_Images.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip")
_TEST_LABELS = "GT-final_test.csv"
_TRAINING = re.compile(r"(?:^|/)(?:Final_Training/Images|Training)/(\d{5})/(\d{5})_\d{5}\.ppm$")
_TEST = re.compile(r"(?:^|/)Final_Test/Images/(\d{5}\.ppm)$")
_KAGGLE_TRACK = re.compile(r"/\d{5}_(\d{5})_\d{5}\.png$")


def archives(folder: Path) -> Files:
    """List what is in the official archives that lie in *folder*; nothing, if none does."""
    files: Files = {}
    for name in ARCHIVES:
        if (folder / name).is_file():
            files |= list_files(folder / name)
    return files


def official(files: Files) -> Source | None:
    """Recognise the official layout, or return None.

    Raises:
        DataError: test images without the table of their classes, or an image missing in it.
    """
    training = [
        Sample(name, _label(match[1], name), f"{match[1]}/{match[2]}", read)
        for name, read in files.items()
        if (match := _TRAINING.search(name))
    ]
    if not training:
        return None
    images = {match[1]: (name, read) for name, read in files.items() if (match := _TEST.search(name))}
    table = next((read for name, read in files.items() if PurePosixPath(name).name == _TEST_LABELS), None)
    if images and table is None:
        raise DataError(f"{len(images)} test images but no {_TEST_LABELS} (it comes in {ARCHIVES[2]})")
    classes = {row["Filename"]: row["ClassId"] for row in _rows(_TEST_LABELS, table, ";")} if table and images else {}
    for name in images:
        if name not in classes:
            raise DataError(f"test image {name} has no class in {_TEST_LABELS}")
    test = [
        Sample(path, _label(classes[name], name), f"test/{name}", read) for name, (path, read) in sorted(images.items())
    ]
    return Source("GTSRB, official", labels.gtsrb(), training, test=test)


def kaggle(files: Files) -> Source | None:
    """Recognise Kaggle's layout, or return None.

    Raises:
        DataError: a file that the tables name is missing.
    """
    if "Train.csv" not in files:
        return None

    def samples(table: str) -> list[Sample]:
        rows = _rows(table, files[table], ",") if table in files else []
        for row in rows:
            if row["Path"] not in files:
                raise DataError(f"{table} names {row['Path']}, which is not there")
        return [
            Sample(
                row["Path"],
                _label(row["ClassId"], row["Path"]),
                f"{row['ClassId']}/{match[1]}" if (match := _KAGGLE_TRACK.search(row["Path"])) else row["Path"],
                files[row["Path"]],
            )
            for row in rows
        ]

    return Source("GTSRB, Kaggle", labels.gtsrb(), samples("Train.csv"), test=samples("Test.csv"))


def _rows(name: str, read: Callable[[], bytes], delimiter: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(read().decode("utf-8-sig")), delimiter=delimiter))
    needed = {"ClassId", "Filename" if delimiter == ";" else "Path"}
    if rows and not needed <= rows[0].keys():
        raise DataError(f"{name} has the columns {', '.join(rows[0])}; expected {', '.join(sorted(needed))} among them")
    return rows


def _label(text: str, name: str) -> int:
    if not text.isdigit() or int(text) >= len(labels.gtsrb()):
        raise DataError(f"{name}: class {text!r} is out of range; GTSRB has 0 to {len(labels.gtsrb()) - 1}")
    return int(text)
