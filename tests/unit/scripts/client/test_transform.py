"""What a transform job leaves in place of answers."""

from pathlib import Path

import pytest

from scripts import transform
from scripts.errors import Failure


def test_a_missing_or_invalid_answer_is_reported_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"no answer to 00000\.npy"):
        transform.read_answers(tmp_path, ["00000.npy"])
    (tmp_path / "00000.npy.out").write_text('{"error": "of shape [1, 3]"}')
    with pytest.raises(Failure, match=r"has no predictions: .*of shape"):
        transform.read_answers(tmp_path, ["00000.npy"])
