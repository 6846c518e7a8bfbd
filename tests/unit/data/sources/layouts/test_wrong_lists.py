"""A wrong list of images is one line that names the file and the row."""
# ruff: noqa: E501 - a message stands on the one line that it is

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.data.sources.layouts.trees import build, images
from traffic_signs.data import reading
from traffic_signs.errors import DataError


def read(path: Path) -> None:
    source = reading.find(path)
    reading.read_samples(source.training, source.names, "training")


def complaint(path: Path) -> str:
    """The message that reading the data set ends with, without the path in front."""
    with pytest.raises(DataError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


TABLES = [
    ("label\nstop\n", "labels.csv has no column of paths: expected one of path, file, filename, filepath, image, imagepath; found label"),
    ("path,name\na.png,stop\n", "labels.csv has no column of labels: expected one of label, class, classid, classname, category; found path, name"),
    ("path,file_name,label\na.png,a.png,1\n", "labels.csv has the columns path and file_name, and each may be the path; rename one of them"),
    ("path,label,class\na.png,1,1\n", "labels.csv has the columns label and class, and each may be the label; rename one of them"),
    ("path,path,label\na.png,a.png,1\n", "labels.csv has two columns path"),
    ("path,label,left,top,right\na.png,1,0,0,9\n", "labels.csv has the column left of a box but no bottom"),
    ("path,label,x,y\na.png,1,0,0\n", "labels.csv has the column x of a box but no width"),
    ("", "labels.csv has no rows"),
    ("path,label\n", "labels.csv has no rows"),
    ("path,label\na.png,1\n\nb.png\n", "labels.csv, line 4: 1 values; expected 2, as the header has"),
    ("path,label\na.png,1\nb.png,2,3\n", "labels.csv, line 3: 3 values; expected 2, as the header has"),
    ('path,label\na.png,"1\n', "labels.csv, line 2: unexpected end of data"),
    ("path,label\na.png, \n", "labels.csv, line 2: no label"),
    ("path,label\n,1\n", "labels.csv, line 2: no path"),
    ("path,label\na.png,1\nno.png,2\n", "labels.csv, line 3: no.png is not there"),
    ("path,label\na.png,1\n../b.png,2\n", "labels.csv, line 3: ../b.png is not there"),
    ("path,label\na.png,1\nb.png,2\na.png,1\n", "labels.csv, line 4: a.png is listed twice; labels.csv, line 2 lists it first"),
    ("path,label\na.png,1\n./a.png,2\n", "labels.csv, line 3: ./a.png has two labels, '1' and '2'; labels.csv, line 2 lists it first"),
    ("path,label,left,top,right,bottom\na.png,1,0,0,9,9\na.png,1,0,0,9,8\n", "labels.csv, line 3: a.png has two boxes, and one box an image is read; labels.csv, line 2 lists it first"),
    ("path,label,left,top,right,bottom\na.png,1,0,0,9,x\n", "labels.csv, line 2: bottom is 'x'; expected a number"),
    ("path,label,left,top,right,bottom\na.png,1,0,0,9,nan\n", "labels.csv, line 2: bottom is 'nan'; expected a number"),
    ("path,label,left,top,right,bottom\na.png,1,0,0,9,\n", "labels.csv, line 2: bottom is ''; expected a number"),
    ("path,label,left,top,right,bottom\na.png,1,9,0,9,9\n", "labels.csv, line 2: the box from 9, 0 to 9, 9 has no area"),
    ("path,label,left,top,right,bottom\na.png,1,0,0,41,9\nb.png,2,,,,\n", "labels.csv, line 2: a.png: the box 0, 0, 41, 9 is outside of the image, which has 40 x 30 pixels"),
    ("path,label,x,y,width,height\na.png,1,-1,0,9,9\nb.png,2,,,,\n", "labels.csv, line 2: a.png: the box -1, 0, 8, 9 is outside of the image, which has 40 x 30 pixels"),
    ("path,label,x,y,width,height\na.png,1,3.6,0,0.8,9\nb.png,2,,,,\n", "labels.csv, line 2: a.png: the box 3.6, 0, 4.4, 9 covers no pixel of the image, which has 40 x 30"),
    ("path,label,split\na.png,1,train\nb.png,2,holdout\n", "labels.csv, line 3: split is 'holdout'; expected train, val or test"),
    ("path,label,split\na.png,1,train\nb.png,2,\n", "labels.csv, line 3: no split"),
    ("path,label,split\na.png,1,train\nb.png,2,test\n", "labels.csv, line 3: class '2' has no training images"),
    ("path,label,split\na.png,1,test\nb.png,2,test\n", "labels.csv: no training images are listed"),
    ("path,label,split\na.png,1,train\nb.png,2,train/val\n", "labels.csv, line 3: split is 'train/val'; expected train, val or test"),
    ("path,label,x,y,width,height\na.png,1,0.3,0.2,0.7,0.5\n", "labels.csv, line 2: the box 0.3, 0.2, 0.7, 0.5 has fractions of the image's sides; expected pixels"),
    ("path,label,x1,y1,x2,y2\na.png,1,0,0.2,1,0.7\n", "labels.csv, line 2: the box 0, 0.2, 1, 0.7 has fractions of the image's sides; expected pixels"),
    ("path,label\n" + 500 * "x" + ".png,1\n", "labels.csv, line 2: " + 200 * "x" + " is not there"),
    (b"path,label\na.png,1\nb.png,\xff\n", "labels.csv, line 3: not UTF-8 (invalid start byte)"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "message"), TABLES)
def test_a_wrong_table(tmp_path: Path, table: str | bytes, message: str) -> None:
    assert complaint(build(tmp_path, images("a.png", "b.png") | {"labels.csv": table})) == message


@pytest.mark.parametrize(("table", "message"), [TABLES[0], TABLES[14], TABLES[-2]])
def test_a_wrong_table_that_is_named_itself(tmp_path: Path, table: str, message: str) -> None:
    path = build(tmp_path, images("a.png", "b.png") | {"signs.csv": table}) / "signs.csv"
    assert complaint(path) == message.replace("labels.csv", "signs.csv")


def test_images_beside_the_folders_that_name_parts_are_refused(tmp_path: Path) -> None:
    build(tmp_path, images("train/a.png", "b.png") | {"labels.csv": "path,label\ntrain/a.png,1\nb.png,2\n"})
    assert complaint(tmp_path) == (
        "labels.csv, line 3: b.png is in none of the folders train, which name parts of the data set; say in a column"
        " split to which part each image belongs"
    )


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("{", "metadata.jsonl, line 2: not JSON (unexpected end of data: line 1 column 2 (char 1))"),
        ("[]", "metadata.jsonl, line 2: expected a JSON object"),
        ('{"file_name": "b.png"}', "metadata.jsonl, line 2: no bbox in objects; one box an image is read"),
        ({"bbox": [], "categories": []}, "metadata.jsonl, line 2: 0 boxes in objects; one box an image is read"),
        ({"bbox": [[0, 0, 1, 1]] * 2}, "metadata.jsonl, line 2: 2 boxes in objects; one box an image is read"),
        ({"bbox": [[0, 0, 1]], "categories": [1]}, "metadata.jsonl, line 2: the box is [0, 0, 1]; expected [x, y, width, height]"),
        ({"bbox": [[0, 0, 1, True]], "categories": [1]}, "metadata.jsonl, line 2: height is True; expected a number"),
        ({"bbox": [[0, 0, 1, 1]]}, "metadata.jsonl, line 2: no label"),
        ({"bbox": [[0, 0, 1, 1]], "categories": [[1]]}, "metadata.jsonl, line 2: label is of type list; expected text or a whole number"),
    ],
)  # fmt: skip
def test_wrong_json_lines(tmp_path: Path, second: Any, message: str) -> None:
    first = {"file_name": "a.png", "objects": {"bbox": [[0, 0, 9, 9]], "categories": ["stop"]}}
    if not isinstance(second, str):
        second = json.dumps({"file_name": "b.png", "objects": second})
    build(tmp_path, images("a.png", "b.png") | {"metadata.jsonl": f"{json.dumps(first)}\n{second}\n"})
    assert complaint(tmp_path) == message


