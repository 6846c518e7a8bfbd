from tests.slow.fuzz import fuzz
from tests.support.helpers import Server


def test_malformed_requests_break_nothing(server: Server) -> None:
    outcome = fuzz(server, 1, range(1_000), 1_000)
    assert outcome.faults == []
    assert {200, 400, 406, 413, 415} <= outcome.statuses.keys()  # from the readers' depths to the edge
