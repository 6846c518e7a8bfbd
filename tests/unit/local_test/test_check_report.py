"""What the check prints and writes of its findings, and with which exit code it ends."""

import datetime
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from local_test.check import catalogue, progress
from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict, counted, passed_if
from local_test.check.core.selection import UnknownWordError, selected
from local_test.check.report.findings import Report
from local_test.check.report.formats import Format, formatted, write
from local_test.check.report.terminal import print_report
from tests.support.waiting import wait_until

DATE = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
POINTS = [point for scenario in catalogue.ALL for point in scenario.points]


def point(name: str, part: Part = Part.HOSTING) -> Point:
    return Point(name, part, "this", "that page", "do it")


def report(*findings: Finding) -> Report:
    return Report("mine:latest", "real-time", findings, 3.2, DATE)


MIXED = report(
    Finding(point("T1-x", Part.TRAINING), Verdict.PASSED, "fine"),
    Finding(point("H5-x"), Verdict.WARNING, "late, 50%"),
    Finding(point("H2-x"), Verdict.NOT_APPLICABLE, "no label"),
    Finding(point("H3-x"), Verdict.INCONCLUSIVE, "no payload"),
    Finding(point("H1-x"), Verdict.BROKEN, "<script>alert(1)</script>\x1b[31m | [b]"),
)


def printed(*, verbose: bool = False) -> str:
    print_report(Console(file=(text := io.StringIO()), width=20), MIXED, verbose=verbose)
    return text.getvalue()


def test_points_without_a_verdict_for_the_same_reason_do_not_bury_what_is_broken() -> None:
    findings = [Finding(point(f"H{number}-x"), Verdict.INCONCLUSIVE, "no server") for number in range(4, 24)]
    many = report(Finding(point("H1-x"), Verdict.BROKEN, "127"), *findings)
    print_report(Console(file=(text := io.StringIO())), many)
    assert text.getvalue().endswith("inconclusive  20 points\n  observed  no server\n")
    assert "H4-x" not in text.getvalue()
    print_report(Console(file=(everything := io.StringIO())), many, verbose=True)
    assert everything.getvalue().count("inconclusive  H") == 20


def test_a_false_condition_has_the_level_of_its_point() -> None:
    levels: list[Verdict] = []
    for each in (point("H1-x"), Point("H1-y", Part.HOSTING, "this", "that", "do it", level=Verdict.WARNING)):
        assert passed_if(each, True, "").verdict is Verdict.PASSED
        levels.append(passed_if(each, False, "").verdict)
    assert levels == [Verdict.BROKEN, Verdict.WARNING]


@pytest.mark.parametrize(
    ("verdicts", "code", "strict"),
    [
        ((Verdict.PASSED, Verdict.INCONCLUSIVE), 0, 0),
        ((Verdict.PASSED, Verdict.WARNING), 0, 1),
        ((Verdict.WARNING,), 0, 1),
        ((Verdict.PASSED, Verdict.BROKEN), 1, 1),
        ((Verdict.BROKEN, Verdict.INCONCLUSIVE), 1, 1),
        ((Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE), 2, 2),
        ((), 2, 2),
    ],
)
def test_a_warning_fails_only_with_strict_and_a_check_that_decided_nothing_is_not_green(
    verdicts: tuple[Verdict, ...], code: int, strict: int
) -> None:
    found = report(*(Finding(point(f"T1-{verdict}"), verdict, "") for verdict in verdicts))
    assert (found.exit_code(), found.exit_code(strict=True)) == (code, strict)


def test_what_is_broken_comes_first_then_warnings_and_what_passed_only_when_asked_for() -> None:
    assert re.findall(r"^(.*)  ([TH]\d-x)", printed(), re.MULTILINE) == [
        ("broken", "H1-x"),
        ("warning", "H5-x"),
        ("inconclusive", "H3-x"),
    ]
    assert re.findall(r"[TH]\d-x", printed(verbose=True)) == ["H1-x", "H5-x", "H3-x", "T1-x", "H2-x"]


def test_a_fault_has_its_fix_and_its_source_in_whole_lines_without_control_characters() -> None:
    for observed in ("<script>alert(1)</script>?[31m | [b]", "late, 50%"):
        assert f"\n  expected  this\n  observed  {observed}\n  fix       do it\n  source    that page\n" in printed()
    assert "\n  observed  no payload\n" in printed()
    assert printed().count("fix ") == 2
    print_report(Console(file=(terminal := io.StringIO()), width=20, force_terminal=True), MIXED)
    assert "\x1b[31m<" not in terminal.getvalue()


def test_a_line_of_a_log_is_shown_as_it_is() -> None:
    print_report(Console(file=(text := io.StringIO())), report(Finding(point("H1-x"), Verdict.BROKEN, "toor:x:0 [b]")))
    assert "observed  toor:x:0 [b]\n" in text.getvalue()


def test_counts_are_one_line() -> None:
    counts = "1 passed, 1 broken, 1 warning, 1 not applicable, 1 inconclusive"
    assert MIXED.summary == f"mine:latest, real-time: {counts}, in 3 s"
    assert ": 2 warnings, in" in report(*[Finding(point("H1-x"), Verdict.WARNING, "")] * 2).summary


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_has_colours_but_for_no_color(environment: dict[str, str], coloured: bool) -> None:
    assert ("\x1b[1;31m" in in_terminal(environment)) is coloured


