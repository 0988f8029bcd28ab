"""pyzmq: PUSH and PULL over loopback; the floor's context travels in a frame more."""

from __future__ import annotations

import json
from time import time_ns
from typing import TYPE_CHECKING

from . import VALUE

if TYPE_CHECKING:
    from .floor import Floor


class Application:
    def __init__(self, _: str, __: str, floor: Floor | None) -> None:
        import zmq

        self.floor = floor
        context = zmq.Context()
        self.push, self.pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        for socket in (self.push, self.pull):
            socket.set_hwm(0)
        port = self.pull.bind_to_random_port("tcp://127.0.0.1")
        self.push.connect(f"tcp://127.0.0.1:{port}")

    def send(self, count: int) -> None:
        for _ in range(count):
            if self.floor is None:
                self.push.send(VALUE)
                continue
            sent, carrier, token = self.floor.sending()
            self.push.send_multipart([VALUE, json.dumps(carrier).encode()])
            self.floor.called(token)
            self.floor.sent(sent)

    def receive(self, count: int) -> None:
        for _ in range(count):
            if self.floor is None:
                self.pull.recv()
                continue
            start = time_ns()
            _, carrier = self.pull.recv_multipart()
            self.floor.pulled(start)
            self.floor.end(self.floor.begin(json.loads(carrier), 0, {}))
