import hashlib
from pathlib import Path

import numpy as np

from traffic_signs.data.sources import synthetic


def digest(folder: Path) -> str:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in paths)).hexdigest()


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synthetic.write(tmp_path / name, seed, tracks=1, frames=1, tests=1)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_finished_work_is_not_done_again(tmp_path: Path) -> None:
    synthetic.write(tmp_path, 1, tracks=1, frames=1, tests=1)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    synthetic.write(tmp_path, 1, tracks=1, frames=1, tests=1)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_no_two_of_the_43_signs_look_alike_in_gray() -> None:
    gray = np.stack([np.asarray(synthetic.sign(label).convert("LA")).reshape(-1) for label in range(43)]).astype(int)
    distances = np.abs(gray[:, None] - gray[None]).mean(2) + 1000 * np.eye(43)
    assert distances.min() > 0.8


def test_frames_of_a_track_are_the_same_scene_and_come_nearer() -> None:
    frames = synthetic.draw_track(14, np.random.default_rng(5), 6)
    assert frames[0].width < frames[-1].width
    other = synthetic.draw_track(14, np.random.default_rng(6), 1)[0]
    small = [np.asarray(image.resize((16, 16))).astype(int) for image in (*frames, other)]
    assert np.abs(small[1] - small[2]).mean() < np.abs(small[1] - small[-1]).mean()
