"""A publisher starts to publish before its subscriber is there: nobody keeps the first messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab import zeromq
from faultlab.program import outlive, wait

if TYPE_CHECKING:
    from faultlab.stage import Stage

EARLY, COUNT = 5, 20


def play(stage: Stage) -> None:
    address, came = zeromq.address(), str(stage.folder / "came.json")
    with stage.start("shop", shop, address, came, OTEL_EDA_ZMQ_PROPAGATE="1") as shop_:
        shop_.wait_for("first")
        with stage.start("billing", billing, address, came, OTEL_EDA_ZMQ_PROPAGATE="1") as billing_:
            stage.finish(billing_)
        shop_.go_on()
        stage.finish(shop_)


def shop(address: str, came: str) -> None:
    with zeromq.sockets("XPUB") as [socket]:
        socket.bind(address)
        bodies = [b"%d" % number for number in range(COUNT)]
        traces = zeromq.send(socket, bodies[:EARLY])
        print("first", flush=True)
        socket.recv()  # the subscription
        traces |= zeromq.send(socket, bodies[EARLY:])
        wait("sent")
        zeromq.lost(traces, came)
        outlive()


def billing(address: str, came: str) -> None:
    with zeromq.sockets("SUB") as [socket]:
        socket.connect(address)
        socket.subscribe(b"")
        zeromq.receive(socket, came)
        outlive()
