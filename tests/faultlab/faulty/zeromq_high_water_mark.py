"""A subscriber is slower than its publisher for longer than the queues between them have room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab import zeromq
from faultlab.program import outlive, wait

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, ROOM = 600, 10


def play(stage: Stage) -> None:
    address, came = zeromq.address(), str(stage.folder / "came.json")
    with (
        stage.start("shop", shop, address, came, OTEL_EDA_ZMQ_PROPAGATE="1") as shop_,
        stage.start("billing", billing, address, came, OTEL_EDA_ZMQ_PROPAGATE="1") as billing_,
    ):
        shop_.wait_for("sent")
        billing_.go_on()
        stage.finish(billing_)
        shop_.go_on()
        stage.finish(shop_)


def shop(address: str, came: str) -> None:
    with zeromq.sockets("XPUB") as [socket]:
        socket.sndhwm = ROOM
        socket.bind(address)
        socket.recv()  # the subscription
        traces = zeromq.send(socket, (b"%d" % number for number in range(COUNT)))
        wait("sent")
        zeromq.lost(traces, came)
        outlive()


def billing(address: str, came: str) -> None:
    with zeromq.sockets("SUB") as [socket]:
        socket.rcvhwm, socket.rcvbuf = ROOM, 1
        socket.connect(address)
        socket.subscribe(b"")
        wait("subscribed")
        zeromq.receive(socket, came)
        outlive()
