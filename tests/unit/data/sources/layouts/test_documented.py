"""Each row of the table of files that list images in docs/getting-started.md, built and read as it says."""

import csv
import io
import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.docs.fences import ROOT, files
from tests.unit.data.sources.layouts.trees import build, found, image, images, listed
from traffic_signs.data import reading
from traffic_signs.errors import DataError

PAGE = ROOT / "docs" / "getting-started.md"
ROWS = {
    cells[0]: re.findall("`([^`]*)`", cells[1])
    for line in PAGE.read_text(encoding="utf-8").partition("| data set |")[2].split("\n\n")[0].splitlines()[2:]
    for cells in [[cell.strip() for cell in line.strip("| ").split("|")]]
}
"""First cell of each row -> the files of its example."""
SHOWN = {name: text for name, text in files(PAGE).items() if name.startswith(("labels", "metadata"))}
BOTH = {"training": [("1.png", "stop"), ("2.png", "yield")]}


def beside(folder: Path) -> dict[str, list[tuple[str, str]]]:
    build(folder, images("images/a.png", "images/b.png", "images/c.png") | {"labels.csv": SHOWN["labels.csv"]})
    return {"training": [("images/a.png", "stop"), ("images/b.png", "yield")], "test": [("images/c.png", "stop")]}


def itself(folder: Path) -> dict[str, list[tuple[str, str]]]:
    table = "File Name;Class\nphotos/a.png;stop\nphotos\\b.png;yield\n"
    build(folder, images("photos/a.png", "photos/b.png") | {"signs.csv": table})
    return {"training": [(f"{folder}/photos/a.png", "stop"), (f"{folder}/photos/b.png", "yield")]}


def as_parquet(folder: Path) -> dict[str, list[tuple[str, str]]]:
    build(folder, images("a.png", "b.png"))
    parquet.write_table(pa.table({"path": ["a.png", "b.png"], "label": [14, 2]}), folder / "labels.parquet")
    return {"training": [("a.png", "14"), ("b.png", "2")]}


def hugging_face(folder: Path) -> dict[str, list[tuple[str, str]]]:
    tables = {"train/metadata.csv": "file_name,label\n1.png,stop\n2.png,yield\n"}
    tables["test/metadata.csv"] = "file_name,label\n3.png,yield\n"
    build(folder, images("train/1.png", "train/2.png", "test/3.png") | tables)
    return {"training": [("train/1.png", "stop"), ("train/2.png", "yield")], "test": [("test/3.png", "yield")]}


def objects(folder: Path) -> dict[str, list[tuple[str, str]]]:
    build(folder, images("1.png", "2.png") | {"metadata.jsonl": SHOWN["metadata.jsonl"]})
    return BOTH


def coco(*names: str) -> dict[str, object]:
    return {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": [
            {"image_id": number, "category_id": number + 1, "bbox": [0, 0, 20, 30]} for number in range(len(names))
        ],
        "categories": [{"id": 0, "name": "signs"}, {"id": 1, "name": "yield"}, {"id": 2, "name": "stop"}],
    }


def roboflow(folder: Path) -> dict[str, list[tuple[str, str]]]:
    lists = {"train/_annotations.coco.json": coco("1.jpg", "2.jpg"), "valid/_annotations.coco.json": coco("3.jpg")}
    build(folder, images("train/1.jpg", "train/2.jpg", "valid/3.jpg") | lists)
    return {"training": [("train/1.jpg", "yield"), ("train/2.jpg", "stop")], "validation": [("valid/3.jpg", "yield")]}


def instances(folder: Path) -> dict[str, list[tuple[str, str]]]:
    lists = {"instances_train2017": coco("1.jpg", "2.jpg"), "instances_val2017": coco("3.jpg")}
    build(folder, images("train2017/1.jpg", "train2017/2.jpg", "val2017/3.jpg"))
    build(folder / "annotations", {f"{name}.json": content for name, content in lists.items()})
    return {
        "training": [("train2017/1.jpg", "yield"), ("train2017/2.jpg", "stop")],
        "validation": [("val2017/3.jpg", "yield")],
    }


BUILDERS = dict(
    zip(
        ROWS,
        [
            beside,
            itself,
            as_parquet,
            hugging_face,
            objects,
            roboflow,
            instances,
        ],
        strict=True,
    )
)


@pytest.mark.parametrize("row", BUILDERS)
def test_a_data_set_that_the_documentation_shows_is_read(tmp_path: Path, row: str) -> None:
    expected = BUILDERS[row](tmp_path)
    built = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in built) == sorted(
        name for name in ROWS[row] if not name.startswith("DATA=")
    )
    source = reading.find(tmp_path / ROWS[row][0] if "itself" in row else tmp_path)
    assert {part: sorted(samples) for part, samples in listed(source).items()} == expected
    assert len({sample.track for sample in source.training}) == 2
    dataset, unreadable = reading.read_samples(source.training, source.names, "training")
    assert (len(dataset), unreadable) == (2, [])


def test_boxes_and_tracks_of_the_shown_table_are_those_of_its_rows(tmp_path: Path) -> None:
    beside(tmp_path)
    source = reading.find(tmp_path)
    images = reading.read_samples(source.training, source.names, "training")[0].images
    assert images[:, 5, [0, 31], 0].tolist() == [[1, 1], [4, 4]]  # left half of the first, right half of the second
    assert [sample.track for sample in source.training] == ["stop/1", "yield/2"]
    assert source.test[0].box is None


def test_boxes_of_the_shown_objects_are_corner_and_size(tmp_path: Path) -> None:
    objects(tmp_path)
    assert [sample.box for sample in reading.find(tmp_path).training] == [(0, 0, 20, 30), (20, 0, 40, 30)]


