"""As for the check's own tests: what a test has built is gone when it ends."""

from tests.contract.check.conftest import no_mutant_stays

__all__ = ["no_mutant_stays"]
