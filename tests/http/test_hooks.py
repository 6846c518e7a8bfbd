"""A model's own code/inference.py: its hooks answer, what it lacks the server does, a broken one ends the server."""

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.support import hooks
from tests.support.helpers import Job, Server, encoded, instances, npy, refused_start, serving
from tests.support.waiting import wait_until

PIXELS = np.random.default_rng(1).integers(1, 255, (4, 32, 32, 1), dtype=np.uint8)
JSON, NPY = "application/json", "application/x-npy"


def packed(job: Job, base: Path, files: Mapping[str, str], *, with_model: bool = True) -> Path:
    """Make what model.tar.gz unpacks to: the job's model, if wanted, and code/."""
    if with_model:
        shutil.copytree(job.base / "model", base / "model")
    (base / "model" / "code").mkdir(parents=True)
    for name, text in files.items():
        (base / "model" / "code" / name).write_text(text)
    return base


def says(server: Server, text: str) -> bool:
    """Wait until the log has *text*: what a container writes takes a moment to come here."""
    return wait_until(lambda: text in server.log.read_text(), 60, f"the log says: {text}", server.log.read_text)


@pytest.fixture(scope="module")
def every(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """All four hooks, and no model of this image's kind."""
    files = {"inference.py": hooks.EVERY_HOOK, "helper.py": "SCALE = 3\n", "requirements.txt": "torch\n"}
    base = packed(job, tmp_path_factory.mktemp("every"), files, with_model=False)
    with serving(base, base / "log", image, {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}) as server:
        yield server


@pytest.fixture(scope="module")
def predicting(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """predict_fn alone, named by the variables that the SDK sets."""
    base = packed(job, tmp_path_factory.mktemp("predicting"), {"mine.py": hooks.ONLY_PREDICT})
    folder = "/opt/ml/model/code" if image else str(base / "model" / "code")
    variables = {"SAGEMAKER_PROGRAM": "mine.py", "SAGEMAKER_SUBMIT_DIRECTORY": folder}
    with serving(base, base / "log", image, variables) as server:
        yield server


@pytest.fixture(scope="module")
def plain(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same model without hooks, to compare with."""
    with serving(job.base, tmp_path_factory.mktemp("plain") / "log") as server:
        yield server


def test_all_hooks_answer_in_their_own_formats(every: Server) -> None:
    answer = every.post(b'{"values": [1, 2]}', f"{JSON}; charset=utf-8")
    assert (answer.status_code, answer.json(), answer.headers["Content-Type"]) == (200, [3, 6], JSON)
    answer = every.post(b'{"values": [1, 2]}', JSON, Accept="application/json;q=0.5, text/plain")
    assert (answer.text, answer.headers["Content-Type"]) == ("3 6", "text/plain")
    assert every.post(npy(np.array([4.0])), NPY).json() == [12.0]


def test_a_byte_order_mark_is_not_part_of_the_text(every: Server) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert every.post('{"values": [1]}'.encode(encoding), JSON).json() == [3]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"{", JSON, 400, "Expecting property name"),  # a ValueError of input_fn
        (b"\xff", JSON, 400, "the body is not UTF-8"),
        (npy(np.array([None], object)), NPY, 400, "pickle"),  # by the toolkit's decoder
        (b"x", "text/html", 415, "text/html is not supported"),
        (b'{"values": "teapot"}', JSON, 418, "a teapot, as was asked for"),
        (b"{}", JSON, 500, "internal error"),  # a KeyError: nobody knows whose mistake it is
    ],
)
def test_what_hooks_raise_becomes_a_status(
    every: Server, body: bytes, content_type: str, status: int, message: str
) -> None:
    answer = every.post(body, content_type)
    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert b"Traceback" not in answer.content


def test_the_description_says_which_routes_hooks_do_not_have(every: Server) -> None:
    text = requests.get(f"{every.url}/openapi.json", timeout=5).json()["info"]["description"]
    assert "`/execution-parameters` and the WebSocket do not exist" in text
    for path in ("/execution-parameters", "/invocations-bidirectional-stream"):
        assert requests.get(every.url + path, timeout=5).status_code == 404


def test_a_hook_that_calls_sys_exit_ends_no_thread(every: Server) -> None:
    for _ in range(20):
        answer = every.post(b'{"values": "exit"}', JSON)
        assert answer.status_code == 500
        assert answer.json()["error"].startswith("internal error")
    assert every.post(b'{"values": [1]}', JSON).json() == [3]
    assert says(every, "a hook raised SystemExit")


def test_ping_is_answered_while_hooks_that_were_quick_are_slow(every: Server) -> None:
    for _ in range(60):
        assert every.post(b'{"values": [1]}', JSON).status_code == 200
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(every.post, b'{"values": "nap"}', JSON)
        waiting = pool.submit(every.post, b'{"values": [1]}', JSON)  # its turn comes later
        assert says(every, "a nap begins")
        assert [requests.get(f"{every.url}/ping", timeout=2).status_code for _ in range(3)] == [200] * 3
        assert not slow.done()
        assert (slow.result().json(), waiting.result().json()) == ([], [3])


def test_the_log_names_the_hooks_and_what_is_not_installed(every: Server) -> None:
    assert says(every, "inference.py defines model_fn, input_fn, predict_fn, output_fn")
    assert says(every, "requirements.txt is not installed")


def test_nothing_is_written_beside_the_program(every: Server, predicting: Server) -> None:
    assert every.post(b'{"values": []}', JSON).status_code == 200
    for server in (every, predicting):
        assert not list(server.log.parent.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (instances(PIXELS), JSON),
        (npy(PIXELS), NPY),
        (b"\n".join(json.dumps(image.tolist()).encode() for image in PIXELS), "application/jsonlines"),
        (encoded(PIXELS[0, ..., 0], "PNG"), "image/png"),
    ],
)
def test_what_is_missing_the_server_does(predicting: Server, plain: Server, body: bytes, content_type: str) -> None:
    by_hooks = predicting.post(body, content_type).json()["predictions"]
    expected = plain.post(body, content_type).json()["predictions"]
    assert [one["probabilities"] for one in by_hooks] == [one["probabilities"][::-1] for one in expected]
    assert [one["class_id"] for one in by_hooks] == [42 - one["class_id"] for one in expected]
    csv = predicting.post(body, content_type, Accept="text/csv")
    assert (csv.headers["Content-Type"], len(csv.text.splitlines())) == ("text/csv", len(expected))


def test_lines_for_lines_in_a_batch_job(job: Job, image: str | None, tmp_path: Path) -> None:
    base = packed(job, tmp_path, {"inference.py": hooks.ONLY_PREDICT})
    body = b"\n".join(json.dumps(image.ravel().tolist())[1:-1].encode() for image in PIXELS)
    with serving(base, tmp_path / "log", image, {"SAGEMAKER_BATCH": "true"}) as server:
        answer = server.post(body, "text/csv")
    assert (answer.headers["Content-Type"], len(answer.text.splitlines())) == ("text/csv", len(PIXELS))


def test_a_prediction_of_another_kind_is_encoded_plainly(predicting: Server) -> None:
    dark = npy(np.zeros((2, 32, 32), np.uint8))
    assert predicting.post(dark, NPY).json() == {"dark": 2}
    assert predicting.post(dark, NPY, Accept="application/jsonlines").status_code == 406


def test_bad_requests_are_told_as_ever_and_bugs_stay_in_the_log(predicting: Server) -> None:
    for body, content_type, status in ((b"{", JSON, 400), (b"x", "text/html", 415), (b"", NPY, 400)):
        assert predicting.post(body, content_type).status_code == status
    answer = predicting.post(npy(np.full((1, 32, 32), 255, np.uint8)), NPY)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert says(predicting, "RuntimeError: secret words of a bug")
    assert says(predicting, ", in predict_fn")  # the traceback, for the author


def test_transform_fn_does_it_all(job: Job, image: str | None, tmp_path: Path) -> None:
    base = packed(job, tmp_path, {"inference.py": hooks.TRANSFORM}, with_model=False)
    with serving(base, tmp_path / "log", image) as server:
        answer = server.post(b"12345", "application/own", Accept="*/*", **{"X-Own": "header"})
    assert answer.text == "application/own 5 application/json header"


@pytest.mark.parametrize("kind", hooks.BROKEN)
def test_a_broken_program_ends_the_server_with_its_own_message(
    job: Job, image: str | None, tmp_path: Path, kind: str
) -> None:
    program, message = hooks.BROKEN[kind]
    text = refused_start(packed(job, tmp_path, {"inference.py": program}), image, "SAGEMAKER_MODEL_SERVER_WORKERS=1")
    assert [message in line for line in text.splitlines()].count(True) == 1
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("SAGEMAKER_PROGRAM=gone.py", "gone.py does not exist; SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY"),
        ("SAGEMAKER_PROGRAM=/home/me/inference.py", "expected the name of a .py file"),
        ("SAGEMAKER_SUBMIT_DIRECTORY=s3://bucket/sourcedir.tar.gz", "give the SDK's Model a source_dir too"),
    ],
)
def test_a_missing_program_ends_the_server(
    job: Job, image: str | None, tmp_path: Path, variable: str, message: str
) -> None:
    text = refused_start(packed(job, tmp_path, {"inference.py": hooks.TRANSFORM}), image, variable)
    assert "serve: " in text
    assert message in text
    assert "Traceback" not in text


def test_a_folder_without_a_program_is_skipped_with_a_message(job: Job, image: str | None, tmp_path: Path) -> None:
    base = packed(job, tmp_path, {"train.py": "raise SystemExit"})
    with serving(base, tmp_path / "log", image) as server:
        assert server.post(npy(PIXELS), NPY).status_code == 200
        assert says(server, "has no inference.py: nothing in it is used")


HANDLER = """
from model_hosting_container_standards.sagemaker import custom_invocation_handler


@custom_invocation_handler
async def invoke(request):
    return {"not": "run"}
"""


def test_unused_programs_are_logged_at_the_start(job: Job, image: str | None, tmp_path: Path) -> None:
    base = packed(job, tmp_path, {"model.py": "raise SystemExit"})
    (base / "model" / "model.py").write_text(HANDLER)
    (base / "model" / "inference.py").write_text("raise SystemExit")
    with serving(base, tmp_path / "log", image) as server:
        assert server.post(npy(PIXELS), NPY).status_code == 200
        ignored = "; its handlers in the style of model-hosting-container-standards, and their sessions, are ignored"
        assert says(server, f"model/model.py is not used: hooks are read from code/inference.py{ignored}")
        for name in ("model/inference.py", "model/code/model.py"):
            assert says(server, f'{name} is not used: hooks are read from code/inference.py"')


def test_handlers_beside_hooks_are_logged_as_ignored(job: Job, image: str | None, tmp_path: Path) -> None:
    handler = "\n\nasync def custom_sagemaker_ping_handler(request):\n    return None\n"
    base = packed(job, tmp_path, {"inference.py": hooks.ONLY_PREDICT + handler, "model.py": "used = True\n"})
    with serving(base, tmp_path / "log", image) as server:
        assert says(
            server, "inference.py: custom_sagemaker_ping_handler are ignored, and sessions with them; only hooks"
        )
        assert "model.py is not used" not in server.log.read_text()  # the program may import it
