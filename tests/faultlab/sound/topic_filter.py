"""A subscriber wants some of what is published, and gets that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab import zeromq
from faultlab.program import outlive, wait

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 40


def play(stage: Stage) -> None:
    address, came = zeromq.address(), str(stage.folder / "came.json")
    with (
        stage.start("shop", shop, address, OTEL_EDA_ZMQ_PROPAGATE="1") as shop_,
        stage.start("billing", billing, address, came, OTEL_EDA_ZMQ_PROPAGATE="1") as billing_,
    ):
        stage.finish(billing_)
        shop_.go_on()
        stage.finish(shop_)


def shop(address: str) -> None:
    with zeromq.sockets("XPUB") as [socket]:
        socket.bind(address)
        socket.recv()  # the subscription
        zeromq.send(socket, (b"%s %d" % ((b"ale", b"bread")[number % 2], number) for number in range(COUNT)))
        wait("sent")
        outlive()


def billing(address: str, came: str) -> None:
    with zeromq.sockets("SUB") as [socket]:
        socket.connect(address)
        socket.subscribe(b"ale")
        zeromq.receive(socket, came)
        outlive()
