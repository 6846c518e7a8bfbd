"""Catalogue of all scenarios, in the order of the report, and of what cannot be checked here.

Of the scenarios that wait for the first training job, the longest start first, and the one that needs the stopped and
resumed job too comes last.
"""

from local_test.check.hosting import scenarios
from local_test.check.image import inspection
from local_test.check.training import completion, conditions, failures, hosts, start, stop

ALL = (
    *inspection.SCENARIOS,
    *completion.SCENARIOS,
    *start.SCENARIOS,
    *stop.SCENARIOS,
    *hosts.SCENARIOS,
    *failures.SCENARIOS,
    *conditions.SCENARIOS,
    *scenarios.SCENARIOS,
)
NOT_CHECKABLE = {**completion.NOT_CHECKABLE, **scenarios.NOT_CHECKABLE}
"""Maps an item of the checklist to the reason why it, or a part of it, is not checked."""
