"""gunicorn's logger without a line for each request, which costs about as much as a small network."""

import logging
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):  # type: ignore[misc] # gunicorn has no types
    """Logs requests only at level DEBUG; those that are refused are logged by the application anyway."""

    def access(self, *arguments: Any) -> None:
        """Log an answered request, if somebody wants to see it."""
        if self.access_log.isEnabledFor(logging.DEBUG):
            super().access(*arguments)
