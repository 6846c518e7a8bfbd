"""Workers and GPUs, with files in place of NVIDIA's devices: the server only counts those."""

import time
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.support.helpers import Server, serving

pytestmark = pytest.mark.engine
_HOOKS = """
import os
def model_fn(model_dir): return None
def transform_fn(model, body, content_type, accept): return os.environ["CUDA_VISIBLE_DEVICES"], "text/csv"
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"0", "1"}),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, {"2", "3"}),
        ({"CUDA_VISIBLE_DEVICES": "GPU-8932f937"}, {"GPU-8932f937"}),
        ({"CUDA_VISIBLE_DEVICES": ""}, {""}),
    ],
)  # fmt: skip
def test_each_worker_has_a_gpu_of_those_that_the_user_has_chosen(
    variables: dict[str, str], expected: set[str], tmp_path: Path
) -> None:
    code = tmp_path / "opt-ml" / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(_HOOKS)
    (tmp_path / "device").touch()
    devices = [word for number in range(4) for word in ("--volume", f"{tmp_path}/device:/dev/nvidia{number}")]
    variables |= {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
    with serving(tmp_path / "opt-ml", tmp_path / "log", IMAGE, variables, devices) as server:
        found = _of_the_workers(server, len(expected))
    assert found == expected


def _of_the_workers(server: Server, count: int) -> set[str]:
    """Ask until *count* different answers have come, and some more times, so that a wrong one would show."""
    found: set[str] = set()
    deadline, asked = time.monotonic() + 30, 0
    while asked < 20 or (len(found) < count and time.monotonic() < deadline):
        answer = server.post(b"x", "text/csv")
        assert answer.status_code == 200, answer.text
        found.add(answer.text)
        asked += 1
    return found
