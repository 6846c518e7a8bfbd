"""The tables of layouts in docs/getting-started.md: each row's tree is made, and read as the row says."""

import re
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.data.trees import picture, tree
from traffic_signs.data import reading
from traffic_signs.errors import DataError

PAGE = Path(__file__).resolve().parents[4] / "docs" / "getting-started.md"
TABLES = {
    "GT-final_test.csv": "Filename;Width;ClassId\n00000.ppm;20;14\n",
    "Train.csv": "Width,ClassId,Path\n20,14,Train/14/00014_00003_00000.png\n20,14,Train/14/00014_00003_00001.png\n",
    "Test.csv": "Width,ClassId,Path\n20,14,Test/00000.png\n",
}
EXPECTED: dict[str, list[tuple[str, str, str]]] = {
    "a folder per class": [("stop", "training", "1"), ("yield", "training", "2")],
    "with a subfolder per sign": [("stop", "training", "1, 2"), ("yield", "training", "3")],
    "any of these in a zip": [("stop", "training", "1"), ("yield", "training", "2")],
    "any of these in a tar: .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz": [
        ("stop", "training", "1"),
        ("yield", "training", "2"),
    ],
    "below other folders": [("stop", "training", "1"), ("yield", "training", "2")],
    "parts on top, as Roboflow and YOLO have them": [
        ("stop", "training", "1"),
        ("yield", "training", "2"),
        ("stop", "validation", "3"),
        ("yield", "test", "4"),
    ],
    "parts with words before or after": [
        ("stop", "training", "1"),
        ("yield", "training", "2"),
        ("stop", "test", "3"),
    ],
    "parts, and once more or `images` in them": [
        ("stop", "training", "1"),
        ("yield", "training", "2"),
        ("stop", "test", "3"),
    ],
    "BelgiumTS": [
        ("00000", "training", "01153_00000, 01153_00001"),
        ("00061", "training", "00371_00000"),
        ("00061", "test", "00017_00000"),
    ],
    "GTSRB, official": [("Stop", "training", "00000_00000, 00000_00001"), ("Stop", "test", "00000")],
    "GTSRB, its archives": [("Stop", "training", "00000_00000, 00000_00001"), ("Stop", "test", "00000")],
    "GTSRB, first phase, as torchvision has it": [
        ("Stop", "training", "00000_00000, 00000_00001"),
        ("Stop", "test", "00000"),
    ],
    "GTSRB, Kaggle": [("Stop", "training", "00014_00003_00000, 00014_00003_00001"), ("Stop", "test", "00000")],
}
"""Row -> class, part and files of each track."""


def rows(head: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table whose first line is *head*."""
    table = PAGE.read_text(encoding="utf-8").split(f"\n{head}\n| ---", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines()[1:]:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


LAYOUTS = {layout: example for layout, example, *_ in rows("| layout | example | class | split | track |")}
ERRORS = [tuple(row) for row in rows("| example | error |")]


def build(folder: Path, example: str) -> Path:
    """Make the files that *example* lists between backticks; archives hold two signs, or those so called GTSRB."""
    names = re.findall("`([^`]+)`", example)
    assert names
    if names[0].startswith("signs."):
        kind = {"zip": "zip", "tar.gz": "gztar"}[names[0].partition(".")[2]]
        tree(folder, "stop/1.png", "yield/2.png")
        return Path(shutil.make_archive(str(folder.parent / "signs"), kind, folder))
    for name in names:
        if not name.endswith(".zip"):
            tree(folder, name)
            if name in TABLES:
                (folder / name).write_text(TABLES[name])
            continue
        folder.mkdir(exist_ok=True)
        with zipfile.ZipFile(folder / name, "w") as archive:
            if name.endswith("GT.zip"):
                archive.writestr("GT-final_test.csv", TABLES["GT-final_test.csv"])
            elif "Training" in name:
                for frame in range(2):
                    archive.writestr(f"GTSRB/Final_Training/Images/00014/00000_0000{frame}.ppm", picture(".ppm"))
            else:
                archive.writestr("GTSRB/Final_Test/Images/00000.ppm", picture(".ppm"))
    return folder


def test_every_row_is_tried() -> None:
    assert list(LAYOUTS) == list(EXPECTED)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_documented_layout_is_read_as_its_row_says(layout: str, tmp_path: Path) -> None:
    source = reading.find(build(tmp_path / "set", LAYOUTS[layout]))
    tracks: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for part, samples in source.parts.items():
        for sample in samples:
            tracks[source.names[sample.label], part, sample.track].append(Path(sample.name).stem)
    found = [(name, part, ", ".join(files)) for (name, part, _), files in tracks.items()]
    assert found == EXPECTED[layout]
    assert source.unused == ()


@pytest.mark.parametrize(("example", "error"), ERRORS)
def test_an_ambiguous_tree_is_refused_as_its_row_says(example: str, error: str, tmp_path: Path) -> None:
    folder = build(tmp_path / "set", example)
    with pytest.raises(DataError) as refused:
        reading.find(folder)
    assert str(refused.value).startswith(f"{folder}: {error}")