def coco(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "annotations": [{"image_id": number, "category_id": number, "bbox": [0, 0, 9, 9]} for number in (1, 2)],
        "categories": [{"id": 1, "name": "stop"}, {"id": 2, "name": "yield"}],
    }
    return {name: changes.get(name, value) for name, value in content.items() if changes.get(name, value) is not None}


def annotated(**second: Any) -> dict[str, Any]:
    first = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    return coco(annotations=[first, {"image_id": 2, "category_id": 2, "bbox": [0, 0, 9, 9]} | second])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (coco(categories=None), "coco.json has no list categories; COCO JSON has images, annotations, categories"),
        (coco(images=[1]), "coco.json, images[0]: expected a JSON object"),
        (coco(images=[{"id": 1}]), "coco.json, images[0]: no file_name"),
        (coco(images=[{"file_name": "a.png"}]), "coco.json, images[0]: id is None; expected a whole number"),
        (coco(images=[{"id": 1, "file_name": name} for name in "ab"]), "coco.json, images[1]: the id 1 is declared twice"),
        (coco(images=[{"id": number, "file_name": "a.png"} for number in (1, 2)]), "coco.json, annotations[1]: a.png has two labels, 'stop' and 'yield'; coco.json, annotations[0] lists it first"),
        (coco(images=[{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "no.png"}]), "coco.json, annotations[1]: no.png is not there"),
        (coco(categories=[{"id": 1, "name": "stop"}, {"id": 2, "name": "stop"}]), "coco.json: two categories are called 'stop'"),
        (annotated(category_id=3), "coco.json, annotations[1]: category_id 3 is not in categories"),
        (annotated(image_id=3), "coco.json, annotations[1]: image_id 3 is not in images"),
        (annotated(image_id=1), "coco.json, annotations[1]: two boxes for a.png, and one box an image is read; coco.json, annotations[0] has the first"),
        (annotated(bbox=None), "coco.json, annotations[1]: the box is None; expected [x, y, width, height]"),
        (annotated(bbox=[0, 0, 0, 9]), "coco.json, annotations[1]: the box from 0, 0 to 0, 9 has no area"),
        (annotated(bbox=[0, 0, 50, 9]), "coco.json, annotations[1]: b.png: the box 0, 0, 50, 9 is outside of the image, which has 40 x 30 pixels"),
        ("{", "coco.json is not JSON (unexpected end of data: line 1 column 2 (char 1))"),
    ],
)  # fmt: skip
def test_wrong_coco_json(tmp_path: Path, content: Any, message: str) -> None:
    assert complaint(build(tmp_path, images("a.png", "b.png") | {"coco.json": content})) == message


