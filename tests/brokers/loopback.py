"""Where there is no broker: addresses on this machine that nobody else uses."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


class Loopback:
    """Stands where others have a broker."""

    address = f"{HOST}:0"

    def __init__(self) -> None:
        self._used: set[int] = set()

    def endpoint(self) -> str:
        """Give an endpoint that is free, and was never given before."""
        while True:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = probe.getsockname()[1]
            if port not in self._used:
                self._used.add(port)
                return f"tcp://{HOST}:{port}"
