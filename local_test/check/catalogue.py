"""All scenarios of the check, in the order of its table, and what none of them can find out."""

from local_test.check.hosting import scenarios
from local_test.check.image import inspection
from local_test.check.training import completion, conditions, failures, hosts, start, stop

ALL = (
    *inspection.SCENARIOS,
    *completion.SCENARIOS,
    *conditions.SCENARIOS,
    *start.SCENARIOS,
    *failures.SCENARIOS,
    *stop.SCENARIOS,
    *hosts.SCENARIOS,
    *scenarios.SCENARIOS,
)
NOT_CHECKABLE = {**completion.NOT_CHECKABLE, **scenarios.NOT_CHECKABLE}
"""Reasons by the item of the checklist, for it or the rest of it."""
