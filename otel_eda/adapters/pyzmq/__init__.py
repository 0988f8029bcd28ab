"""pyzmq 25 to 27."""

from __future__ import annotations

from otel_eda.core import Change, Close, Library, PullOne, Send

from . import frames, sockets
from .messages import empty, identify, outgoing, parts, reader, receipt

SOCKET = "zmq:Socket"


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
    shapes=(
        Change(Send(f"{SOCKET}.send", ("data", "flags"), outgoing, None, None, receipt), frames.send),
        Send(f"{SOCKET}.send_multipart", ("msg_parts", "flags"), parts, None, None, receipt),
        Change(pull("recv"), frames.recv),
        Change(pull("recv_multipart"), frames.recv_multipart),
        Change(pull("recv_into"), frames.recv_into),
        pull("recv_string"),
        pull("recv_unicode"),
        pull("recv_json"),
        pull("recv_pyobj"),
        pull("recv_serialized"),
        Change(f"{SOCKET}.get", sockets.get),
        Change(f"{SOCKET}.getsockopt", sockets.get),
        Change("zmq:sugar.poll.zmq_poll", sockets.poll),
        Change(f"{SOCKET}.bind", sockets.attach),
        Change(f"{SOCKET}.connect", sockets.attach),
        Change(Close(f"{SOCKET}.close"), sockets.close),
    ),
)
