"""The images of the zoo and their expected verdicts.

folder with Dockerfile and expected.toml  ->  load  ->  Image
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from local_test.check.core.points import Part, Verdict
from tests.contract.check.images import CONTENT_TYPE, MODEL, PAYLOAD, TRAINING, laid

ZOO = Path(__file__).parent
_SHARED = re.compile(r"^COPY server\.py", re.MULTILINE)


@dataclass(frozen=True)
class Expectation:
    """A fault that the contract demands the check to find; every other point has none."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Image:
    """An image: how it is built and checked, and what is wrong with it."""

    name: str
    """Folder below the zoo, such as "web/go"."""
    title: str
    source: str
    """Address of the documentation that it follows."""
    parts: tuple[Part, ...]
    payload: str
    """File in its folder; empty for the payload of all others."""
    content_type: str
    faults: dict[str, Expectation]
    """By point."""

    @property
    def folder(self) -> Path:
        return ZOO / self.name

    @property
    def context(self) -> Path:
        """Folder for `docker build`: its own, or the one above for a server that several images share."""
        shared = _SHARED.search(self.dockerfile) and not (self.folder / "server.py").exists()
        return self.folder.parent if shared else self.folder

    @property
    def dockerfile(self) -> str:
        return (self.folder / "Dockerfile").read_text(encoding="utf-8")

    @property
    def packages(self) -> dict[str, str]:
        """Versions of the packages that the Dockerfile pins."""
        return dict(re.findall(r'([\w-]+)(?:\[\w+\])?==([^\s"]+)', self.dockerfile))

    def options(self, scratch: Path) -> list[str]:
        """Return the options of `check`; their files are in the image's folder, or laid into *scratch*."""
        words = [] if len(self.parts) > 1 else ["--only", self.parts[0]]
        if Part.TRAINING in self.parts:
            words += ["--data", f"training={laid(scratch / 'data', TRAINING)}", "-p", "epochs=5"]
        if Part.HOSTING in self.parts:
            model = self.folder / "model"
            payload = self.folder / self.payload if self.payload else scratch / "payload"
            if not self.payload:
                payload.write_bytes(PAYLOAD)
            model = model if model.is_dir() else laid(scratch / "model", MODEL)
            words += ["--model", str(model), "--payload", str(payload), "--content-type", self.content_type]
        return words


def load(folder: Path) -> Image:
    """Read *folder*; KeyError or ValueError for an expected.toml that lacks something or has a wrong verdict."""
    content = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    faults = {
        point: Expectation(Verdict(fault["verdict"]), fault["reason"])
        for point, fault in content.get("faults", {}).items()
    }
    return Image(
        str(folder.relative_to(ZOO)),
        content["title"],
        content["source"],
        tuple(Part(part) for part in content["parts"]),
        content.get("payload", ""),
        content.get("content_type", CONTENT_TYPE),
        faults,
    )


def every() -> list[Image]:
    """Return all images, in the order of the table."""
    groups = ("web", "frameworks", "training")
    return [load(path.parent) for group in groups for path in sorted((ZOO / group).glob("*/Dockerfile"))]