@pytest.mark.parametrize(
    "columns",
    ["left top right bottom", "xmin ymin xmax ymax", "X1 Y1 X2 Y2", "x_min y_min x_max y_max", "x y width height"],
)
def test_boxes_have_columns_of_many_names(tmp_path: Path, columns: str) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["Image Path", "Class_ID", *columns.split()])
    writer.writerow(["a.png", 1, 4.6, 5, *((20.4, 20) if "width" in columns else (25, 25))])
    writer.writerow(["b.png", 2, "", "", "", ""])
    source = reading.find(build(tmp_path, images("a.png", "b.png") | {"labels.csv": stream.getvalue()}))
    assert [sample.box for sample in source.training] == [(4.6, 5, 25, 25), None]


def test_width_and_height_alone_are_the_images_own(tmp_path: Path) -> None:
    table = "path,label,width,height\na.png,1,40,30\nb.png,2,40,30\n"
    source = reading.find(build(tmp_path, images("a.png", "b.png") | {"labels.csv": table}))
    assert [sample.box for sample in source.training] == [None, None]
    assert source.warnings == ("labels.csv: columns that are not read: width, height",)


def test_a_table_of_the_classes_names_beside_their_folders_lists_no_images(tmp_path: Path) -> None:
    build(tmp_path, images("0/a.png", "1/b.png") | {"labels.csv": "ClassId,Name\n0,stop\n1,yield\n"})
    assert found(tmp_path) == {"training": [("0/a.png", "0"), ("1/b.png", "1")]}


def test_images_that_no_row_lists_are_an_error_unless_allowed(tmp_path: Path) -> None:
    build(tmp_path, images("a.png", "b.png", "c.png") | {"labels.csv": "path,label\na.png,1\nb.png,2\n"})
    with pytest.raises(DataError, match=r"1 of 3 images would not be used, such as c\.png"):
        reading.find(tmp_path)
    assert reading.find(tmp_path, allow_unused=True).unused == ("c.png",)


def test_categories_without_images_are_not_classes_and_named_in_a_warning(tmp_path: Path) -> None:
    instances(tmp_path)
    source = reading.find(tmp_path)
    assert source.names == ("yield", "stop")  # in the order of their ids
    assert source.warnings == ("categories without images are no classes: signs",)


def test_a_table_of_absolute_paths_is_read_if_it_is_named_itself(tmp_path: Path) -> None:
    build(tmp_path / "elsewhere", images("a.png", "b.png"))
    table = f"path,label\n{tmp_path}/elsewhere/a.png,stop\n../elsewhere/b.png,yield\n"
    source = reading.find(build(tmp_path / "lists", {"signs.csv": table}) / "signs.csv")
    assert [sample.name for sample in source.training] == [
        f"{tmp_path}/elsewhere/a.png",
        f"{tmp_path}/lists/../elsewhere/b.png",
    ]


@pytest.mark.parametrize(
    ("training", "test"), [("training_set", "test_set"), ("TSRD-Train/images", "TSRD-Test/images")]
)
@pytest.mark.parametrize("kind", ["table", "COCO"])
def test_folders_name_parts_for_a_list_as_they_do_for_folders_of_classes(
    tmp_path: Path, training: str, test: str, kind: str
) -> None:
    names = [f"{training}/a.png", f"{training}/b.png", f"{test}/c.png"]
    table = f"path,label\n{names[0]},yield\n{names[1]},stop\n{names[2]},yield\n"
    lists = {"labels.csv": table} if kind == "table" else {"labels.json": coco(*names)}
    if kind == "COCO":
        lists["labels.json"]["annotations"][2]["category_id"] = 1  # type: ignore[index] # it is a dictionary
    build(tmp_path, images(*names) | lists)
    assert found(tmp_path) == {"training": [(names[0], "yield"), (names[1], "stop")], "test": [(names[2], "yield")]}


def test_the_name_of_a_coco_file_says_the_part_before_its_folder_does(tmp_path: Path) -> None:
    build(tmp_path, images("1.jpg", "2.jpg", "3.jpg"))
    build(tmp_path / "test", {"train.coco.json": coco("../1.jpg", "../2.jpg"), "val.coco.json": coco("../3.jpg")})
    assert list(found(tmp_path)) == ["training", "validation"]


def test_a_table_that_is_named_itself_finds_files_in_any_case(tmp_path: Path) -> None:
    table = "path,label\nImages/a.PNG,stop\nIMAGES\\b.png,yield\n"
    build(tmp_path, images("images/a.png", "images/b.png") | {"signs.csv": table})
    names = [f"{tmp_path}/images/a.png", f"{tmp_path}/images/b.png"]
    assert found(tmp_path / "signs.csv") == {"training": [(names[0], "stop"), (names[1], "yield")]}


def test_quotes_after_a_comma_and_a_space_are_not_part_of_a_label(tmp_path: Path) -> None:
    table = '"path", "label"\na.png, "stop, all way"\nb.png, "yield"\n'
    build(tmp_path, images("a.png", "b.png") | {"labels.csv": table})
    assert found(tmp_path) == {"training": [("a.png", "stop, all way"), ("b.png", "yield")]}


def test_a_table_with_a_byte_order_mark_and_tabs_is_read(tmp_path: Path) -> None:
    build(
        tmp_path,
        {"a.png": image(), "b.png": image()} | {"labels.csv": "\ufeffpath\tlabel\r\na.png\t x \r\n\r\nb.png\t7\r\n"},
    )
    assert found(tmp_path) == {"training": [("a.png", "x"), ("b.png", "7")]}