def in_terminal(environment: dict[str, str]) -> str:
    """Print MIXED in a terminal and return what it got."""
    script = "from tests.unit.local_test.test_check_report import Console, MIXED, print_report; "
    master, slave = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    subprocess.run(
        [sys.executable, "-c", f"{script}print_report(Console(), MIXED)"],
        stdin=slave,
        stdout=slave,
        check=True,
        env={**inherited, "TERM": "xterm", **environment},
    )
    os.close(slave)
    with os.fdopen(master, "rb", buffering=0) as stream:
        return stream.read(65_536).decode()


def test_json_is_the_content_of_the_file(tmp_path: Path) -> None:
    write(MIXED, tmp_path / "deep" / "folder")
    text = (tmp_path / "deep" / "folder" / "check.json").read_text()
    assert formatted(MIXED, Format.JSON) == text
    findings = json.loads(text)["findings"]
    assert [found["verdict"] for found in findings] == ["passed", "warning", "not applicable", "inconclusive", "broken"]
    assert findings[-1]["observed"] == MIXED.findings[-1].observed
    assert {found["level"] for found in findings} == {"broken"}


def test_junit_has_a_failure_for_what_is_broken_and_output_for_a_warning(tmp_path: Path) -> None:
    write(MIXED, tmp_path)
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()  # noqa: S314 # written here
    assert [
        (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("skipped")) for suite in suites
    ] == [("training", "1", "0", "0"), ("hosting", "4", "1", "2")]
    [warning] = suites.iterfind(".//testcase[@name='H5-x']")
    assert [child.tag for child in warning] == ["system-out"]
    assert (warning[0].text or "").startswith("warning: late, 50%\nexpected: this\nfix: do it")


def test_the_page_shows_faults_with_their_fix_and_no_markup_of_the_container(tmp_path: Path) -> None:
    write(MIXED, tmp_path)
    page = (tmp_path / "check.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("fix: do it") == 2
    assert '<tr class="warning">' in page
    assert "http" not in page


def test_annotations_of_github_are_escaped() -> None:
    odd = report(
        Finding(point("H1-a:b,c%"), Verdict.WARNING, "50%: a, b"),
        Finding(point("H1-x"), Verdict.BROKEN, "a\nb\r::error::"),
    )
    assert formatted(odd, Format.GITHUB).splitlines() == [
        "::error title=H1-x::expected: this%0Aobserved: a?b?::error::%0Afix: do it%0Asource: that page",
        "::warning title=H1-a%3Ab%2Cc%25::expected: this%0Aobserved: 50%25: a, b%0Afix: do it%0Asource: that page",
    ]
    assert formatted(report(Finding(point("H1-x"), Verdict.INCONCLUSIVE, "no payload")), Format.GITHUB) == ""


def test_a_markdown_table_stays_a_table_whatever_a_container_wrote() -> None:
    lines = formatted(MIXED, Format.MARKDOWN).splitlines()
    assert (
        lines[0]
        == "**mine:latest, real-time: 1 passed, 1 broken, 1 warning, 1 not applicable, 1 inconclusive, in 3 s**"
    )
    assert lines[4:] == [
        r"| broken | H1-x | this | &lt;script&gt;alert(1)&lt;/script&gt;?\[31m \| \[b\] | do it | that page |",
        "| warning | H5-x | this | late, 50% | do it | that page |",
        "| inconclusive | H3-x | this | no payload |  |  |",
    ]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in lines[2:])
    assert len(formatted(report(), Format.MARKDOWN).splitlines()) == 1


def test_parts_items_and_points_are_selected() -> None:
    chosen = selected("H3-ping-slash, T14", POINTS)
    assert chosen.names == {"H3-ping-slash", "T14-resume", "T14-markers"}
    assert chosen.parts == {Part.TRAINING, Part.HOSTING}
    assert selected("H3-ping-slash", POINTS).parts == {Part.HOSTING}
    assert selected("image", POINTS).names == {each.name for each in POINTS if each.part is Part.IMAGE}


def test_a_part_includes_what_it_needs_of_the_image_and_no_more() -> None:
    """So that an image which only serves is not asked for the program `train`."""
    chosen = selected("hosting", POINTS)
    assert chosen.parts == {Part.HOSTING}
    assert {"H3-ping-slash", "H1-serve-there", "T1-platform"} <= chosen.names
    assert not {"T1-train-there", "T14-resume"} & chosen.names


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("H3-ping-by-pots", "'H3-ping-by-pots', did you mean H3-ping-by-post?"),
        ("Hosting", "'Hosting', did you mean hosting?"),
        ("h3", "'h3', did you mean H3?"),
        ("H20", "no point checks H20"),
        ("", "named ''"),
    ],
)
def test_an_unknown_point_is_named_with_the_nearest(word: str, words: str) -> None:
    with pytest.raises(UnknownWordError) as caught:
        selected(f"H1,{word}", POINTS)
    assert words in str(caught.value)


def test_a_pipe_shows_what_is_waited_for_before_it_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = point("H3-x")
    seen: list[str] = []

    def slow(_: Subject) -> Iterator[Finding]:
        seen.append(wait_until(lambda: capsys.readouterr().err, 60, "a line while the start waits"))
        yield passed_if(one, True, "it started at last")

    monkeypatch.setattr(catalogue, "ALL", (Scenario("a slow start", (one,), slow),))
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0.01)
    assert progress.run_with_progress(Subject(None, Path())).findings[0].observed == "it started at last"
    assert "s  still running: a slow start\n" in seen[0]


def test_one_file_is_no_1_files() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
