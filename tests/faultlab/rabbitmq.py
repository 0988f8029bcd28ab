"""What programs on RabbitMQ have in common."""

from __future__ import annotations

import os

VARIABLE = "FAULTLAB_RABBITMQ"


def address() -> str:
    """Give the broker's address, `host:port`."""
    return os.environ[VARIABLE]
