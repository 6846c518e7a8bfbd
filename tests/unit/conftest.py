"""This storey starts no container: the programs run on the host, where they are the same."""

import pytest


@pytest.fixture(scope="session", params=["bare"])
def image() -> None:
    """In place of the fixture for both places."""
