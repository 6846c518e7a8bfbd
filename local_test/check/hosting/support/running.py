"""Server that runs already, for the judges that only send requests.

Subject with a URL  ->  RunningServer
"""

from local_test.check.core.points import Subject
from local_test.check.hosting.support.served import ServingContainer
from local_test.platform.profiles import LIMITS


class RunningServer(ServingContainer):
    """A server of which nothing is known but its address; it has no `endpoint`."""

    def __init__(self, subject: Subject) -> None:
        """Take the address from *subject*.

        Raises:
            ValueError: the subject has no URL.
        """
        if subject.url is None:
            raise ValueError("no URL to check")
        self.subject, self._address, self.limits = subject, subject.url, LIMITS[subject.profile]
        self.path, self.refusals = "/invocations", []

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        return self._address

    def healthy(self) -> bool:
        """Return whether /ping returns 200."""
        return self.ping().ok
