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
        Sample(name, _label(match[1], name), f"{match[1]}/{match[2]}", file)
        for name, file in files.items()
        if (match := _TRAINING.search(name))
    ]
    if not training:
        return None
    images = {match[1]: (name, file) for name, file in files.items() if (match := _TEST.search(name))}
    table = next((file for name, file in files.items() if PurePosixPath(name).name == _TEST_LABELS), None)
    if images and table is None:
        raise DataError(f"{len(images)} test images but no {_TEST_LABELS} (it comes in {ARCHIVES[2]})")
    classes = {row["Filename"]: row["ClassId"] for row in _rows(_TEST_LABELS, table, ";")} if table and images else {}
    for name in images:
        if name not in classes:
            raise DataError(f"test image {name} has no class in {_TEST_LABELS}")
    test = [
        Sample(path, _label(classes[name], name), f"test/{name}", file) for name, (path, file) in sorted(images.items())
    ]
    return Source("GTSRB, official", labels.gtsrb(), training, test=test)


def kaggle(files: Files) -> Source | None:
    """Recognise Kaggle's layout, in whatever folder it lies, or return None.

    Raises:
        DataError: a file that the tables name is missing.
    """
    tables = [path for name in files if (path := PurePosixPath(name)).name == "Train.csv"]
    if not tables:
        return None
    folder = min(tables, key=lambda path: len(path.parts)).parent

    def samples(name: str) -> list[Sample]:
        table = str(folder / name)
        found = []
        for row in _rows(table, files[table], ",") if table in files else []:
            path = str(folder / row["Path"])
            if path not in files:
                raise DataError(f"{table} names {row['Path']}, which is not there")
            track = f"{row['ClassId']}/{match[1]}" if (match := _KAGGLE_TRACK.search(path)) else path
            found.append(Sample(path, _label(row["ClassId"], path), track, files[path]))
        return found

    return Source("GTSRB, Kaggle", labels.gtsrb(), samples("Train.csv"), test=samples("Test.csv"))


def _rows(name: str, file: File, delimiter: str) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(file.read().decode("utf-8-sig")), delimiter=delimiter)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name} is no table in UTF-8 ({error})") from error
    needed = ("ClassId", "Filename" if delimiter == ";" else "Path")
    columns = reader.fieldnames or []
    if rows and not {*needed} <= {*columns}:
        raise DataError(f"{name} has the columns {', '.join(columns)}; expected {' and '.join(needed)} among them")
    for row in rows:
        if None in (row[column] for column in needed):
            raise DataError(
                f"{name}: a row has no {' or no '.join(needed)}: {delimiter.join(filter(None, row.values()))}"
            )
    return rows


def _label(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) >= len(labels.gtsrb()):
        raise DataError(f"{name}: class {text!r} is out of range; GTSRB has 0 to {len(labels.gtsrb()) - 1}")
    return int(text)
