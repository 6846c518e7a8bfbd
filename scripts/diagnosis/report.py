"""Report on a failure, for people and as JSON."""

from collections.abc import Sequence
from typing import Any

from scripts.diagnosis.evidence import Evidence, Line
from scripts.diagnosis.knowledge import Diagnosis

_LAST_LINES = 15


def text(evidence: Evidence, diagnosis: Diagnosis | None) -> str:
    """Return the cause with its proof and remedy; without one, the end of the log."""
    if evidence.is_healthy:
        return f"{evidence.name}: {evidence.status}, nothing has failed"
    if diagnosis:
        return "\n".join(
            (
                f"cause     {diagnosis.cause}",
                f"evidence  {diagnosis.evidence.place}: {_short(diagnosis.evidence.text)}",
                f"remedy    {diagnosis.remedy}",
                f"source    {diagnosis.source}",
            )
        )
    if not evidence.has_failed:
        return "\n".join((f"{evidence.name}: no line matches a known cause of failures", *_tail(evidence.lines)))
    unknown = "cause     unknown: no line matches a known cause"
    return "\n".join((f"{evidence.name}: {evidence.status}", *_tail(evidence.lines), unknown))


def failed(title: str, evidence: Evidence, diagnosis: Diagnosis | None, next_step: str = "") -> str:
    """Return the report at the end of a command that waited for the resource: title, log, cause, what is left to do."""
    log = _tail([line for line in evidence.lines if line.place.startswith("log")])
    cause = f"likely cause: {diagnosis.cause}; {diagnosis.remedy}" if diagnosis else "likely cause: unknown"
    more = f"diagnosis of everything that AWS reports: python -m scripts.doctor {evidence.name}"
    return "\n".join(filter(None, (title, *log, cause, more, next_step)))


def as_json(evidence: Evidence, diagnosis: Diagnosis | None) -> dict[str, Any]:
    """Return the report as a JSON object."""
    found = diagnosis and {
        "id": diagnosis.id, "phase": diagnosis.phase, "cause": diagnosis.cause, "remedy": diagnosis.remedy,
        "source": diagnosis.source, "place": diagnosis.evidence.place, "evidence": diagnosis.evidence.text,
    }  # fmt: skip
    return {"name": evidence.name, "status": evidence.status, "diagnosis": found}


def _tail(lines: Sequence[Line]) -> list[str]:
    return [f"  | {_short(line.text)}" for line in lines[-_LAST_LINES:]] or ["  | (the log is empty)"]


def _short(line: str) -> str:
    """Replace control characters, which a terminal would obey, and shorten."""
    printable = "".join(character if character.isprintable() else " " for character in line).strip()
    return printable if len(printable) <= 300 else f"{printable[:297]}..."
