"""What `make check-zoo` has found: the file of results, and the page that shows it.

check.json of each image  ->  result  ->  results.json  ->  page  ->  docs/zoo.md
"""

import json
from typing import Any

from local_test.check.core.points import Verdict
from tests.zoo.images import ZOO, Image, every

RESULTS = ZOO / "results.json"
PAGE = ZOO.parents[1] / "docs" / "zoo.md"
_INTRODUCTION = """\
# Images of others

What [the check](check.md) says about images that are written as their projects' documentation says. The verdicts that
the contract demands for each image stand in its `expected.toml`, with the reason, and were written before its first
run. A reason that begins with *measured* came after it. `make check-zoo` builds and checks all of them, and writes this
page; the images are in `tests/zoo/`.
"""


def result(image: Image, check: dict[str, Any], megabytes: int, machine: dict[str, str]) -> dict[str, Any]:
    """Return what is kept of check.json."""
    faults = {
        found["point"]: {"verdict": found["verdict"], "observed": found["observed"]}
        for found in check["findings"]
        if found["verdict"] in (Verdict.BROKEN, Verdict.WARNING)
    }
    return {
        **machine,
        "packages": image.packages,
        "megabytes": megabytes,
        "seconds": check["seconds"],
        "counts": check["counts"],
        "faults": faults,
    }


def differences(image: Image, found: dict[str, Any]) -> list[str]:
    """Return a line for each point whose verdict is not the expected one."""
    expected = {point: str(fault.verdict) for point, fault in image.faults.items()}
    observed = {point: fault["verdict"] for point, fault in found["faults"].items()}
    return [
        f"{point}: expected {expected.get(point, 'no fault')}, "
        f"found {observed.get(point, 'no fault')}: {found['faults'].get(point, {}).get('observed', '')}"
        for point in sorted(expected.keys() | observed.keys())
        if expected.get(point) != observed.get(point)
    ]


def read() -> dict[str, Any]:
    """Return the kept results by image."""
    content: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return content


def write(results: dict[str, Any]) -> None:
    """Write the file of results, in the order of the table, and the page."""
    ordered = {image.name: results[image.name] for image in every() if image.name in results}
    RESULTS.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(ordered), encoding="utf-8")


def page(results: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    images = [image for image in every() if image.name in results]
    lines = [_INTRODUCTION]
    lines += ["| image | versions | passed | broken | warning | inconclusive | seconds |", "| --- " * 7 + "|"]
    lines += [_row(image, results[image.name]) for image in images]
    lines += ["", f"{_measured(results)}", "", "## Why"]
    for image in images:
        if image.faults:
            lines += ["", f"**{image.title}**", ""]
        lines += [f"- `{point}`, {fault.verdict}: {fault.reason}" for point, fault in image.faults.items()]
    return "\n".join(lines) + "\n"


def _measured(results: dict[str, Any]) -> str:
    commits = sorted({found["commit"] for found in results.values()})
    machines = sorted({f"{found['date']}, {found['cpu']}" for found in results.values()})
    return f"Measured on {'; '.join(machines)}; commit{'s' * (len(commits) > 1)} {', '.join(commits)}."


def _row(image: Image, found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["packages"].items()) or "Debian 12's"
    counts = [str(found["counts"].get(verdict, 0)) for verdict in ("passed", "broken", "warning", "inconclusive")]
    title = f"[{image.title}]({image.source})"
    return f"| {title} | {versions} | {' | '.join(counts)} | {found['seconds']:.0f} |"
