"""What starts first in an image, found as the engine, the kernel, shells and Python find it.

    ENTRYPOINT + [train or serve]  ->  resolve  ->  Start

A name without a slash is searched on the PATH of ENV, all else from WORKDIR; links are followed. Only what certainly
fails is missing: a shell script that is more than one plain command, or a program that reads its arguments in its own
way, is believed.
"""

import posixpath
import re
from dataclasses import dataclass, field

from local_test.check.image.docker_image import File, Image

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
_INITS = ("tini", "tini-static", "docker-init", "dumb-init", "catatonit")
PYTHON = re.compile(r"(python|pypy)[\d.]*$")
_NOT_PLAIN = re.compile(r"[^\w./:@%+,-]")
_DEEPEST = 5
"""The kernel follows no more "#!" lines."""


@dataclass
class Start:
    """Files and commands of a start."""

    programs: list[File] = field(default_factory=list)
    """Executed, the one that the engine executes first; without the interpreters of "#!" lines."""
    scripts: list[tuple[str, File]] = field(default_factory=list)
    """Interpreter and the file that it reads, such as ("python", server.py)."""
    commands: list[list[str]] = field(default_factory=list)
    """Words of each program and interpreter."""
    texts: list[str] = field(default_factory=list)
    """Scripts after a shell's -c."""
    missing: list[str] = field(default_factory=list)
    """Programs and scripts that are not in the image."""
    lacking: list[tuple[str, str]] = field(default_factory=list)
    """Script, and the interpreter of its "#!" line that is not in the image."""


def resolve(image: Image, words: list[str]) -> Start:
    """Find what `docker run --entrypoint` with *words* starts."""
    start = Start()
    _execute(image, words, start, certain=True)
    return start


def shell_script(words: list[str]) -> tuple[str, list[str]] | None:
    """Return the script of `sh -c SCRIPT` and its arguments from $0 on; None for other commands."""
    if words and posixpath.basename(words[0]) in SHELLS:
        options, rest = _shell_options(words)
        if rest and any(re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", option) for option in options):
            return rest[0], rest[1:]
    return None


def _shell_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Return a shell's options without their values, such as pipefail, and the words after them."""
    options: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word in ("", "-", "--") or word[0] not in "-+":
            return options, [*([] if word == "--" else [word]), *rest]
        options.append(word)
        if word in ("--rcfile", "--init-file") or re.fullmatch(r"[-+][a-zA-Z]*[oO][a-zA-Z]*", word):
            next(rest, None)
    return options, []


def _execute(image: Image, words: list[str], start: Start, *, certain: bool) -> None:
    file = image.find(words[0])
    if file is None:
        start.missing += [words[0]] if certain else []
        return
    start.programs.append(file)
    start.commands.append(words)
    _interpret(image, file, start)
    name = posixpath.basename(words[0])
    if name in _INITS:
        rest = words[words.index("--") + 1 :] if "--" in words else _without_options(words[1:])
        if rest:
            # after the program's name, "--" is an argument of the program
            _execute(image, rest, start, certain="--" in words and words[1].startswith("-"))
    elif name == "env":
        if rest := _without_options(words[1:]):
            _execute(image, rest, start, certain=False)
    elif script := shell_script(words):
        # what a shell reads first may set another PATH, as conda's and nvm's files do
        reads = image.environment.get("BASH_ENV") or any(
            option == "--login" or re.fullmatch(r"-[a-zA-Z]*[il][a-zA-Z]*", option)
            for option in _shell_options(words)[0]
        )
        _run_script(image, *script, start, known_path=not reads)
    elif name in SHELLS or PYTHON.match(name):
        _read(image, name, words[1:], start)


def _without_options(words: list[str]) -> list[str]:
    """Drop options and the variables that `env` sets."""
    return next((words[index:] for index, word in enumerate(words) if word[:1] != "-" and "=" not in word), [])


def _run_script(image: Image, script: str, arguments: list[str], start: Start, *, known_path: bool) -> None:
    """Go on with a script that is one plain command, such as `exec python server.py "$@"`."""
    start.texts.append(script)
    words: list[str] = []
    for word in script.split():
        if word.strip('"') in ("$@", "$*"):
            words += arguments[1:]
        elif word.strip('"') == "$0":
            words += arguments[:1]
        else:
            words.append(word)
    replaced = words[:1] == ["exec"]
    words = words[1:] if replaced else words
    if words and words[0][:1] != "-" and not any(_NOT_PLAIN.search(word) for word in words):
        # without exec it may be a command of the shell's own
        _execute(image, words, start, certain=replaced and (known_path or "/" in words[0]))


def _read(image: Image, name: str, arguments: list[str], start: Start) -> None:
    """Find the script that a shell or Python reads: its first argument that is no option."""
    rest = _shell_options([name, *arguments])[1] if name in SHELLS else _after_python_options(arguments)
    if not rest or rest[0] in ("", "-"):
        return  # standard input, code or a module
    path = rest[0] if "/" in rest[0] else f"./{rest[0]}"
    if file := image.find(path) or (image.find(rest[0]) if name in SHELLS else None):
        start.scripts.append((name, file))
    elif not image.has(path):  # Python runs folders, too
        start.missing.append(rest[0])


def _after_python_options(arguments: list[str]) -> list[str]:
    """Return the script and its arguments; nothing for code or a module."""
    rest = iter(arguments)
    for word in rest:
        if word == "--check-hash-based-pycs" or re.fullmatch(r"-[a-zA-Z]*[WX]", word):
            next(rest, None)
        elif re.match(r"-[a-zA-Z]*[cm]", word) and word[1] not in "WX":
            return []
        elif word in ("", "-") or word[0] != "-":
            return [word, *rest]
    return []


def _interpret(image: Image, script: File, start: Start) -> None:
    """Follow the "#!" line of a script, and that of its interpreter."""
    file: File | None = script
    for _ in range(_DEEPEST):
        if file is None or not file.is_script:
            return
        words = _first_line(file)
        if not words:
            return
        start.scripts.append((_name(words), file))
        start.commands.append(words)
        for name in _interpreters(words):
            found = image.find(name)
            if found is None:
                start.lacking.append((file.path, name))
                return
        file = found


def _first_line(script: File) -> list[str]:
    """Return the interpreter and its argument, which the kernel does not split; a carriage return is left out."""
    words = script.head.split(b"\n", 1)[0][2:].decode("utf-8", "replace").strip().split(None, 1)
    if len(words) == 2 and posixpath.basename(words[0]) == "env" and words[1].startswith("-S"):  # env splits it itself
        return [words[0], *words[1][2:].split()]
    return words


def _interpreters(words: list[str]) -> list[str]:
    """Return the programs that a "#!" line names: a path, and what `env` searches on the PATH."""
    paths = [word if "/" in word else f"./{word}" for word in words[:1]]
    return paths + (_without_options(words[1:])[:1] if _is_env(words) else [])


def _name(words: list[str]) -> str:
    """Return the name of the program that reads the script."""
    words = _without_options(words[1:]) if _is_env(words) else words
    return posixpath.basename(words[0]).partition(" ")[0] if words else ""


def _is_env(words: list[str]) -> bool:
    return posixpath.basename(words[0]) == "env" if words else False
