"""What a test has built is gone when it ends; the good image stays, for its layers."""

from collections.abc import Iterator

import pytest

from tests.contract.check import images


@pytest.fixture(autouse=True)
def no_mutant_stays() -> Iterator[None]:
    images.built.clear()
    yield
    images.remove_mutants()
