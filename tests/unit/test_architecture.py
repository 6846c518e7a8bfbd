"""Imports run one way, in no circle, and files and folders stay small."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, SERVING, TRAINING = (
    "container/traffic_signs",
    "container/traffic_signs/serving",
    "container/traffic_signs/training",
)
TENSORFLOW = ("tensorflow", "keras")
FORBIDDEN = {
    PACKAGE: ("local_test", "scripts", "tests"),
    f"{PACKAGE}/data": TENSORFLOW,
    SERVING: TENSORFLOW,
    "scripts": ("traffic_signs", "local_test", "tests"),
    "local_test": ("traffic_signs", "scripts", "tests"),
    "tests/contract": ("traffic_signs", "scripts"),
    "tests/http": ("traffic_signs", "scripts"),
}
"""What no module below a folder imports."""
FLOORS: dict[str, tuple[str, ...]] = {
    PACKAGE: ("training", "data serving", "images model settings", "errors fair_lock paths"),
    f"{PACKAGE}/data": ("__main__", "prepare", "leaks pictures reading split", "dataset sources style"),
    TRAINING: ("__main__", "main", "channels job", "fit", "recipe results"),
    SERVING: ("gunicorn_conf", "app http", "hooks multi_model", "endpoint", "codec engine", "telemetry"),
    "local_test": ("__main__", "check page", "options platform"),
    "local_test/check": ("command", "preparation progress", "catalogue", "hosting training", "image report", "core"),
    "local_test/check/hosting": ("scenarios", "lifecycle requests", "support"),
    "scripts": (
        "approve deploy inventory prepare register sagemaker_local transform_local",
        "delete_endpoint doctor evaluate invoke push rollback",
        "sdk_v3 status train transform tune tune_local",
        "tune_results update",
        "tuning",
        "resources",
        "billing client diagnosis model_registry",
        "options parsing",
        "aws",
        "confirmation",
        "dry_run interruption",
        "errors",
    ),
    "scripts/tuning": ("cloud local options", "results strategy", "space"),
}
"""The entries of a folder, floor by floor from the top: each imports from floors below its own only."""
MOST_LINES, MOST_ENTRIES = 200, 9
LARGER = {"scripts"}
"""Folders with more entries; docs/architecture.md has the reason."""


def modules() -> Mapping[str, PurePosixPath]:
    """Dotted name -> path, of every module of the product and the tests."""
    found = {}
    for top in ("container", "local_test", "scripts", "tests"):
        for path in sorted((ROOT / top).rglob("*.py")):
            place = PurePosixPath(path.relative_to(ROOT).as_posix())
            words = [word for word in place.with_suffix("").parts if word != "container"]
            found[".".join(words[:-1] if words[-1] == "__init__" else words)] = place
    return found


MODULES = modules()
PLACES = set(MODULES.values())


def imported(path: PurePosixPath) -> Iterator[str]:
    """Yield the full name of all that a module imports, wherever in it."""
    package = path.parent.parts[1:] if path.parts[0] == "container" else path.parent.parts
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) + 1 - node.level], *filter(None, [node.module])])
            yield from (f"{base if node.level else node.module}.{alias.name}" for alias in node.names)


def arrows() -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Yield (who imports, what) for our own modules; not a package's empty __init__.py."""
    for path in MODULES.values():
        for name in imported(path):
            target = MODULES.get(name) or MODULES.get(name.rpartition(".")[0])
            if target and target.name != "__init__.py":
                yield path, target


ARROWS = set(arrows())


def entry(path: PurePosixPath, folder: str) -> str | None:
    """Return which file or folder directly in *folder* has *path*, by its name without suffix."""
    return PurePosixPath(path.relative_to(folder).parts[0]).stem if path.is_relative_to(folder) else None


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return a way from a node back to itself, [] if there is none."""
    done: set[str] = set()

    def search(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        found = next((found for other in sorted(graph.get(node, ())) if (found := search(other, [*way, node]))), [])
        done.add(node)
        return found

    return next((found for node in sorted(graph) if (found := search(node, []))), [])


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_what_a_folder_must_not_know_is_imported_nowhere_in_it(folder: str) -> None:
    inside = [path for path in PLACES if path.is_relative_to(folder)]
    assert inside
    for path in inside:
        if path.name == "tensorflow_engine.py":  # serving on a GPU, loaded only there
            continue
        for name in imported(path):
            wrong = [other for other in FORBIDDEN[folder] if name == other or name.startswith(f"{other}.")]
            assert not wrong, f"{path} imports {name}"


@pytest.mark.parametrize("folder", FLOORS)
def test_imports_lead_to_floors_below(folder: str) -> None:
    floor = {name: number for number, names in enumerate(FLOORS[folder]) for name in names.split()}
    entries = {entry(path, folder) for path in PLACES if path.is_relative_to(folder)} - {"__init__"}
    assert entries <= floor.keys(), "an entry has no floor: give it one in FLOORS"
    for path, target in ARROWS:
        one, other = entry(path, folder), entry(target, folder)
        if one and other and one != other and "__init__" not in (one, other):
            assert floor[one] < floor[other], f"{path} imports {target}"


@pytest.mark.parametrize("folder", sorted({str(path.parent) for path in PLACES if path.parts[0] != "tests"}))
def test_entries_of_a_folder_import_each_other_in_no_circle(folder: str) -> None:
    graph: dict[str, set[str]] = {}
    for path, target in ARROWS:
        one, other = entry(path, folder), entry(target, folder)
        if one and other and one != other:
            graph.setdefault(one, set()).add(other)
    assert circle(graph) == []


def test_modules_import_each_other_in_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for path, target in ARROWS:
        graph.setdefault(str(path), set()).add(str(target))
    assert circle(graph) == []


def tracked() -> list[PurePosixPath]:
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [PurePosixPath(file) for file in files if (ROOT / file).exists()]


def test_no_file_of_the_product_is_long() -> None:
    for path in tracked():
        if path.parts[0] in ("container", "local_test", "scripts", "docker") and path.suffix in (
            ".py",
            ".css",
            ".html",
            ".js",
            ".sh",
            "",
        ):
            lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
            assert lines <= MOST_LINES, f"{path} has {lines} lines"


def test_no_folder_is_crowded_but_those_with_a_reason() -> None:
    entries: dict[str, set[str]] = {}
    for path in tracked():
        places = [path, *path.parents][:-1]  # not the root
        if path.parts[0] in ("container", "local_test", "scripts", "docker", "tests") and path.parts[:2] != (
            "tests",
            "bench",
        ):
            for place in places[:-1]:
                if not place.name.startswith(("__init__", "__main__")):
                    entries.setdefault(str(place.parent), set()).add(place.name)
    crowded = {folder for folder, names in entries.items() if len(names) > MOST_ENTRIES}
    assert crowded == LARGER
    reasons = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [folder for folder in LARGER if f"| `{folder}/` |" not in reasons] == []


def test_serving_loads_neither_tensorflow_nor_training() -> None:
    code = "import sys, traffic_signs.serving.app, traffic_signs.serving.gunicorn_conf; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "flask" in loaded
    assert not {"tensorflow", "keras", "matplotlib", "traffic_signs.data", "traffic_signs.training"} & set(loaded)


def test_local_test_needs_the_packages_that_the_readme_names_and_no_other() -> None:
    imported = set()
    for path in (ROOT / "local_test").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            imported |= {name.partition(".")[0] for name in names}
    packages = sorted(name.replace("_", "-") for name in imported - sys.stdlib_module_names - {"local_test"})
    assert f"pip install {' '.join(packages)}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
