"""What a test has built is gone when it ends; the good image stays, for its layers."""

import subprocess
from collections.abc import Iterator

import pytest

from local_test import program
from tests.contract_check import images


@pytest.fixture(autouse=True)
def no_mutant_stays() -> Iterator[None]:
    images.built.clear()
    yield
    mutants = [name for name in images.built if not name.endswith(":good")]
    if mutants:
        subprocess.run([program.DOCKER, "rmi", "--force", *mutants], capture_output=True, check=False)
