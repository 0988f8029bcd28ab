"""Where there is no broker: addresses on this machine that nobody else uses."""

from __future__ import annotations

import random

from .service import HOST, PORTS, bindable


class Loopback:
    """Stands where others have a broker."""

    address = f"{HOST}:0"

    def __init__(self) -> None:
        self._used: set[int] = set()

    def endpoint(self) -> str:
        """Give an endpoint that is free, and was never given before."""
        port = next(port for port in random.sample(PORTS, len(PORTS)) if port not in self._used and bindable(port))
        self._used.add(port)
        return f"tcp://{HOST}:{port}"
