"""A test set for the commands that predict."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    path = tmp_path / "test.npz"
    np.savez(path, images=np.zeros((3, 32, 32, 1), np.uint8), labels=np.arange(3), names=np.array(["a", "b", "c"]))
    return path
