"""The house's one-way streets."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "container" / "traffic_signs"
FORBIDDEN = {
    "ground floor": ("traffic_signs.data", "traffic_signs.serving", "traffic_signs.training", "tensorflow", "keras"),
    "data": ("traffic_signs.serving", "traffic_signs.training", "tensorflow", "keras"),
    "serving": ("traffic_signs.data", "traffic_signs.training", "tensorflow", "keras"),
    "training": ("traffic_signs.serving",),
    "scripts": ("traffic_signs", "local_test"),
    "local_test": ("traffic_signs", "scripts"),
    "local_test/check": ("traffic_signs", "scripts"),
    "tests/contract": ("traffic_signs", "scripts"),
    "tests/contract_check": ("traffic_signs", "scripts"),
}


def modules(room: str) -> list[Path]:
    if room == "ground floor":
        return list(PACKAGE.glob("*.py"))
    return list((PACKAGE / room if room in ("data", "serving", "training") else ROOT / room).glob("*.py"))


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_run_one_way(room: str) -> None:
    assert modules(room)
    for path in modules(room):
        if path.name == "tensorflow_engine.py":  # serving on a GPU, loaded only there
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                wrong = [other for other in FORBIDDEN[room] if name == other or name.startswith(f"{other}.")]
                assert not wrong, f"{path.relative_to(ROOT)} imports {name}"


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
