"""All scenarios of the check, in the order of its table, and what none of them can find out."""

from local_test.check import (
    hosting,
    inspection,
    training,
    training_conditions,
    training_failures,
    training_hosts,
    training_start,
    training_stop,
)

ALL = (
    *inspection.SCENARIOS,
    *training.SCENARIOS,
    *training_conditions.SCENARIOS,
    *training_start.SCENARIOS,
    *training_failures.SCENARIOS,
    *training_stop.SCENARIOS,
    *training_hosts.SCENARIOS,
    *hosting.SCENARIOS,
)
NOT_CHECKABLE = {**training.NOT_CHECKABLE, **hosting.NOT_CHECKABLE}
"""Reasons by the item of the checklist, for it or the rest of it."""
