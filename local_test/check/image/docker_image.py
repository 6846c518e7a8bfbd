"""Image read without running it: configuration, files of a container that never starts, manifest.

    docker image inspect     ->  Image.config
    docker create, docker cp ->  Image.find, Image.files_below
    docker manifest inspect  ->  Image.pushed_media_types

Only the needed files are copied, so that an image of 10 GB takes no longer than a small one.
"""

import contextlib
import json
import posixpath
import re
import subprocess
import tarfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from local_test.platform import engine

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HEAD = 2**20
"""Bytes read of each file; scripts are shorter."""
_ABSENT = (
    "no such container:path", "could not find the file", "no such file or directory", "could not be found",
    "not a directory", "too many links",
)  # fmt: skip


class DockerError(Exception):
    """Docker reported an error; the message is its last line."""


@dataclass(frozen=True)
class File:
    """A file of the image; links are followed."""

    path: str
    mode: int
    head: bytes

    @property
    def is_script(self) -> bool:
        """Whether the file starts with "#!"."""
        return self.head.startswith(b"#!")


@dataclass(frozen=True)
class Image:
    """An image and a container of it that is never started."""

    name: str
    config: dict[str, Any]
    """Output of `docker image inspect`."""
    container: str
    _found: dict[str, File | None] = field(default_factory=dict)

    @property
    def run_config(self) -> dict[str, Any]:
        """Part of the configuration with entry point, command, environment and labels."""
        return self.config.get("Config") or {}

    @property
    def entrypoint(self) -> list[str]:
        """Words of ENTRYPOINT."""
        return self.run_config.get("Entrypoint") or []

    @property
    def command(self) -> list[str]:
        """Words of CMD."""
        return self.run_config.get("Cmd") or []

    @property
    def environment(self) -> dict[str, str]:
        """Variables of ENV."""
        return dict(pair.split("=", 1) for pair in self.run_config.get("Env") or [])

    @property
    def labels(self) -> dict[str, str]:
        """Labels of LABEL."""
        return self.run_config.get("Labels") or {}

    @property
    def registry(self) -> str:
        """Registry host at the start of the name; empty if there is none."""
        host, slash, _ = self.name.partition("/")
        return host if slash and ("." in host or ":" in host or host == "localhost") else ""

    def pushed_media_types(self) -> list[str]:
        """Return the media types in the registry: the manifest's, then those of its parts, without duplicates.

        Raises:
            DockerError: the registry does not respond, or has no such image.
        """
        insecure = ["--insecure"] if self.registry.partition(":")[0] in ("localhost", "127.0.0.1") else []
        try:
            manifest = json.loads(docker("manifest", "inspect", *insecure, self.name))
        except DockerError as error:
            # Docker before 23 does not support OCI types, and names the type in its error
            if named := re.search(r"application/vnd\.oci\.[\w.+-]+", str(error)):
                return [named[0]]
            raise
        parts = manifest.get("manifests") or [manifest.get("config", {}), *manifest.get("layers", [])]
        return list(dict.fromkeys([manifest.get("mediaType", ""), *(part.get("mediaType", "") for part in parts)]))

    def find(self, name: str) -> File | None:
        """Find a program as execvp does, or the file at path *name*; return None if there is none."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> File | None:
        folders = [""] if "/" in name else self.environment.get("PATH", _DEFAULT_PATH).split(":")
        found = None
        for folder in folders:
            path = self._absolute(posixpath.join(folder, name))
            member, head = self._first_member(path, _HEAD)
            if member and member.isfile():
                if member.mode & 0o111:
                    return File(path, member.mode, head)
                found = found or File(path, member.mode, head)  # used only if no executable file is found
        return found

    def has(self, path: str) -> bool:
        """Return whether there is a file or folder at *path*, which WORKDIR completes."""
        return self._first_member(self._absolute(path), 0)[0] is not None

    def _absolute(self, path: str) -> str:
        return posixpath.join(self.run_config.get("WorkingDir") or "/", path.removeprefix("./"))

    def _first_member(self, path: str, size: int) -> tuple[tarfile.TarInfo | None, bytes]:
        """Return what is at *path*, a folder without its content."""
        with contextlib.closing(self._members(path, size)) as members:
            return next(members, (None, b""))

    def files_below(self, folder: str, count: int) -> list[str]:
        """Return the paths of the first *count* files below *folder*."""
        names: list[str] = []
        for member, _ in self._members(folder, 0):
            if not member.isdir():
                names.append(posixpath.join(posixpath.dirname(folder), member.name))
            if len(names) == count:
                break
        return names

    def _members(self, path: str, size: int) -> Generator[tuple[tarfile.TarInfo, bytes], None, None]:
        """Yield the members at *path*, each with its first *size* bytes; nothing if *path* does not exist."""
        words = [engine.DOCKER, "cp", "--follow-link", f"{self.container}:{path}", "-"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 # both are pipes
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                    for member in archive:
                        content = archive.extractfile(member) if size and member.isfile() else None
                        yield member, content.read(size) if content else b""
            except tarfile.ReadError as error:
                message = process.stderr.read().decode(errors="replace").strip()
                if not any(words in message.lower() for words in _ABSENT):
                    raise DockerError(message or str(error)) from None
            finally:
                process.kill()


def docker(*words: str) -> str:
    """Return the output of `docker WORDS`.

    Raises:
        DockerError: its exit code is not 0.
    """
    return _output(subprocess.run([engine.DOCKER, *words], capture_output=True, check=False))


def _output(done: "subprocess.CompletedProcess[bytes]") -> str:
    if done.returncode != 0:
        raise DockerError(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return done.stdout.decode()


@contextlib.contextmanager
def open_image(name: str) -> Iterator[Image]:
    """Yield the image *name*; its container is removed at the end.

    Raises:
        DockerError: there is no such image, or no engine.
    """
    config = json.loads(docker("image", "inspect", name))[0]
    created = _output(engine.create("create", *engine.RUN_LABEL, name, "train")).split()[-1]
    try:
        yield Image(name, config, created)
    finally:
        docker("rm", "--force", "--volumes", created)
