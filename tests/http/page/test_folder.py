"""A folder of images on the page: the table, and the CSV file."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.http.page.browser import Served, answered, choose, drop, expect_answer, needs_chromium

pytestmark = [needs_chromium, pytest.mark.parametrize("image", ["bare"], indirect=True)]


def test_a_folder_gives_a_table_and_a_csv_file(page: Page, server: Served, sign: Path, tmp_path: Path) -> None:
    folder = tmp_path / "signs"
    (folder / "more").mkdir(parents=True)
    files = {name: folder / name for name in ('one, "two".png', "10.png", "2.png", "more/3.png")}
    for file in files.values():
        file.write_bytes(sign.read_bytes())
    (folder / "broken.png").write_text("no image")
    (folder / "notes.txt").write_text("of no interest")
    choose(page, "folder", folder)
    expect(page.get_by_text("Finished: 5 of 5 images answered, 1 refused")).to_be_visible()
    names = ["2.png", "10.png", "broken.png", "more/3.png", 'one, "two".png']
    expect(page.locator("#rows button")).to_have_text([f"signs/{name}" for name in names])
    page.get_by_text("1 file is not sent: not an image by its name").click()
    expect(page.get_by_text("signs/notes.txt")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    with saved.value.path().open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert saved.value.suggested_filename == "predictions.csv"
    assert [row["file"] for row in rows] == [f"signs/{name}" for name in names]
    expected = answered(server, sign)
    for row in rows:
        if row["file"] == "signs/broken.png":
            assert row["error"].startswith("not a readable image")
            assert row["class_id"] == row["probability"] == ""
        else:
            assert (row["class_id"], row["name"]) == (str(expected["class_id"]), expected["name"])
            assert float(row["probability"]) == pytest.approx(expected["probability"])
            assert float(row["milliseconds"]) > 0
    page.get_by_role("button", name="signs/more/3.png").click()
    expect_answer(page, expected)


def test_a_dropped_folder_gives_a_table(page: Page, prepared: Path) -> None:
    drop(page, prepared / "samples")
    expect(page.get_by_text("Finished: 43 of 43 images answered")).to_be_visible(timeout=60_000)
    expect(page.locator("#rows button").first).to_have_text("samples/00-Speed-limit-20-km-h.ppm")


def test_a_folder_may_be_stopped(page: Page, prepared: Path) -> None:
    page.route("**/invocations", lambda _: None)  # no answer comes
    choose(page, "folder", prepared / "samples")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#table-status")).to_have_text("Stopped: 0 of 43 images answered")
    expect(page.get_by_role("progressbar")).to_be_hidden()
    expect(page.get_by_role("button", name="Save as CSV")).to_be_disabled()
