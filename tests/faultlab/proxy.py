"""A proxy between a client and a broker that keeps the broker's answers back, or loses one, or is down."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from brokers.service import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    How = Callable[[bytes, threading.Event], None]

PRODUCE = b"\0\0"  # of a Kafka request, what follows its size


class Proxy:
    """Passes bytes on, both ways; `delay` is how many seconds the answer to a produce request waits.

    While it is `down`, each request ends its connection.
    """

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.listener = listener
        self.port = port
        self.delay = 0.0
        self.cut = False
        self.down = False

    def serve(self) -> None:
        """Take connections until the listener is shut."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection((HOST, self.port))
                produced = threading.Event()
                for way in ((self._asked, client, server), (self._answered, server, client)):
                    threading.Thread(target=self._pump, args=(*way, produced), daemon=True).start()

    @staticmethod
    def _pump(how: How, source: socket.socket, sink: socket.socket, produced: threading.Event) -> None:
        with suppress(OSError), source, sink:
            try:
                while data := source.recv(65536):
                    how(data, produced)
                    sink.sendall(data)
            finally:  # closed alone, they would stay open as long as the other way waits for bytes
                source.shutdown(socket.SHUT_RDWR)
                sink.shutdown(socket.SHUT_RDWR)

    def _asked(self, data: bytes, produced: threading.Event) -> None:
        if self.down:
            raise ConnectionAbortedError
        if data[4:6] == PRODUCE:
            produced.set()

    def _answered(self, _: bytes, produced: threading.Event) -> None:
        if not produced.is_set():
            return
        produced.clear()
        time.sleep(self.delay)
        if self.cut:
            self.cut = False
            raise ConnectionAbortedError


@contextmanager
def proxy(listens: int, port: int) -> Iterator[Proxy]:
    """Have a proxy on one port of the loopback before another."""
    with socket.create_server((HOST, listens)) as listener:
        made = Proxy(listener, port)
        threading.Thread(target=made.serve, daemon=True).start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
