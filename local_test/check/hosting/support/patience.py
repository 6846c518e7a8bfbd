"""Waiting that makes no verdict depend on the speed of the machine or of the model.

time of the payload's answer  ->  patience: how long any other answer may take before it counts as lost
/ping, again if it is late    ->  ping_twice: a busy machine delays one answer, a blocked server both
"""

from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import ServingContainer

SECONDS = 20.0
"""Patience with a model that answers at once; the platform's 60 s would take too long here."""
_SLOWER = 10
"""How much longer than the payload alone a request may take beside others."""


def of_the_model(served: ServingContainer) -> float:
    """Return the seconds that the model may need for a request beside others; 0 without a payload."""
    answer = served.payload_answer
    return _SLOWER * answer.seconds if answer else 0


def patience(served: ServingContainer) -> float:
    """Return the seconds after which a request counts as unanswered."""
    return SECONDS + of_the_model(served)


def is_late(served: ServingContainer, ping: wire.Answer) -> bool:
    """Return whether an answer of /ping is later than the platform waits, or none."""
    return ping.seconds > served.limits.ping_seconds or not ping.status


def ping_twice(served: ServingContainer) -> wire.Answer:
    """Request /ping, and once more if the answer is late; return the faster answer."""
    first = served.ping(seconds=SECONDS)
    if not is_late(served, first):
        return first
    second = served.ping(seconds=SECONDS)
    return first if is_late(served, second) else second
