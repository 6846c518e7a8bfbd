"""What a training computes in."""

from collections.abc import Iterator

import keras
import pytest

from traffic_signs.model import instructions
from traffic_signs.training.fit import distribution


@pytest.fixture(autouse=True)
def _float32_afterwards() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def test_a_recipe_without_mixed_precision_computes_in_float32_everywhere() -> None:
    assert distribution.choose_precision(mixed=False) == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_mixed_precision_is_taken_where_the_cpu_multiplies_in_it() -> None:
    policy = "mixed_bfloat16" if instructions.has_bfloat16() else "float32"
    assert distribution.choose_precision(mixed=True) == policy
    assert keras.config.dtype_policy().name == policy