def test_several_coco_files_have_to_say_their_parts(tmp_path: Path) -> None:
    build(tmp_path, images("a.png", "b.png") | {"one.coco.json": coco(), "train.coco.json": coco()})
    assert (
        complaint(tmp_path)
        == "one.coco.json: neither the file's name nor its folder names a part; rename one of them to train, val or test"
    )


def test_two_kinds_of_lists_are_ambiguous(tmp_path: Path) -> None:
    build(tmp_path, images("a.png", "b.png") | {"labels.csv": "path,label\na.png,1\nb.png,2\n", "coco.json": coco()})
    assert complaint(tmp_path) == "labels.csv and coco.json both list images; remove one of them"


def test_json_of_another_kind_is_not_a_list(tmp_path: Path) -> None:
    build(tmp_path, images("stop/a.png", "yield/b.png") | {"labels.json": {"0": "stop"}})
    assert reading.find(tmp_path).layout == "a folder per class"
    assert (
        complaint(tmp_path / "labels.json")
        == "labels.json has no list images; COCO JSON has images, annotations, categories"
    )


@pytest.mark.parametrize("kind", ["no Parquet", "images", "floats"])
def test_wrong_parquet(tmp_path: Path, kind: str) -> None:
    build(tmp_path, images("a.png", "b.png"))
    path = tmp_path / "labels.parquet"
    if kind == "no Parquet":
        path.write_bytes(b"hello")
        assert complaint(tmp_path).startswith("labels.parquet is not a Parquet table (")
    elif kind == "images":
        parquet.write_table(pa.table({"image": [{"bytes": b"", "path": "a.png"}], "label": [1]}), path)
        assert complaint(tmp_path) == "labels.parquet, row 1: image is of type dict; expected text or a whole number"
    else:
        parquet.write_table(pa.table({"path": ["a.png", "b.png"], "label": [1.0, None]}), path)
        assert complaint(tmp_path) == "labels.parquet, row 2: no label"


def test_without_pyarrow_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as in the image
    assert complaint(build(tmp_path, {"labels.parquet": b"PAR1"})) == (
        "labels.parquet: Parquet is read with pyarrow, which is not installed here: pip install pyarrow (the extra"
        " parquet), or save the table as CSV"
    )
