"""Commands show their help without the packages that only their work needs: those take up to a second to import."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = sorted(f"scripts.{path.stem}" for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text())
SLOW = {
    "boto3", "botocore", "jinja2", "jsonschema", "matplotlib", "numpy", "optuna", "PIL", "requests", "rich", "sagemaker"
}  # fmt: skip


def imported(module: str) -> set[str]:
    """Return the packages that *module* has imported when its help is shown."""
    code = (
        "import atexit, runpy, sys;"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
        f"sys.argv = ['{module}', '--help'];"
        f"runpy.run_module('{module}', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: " in done.stdout
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_all_commands_are_known() -> None:
    assert {"scripts.deploy", "scripts.invoke", "scripts.sdk_v3"} <= set(COMMANDS)


@pytest.mark.parametrize("module", [*COMMANDS, "local_test"])
def test_help_is_shown_without_slow_packages(module: str) -> None:
    packages = imported(module)
    assert "click" in packages
    assert not packages & SLOW
