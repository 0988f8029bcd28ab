"""pyzmq 25 to 27."""

from __future__ import annotations

from otel_eda.core import Change, Close, Library, PullLater, PullOne, Send, within

from . import aio, frames, sockets
from .known import forget, owner
from .messages import empty, identify, outgoing, parts, reader, receipt

SOCKET = "zmq:Socket"
ASYNC = "zmq._future:_AsyncSocket"
RECEIVES = ("recv_string", "recv_unicode", "recv_json", "recv_pyobj", "recv_serialized")


def pull(call: str) -> PullOne:
    """Give the shape of a call that receives a message, or its last part."""
    return PullOne(f"{SOCKET}.{call}", "recv", ("flags",), reader)


LIBRARY = Library(
    name="pyzmq",
    system="zeromq",
    package="zmq",
    distribution="pyzmq",
    supported=((25,), (28,)),
    identify=identify,
    empty=empty,
    owner=owner,
    forget=forget,
    shapes=(
        Change(Send(f"{SOCKET}.send", ("data", "flags"), outgoing, None, None, receipt), frames.send),
        Send(f"{SOCKET}.send_multipart", ("msg_parts", "flags"), parts, None, None, receipt),
        Change(pull("recv"), frames.recv),
        Change(pull("recv_multipart"), frames.recv_multipart),
        Change(pull("recv_into?"), frames.recv_into),
        *map(pull, RECEIVES),
        Change(f"{SOCKET}.get", sockets.get),
        Change(f"{SOCKET}.getsockopt", sockets.get),
        Change(f"{SOCKET}.set", sockets.set_),
        Change(f"{SOCKET}.setsockopt", sockets.set_),
        Change("zmq:sugar.poll.zmq_poll", sockets.poll),
        Change(f"{SOCKET}.bind", sockets.attach),
        Change(f"{SOCKET}.connect", sockets.attach),
        Change(Close(f"{SOCKET}.close"), sockets.close),
        Send(f"{ASYNC}.send", ("data", "flags"), outgoing, None, aio.report, aio.receipt),
        Send(f"{ASYNC}.send_multipart", ("msg_parts", "flags"), parts, None, aio.report, aio.receipt),
        *(PullLater(f"{ASYNC}.{call}", "recv") for call in ("recv", "recv_multipart", "recv_into?", *RECEIVES)),
        Change(f"{ASYNC}._deserialize", aio.deserialize),
        Change(f"{ASYNC}._add_recv_event", aio.receive),
        Change(f"{ASYNC}._add_send_event", aio.send),
        Change(f"{ASYNC}._handle_recv", within),
        Change(f"{ASYNC}._handle_send", aio.send_next),
        Change("zmq._future:_AsyncPoller.poll", aio.poll),
    ),
)
