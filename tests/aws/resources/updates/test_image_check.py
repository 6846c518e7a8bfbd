"""A new image is checked against the contract before the endpoint gets it, where the Docker engine has it."""

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.platform import container, engine
from tests.aws.cloud import IMAGE
from tests.aws.resources.updates.conftest import NAME, NEXT_IMAGE, Account, let_a_second_pass

MODEL = "s3://sagemaker-models/traffic-signs/model.tar.gz"
EMPTY = IMAGE.replace("abc", "without-a-program")


@pytest.fixture
def with_engine(account: Account) -> Account:
    if not container.engine_reachable():
        pytest.skip("no Docker engine")
    account.environment["DOCKER"] = engine.DOCKER
    return account


@pytest.fixture
def empty_image(with_engine: Account, tmp_path: Path) -> Iterator[str]:
    """An image without a program, and MODEL in S3."""
    path = tmp_path / "nothing.tar"
    tarfile.open(path, "w").close()
    words = [engine.DOCKER, "import", "--change", 'ENTRYPOINT ["serve"]', str(path), EMPTY]
    subprocess.run(words, check=True, capture_output=True)
    with_engine.s3.create_bucket(Bucket="sagemaker-models")
    model = tmp_path / "model.tar.gz"
    tarfile.open(model, "w:gz").close()
    with_engine.s3.upload_file(str(model), "sagemaker-models", "traffic-signs/model.tar.gz")
    yield EMPTY
    subprocess.run([engine.DOCKER, "rmi", EMPTY], check=False, capture_output=True)


def test_an_image_that_breaks_the_contract_does_not_get_to_the_endpoint(account: Account, empty_image: str) -> None:
    options = (NAME, "--image", empty_image, "--model-data", MODEL, "--yes")
    done = account.run("update", *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "broken  H1-serve" in done.stderr
    assert done.stderr.endswith(
        f"Error: {empty_image} breaks the container contract; nothing was changed. To update all the same: --no-check\n"
    )
    assert [name for name in account.changed() if name != "s3:HeadObject"] == []
    assert account.run("update", *options, "--no-check").returncode == 0


def test_without_the_image_or_an_engine_a_line_says_so(with_engine: Account) -> None:
    done = with_engine.run("update", NAME, "--image", NEXT_IMAGE, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"not checked against the contract: the Docker engine does not have {NEXT_IMAGE}\n" in done.stdout
    let_a_second_pass()
    done = with_engine.run("update", NAME, "--image", IMAGE, "--yes", DOCKER="/nowhere/docker")
    assert done.returncode == 0, done.stderr
    assert "not checked against the contract: there is no Docker engine\n" in done.stdout


def test_a_model_that_this_login_cannot_read_is_told(account: Account, empty_image: str) -> None:
    done = account.run("update", NAME, "--image", empty_image, "--model-data", f"{MODEL}.gone", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"not checked against the contract: this login cannot read {MODEL}.gone: " in done.stdout
