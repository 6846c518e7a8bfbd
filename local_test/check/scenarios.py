"""All scenarios of the check, in the order of its table."""

from local_test.check import inspection

ALL = inspection.SCENARIOS
