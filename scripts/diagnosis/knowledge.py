"""The table of known causes, and the search for the one that explains the evidence.

causes.toml  ->  Cause...;  Evidence  ->  diagnose  ->  Diagnosis | None
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.diagnosis.evidence import Evidence, Line

_PATTERNS = ("pattern", "unless", "needs")
_TABLE = Path(__file__).with_name("causes.toml")


@dataclass(frozen=True)
class Cause:
    """A known cause of failures, as causes.toml describes it."""

    id: str
    phase: str
    pattern: tuple[re.Pattern[str], ...]
    cause: str
    remedy: str
    source: str
    unless: tuple[re.Pattern[str], ...] = ()
    needs: tuple[re.Pattern[str], ...] = ()
    symptom: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """The cause of a failure, with the line that proves it."""

    id: str
    phase: str
    cause: str
    evidence: Line
    remedy: str
    source: str


@functools.cache
def causes() -> tuple[Cause, ...]:
    """Return the table: causes first, then symptoms, each in the order of the file."""
    entries = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["cause"]
    read = [Cause(**entry | {key: _compiled(entry.get(key, ())) for key in _PATTERNS}) for entry in entries]
    return tuple(sorted(read, key=lambda cause: cause.symptom))


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """Return the first cause of the table that the evidence proves; None if there is none, or nothing has failed."""
    if evidence.is_healthy:
        return None
    text = "\n".join(line.text for line in evidence.lines)
    for cause in causes():
        if any(pattern.search(text) for pattern in cause.unless):
            continue
        if not all(pattern.search(text) for pattern in cause.needs):
            continue
        if proof := _proof(cause, evidence.lines):
            line, groups = proof
            words = {**evidence.known, **groups}
            return Diagnosis(
                cause.id, cause.phase, _filled(cause.cause, words), line, _filled(cause.remedy, words), cause.source
            )
    return None


def _proof(cause: Cause, lines: Sequence[Line]) -> tuple[Line, Mapping[str, str]] | None:
    """Return the line that proves *cause*, and its named groups; of a symptom the last one, which ended the program."""
    for line in reversed(lines) if cause.symptom else lines:
        for pattern in cause.pattern:
            if match := pattern.search(line.text):
                return line, {name: text for name, text in match.groupdict().items() if text}
    return None


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Fill {groups} and the capital words that are known; a group that matched nothing becomes a capital word."""
    filled = re.sub(r"\{(\w+)\}", lambda match: words.get(match[1]) or match[1].upper(), text)
    return re.sub(r"\b(IMAGE|NAME|REGION|ROLE|CODE)\b", lambda match: words.get(match[1]) or match[1], filled)


def _compiled(patterns: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)
