"""The application's log is not ours to fill: what we have to say is said once."""

from __future__ import annotations

import logging

MOST = 100
"""How many different messages there are until we are switched off."""


class Once(logging.Filter):
    """Lets each message pass once, and no more than so many of them."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether it is news."""
        message = record.getMessage()
        if message in self.said or len(self.said) >= MOST:
            return False
        self.said.add(message)
        return True


once = Once()
logging.getLogger("otel_eda").addFilter(once)
