"""What the training benchmark keeps between two starts."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.training.__main__ import finished
from tests.bench.training.clock import Clock

ORIGIN = {"code": "0a1b", "cpu": "one with AMX"}


def test_a_resumed_run_has_its_earlier_epochs_and_adds_their_seconds(tmp_path: Path) -> None:
    before = Clock(tmp_path)
    for epoch in range(3):
        before.lap([np.full(2, epoch, np.float32)])
    after = Clock(tmp_path)
    after.resume(2)  # the third epoch has no checkpoint, so it is trained again
    after.lap([np.full(2, 7, np.float32)])
    assert [float(weights[0]) for _, _, [weights] in after.laps] == [0, 1, 7]
    assert [lap[:2] for lap in after.laps[:2]] == [lap[:2] for lap in before.laps[:2]]
    (wall, cpu, _), (wall_before, cpu_before, _) = after.laps[2], before.laps[1]
    assert wall >= wall_before
    assert cpu >= cpu_before


def test_only_runs_of_the_same_committed_code_and_cpu_are_not_repeated(tmp_path: Path) -> None:
    output = tmp_path / "training.json"

    def recipes(origin: dict[str, Any]) -> list[str]:
        return [run["recipe"] for run in finished(output, origin)]

    assert recipes(ORIGIN) == []
    runs = [ORIGIN | {"recipe": "quick"}, {"recipe": "of an earlier version"}, ORIGIN | {"cpu": "x", "recipe": "best"}]
    output.write_text(json.dumps({"runs": runs}))
    assert recipes(ORIGIN) == ["quick"]
    assert recipes(ORIGIN | {"code": "0a1b+"}) == []
