"""pyzmq 25 to 27."""

from __future__ import annotations

from otel_eda.core import Close, Handle, Library, ReceiveFuture, ReceiveOne, Replace, Reported, Send, Suppress

from . import aio, frames, sockets
from .errors import code, empty
from .known import forget, owner
from .messages import identify, outgoing, parts, reader, receipt

SOCKET = "zmq:Socket"
ASYNC = "zmq._future:_AsyncSocket"
ANSWER = Reported(aio.report)
RECEIVES = ("recv_string", "recv_unicode", "recv_json", "recv_pyobj", "recv_serialized")


def pull(call: str) -> ReceiveOne:
    """Return the shape of a call that receives a message, or its last part."""
    return ReceiveOne(f"{SOCKET}.{call}", "recv", ("flags",), reader)


LIBRARY = Library(
    name="pyzmq",
    system="zeromq",
    package="zmq",
    distribution="pyzmq",
    supported=((25,), (28,)),
    identify=identify,
    empty=empty,
    code=code,
    owner=owner,
    forget=forget,
    shapes=(
        Replace(Send(f"{SOCKET}.send", ("data", "flags"), outgoing, None, None, receipt), frames.send),
        Send(f"{SOCKET}.send_multipart", ("msg_parts", "flags"), parts, None, None, receipt),
        Replace(pull("recv"), frames.recv),
        Replace(pull("recv_multipart"), frames.recv_multipart),
        Replace(pull("recv_into?"), frames.recv_into),
        *map(pull, RECEIVES),
        Replace(f"{SOCKET}.get", sockets.get),
        Replace(f"{SOCKET}.getsockopt", sockets.get),
        Replace(f"{SOCKET}.set", sockets.set_),
        Replace(f"{SOCKET}.setsockopt", sockets.set_),
        Replace("zmq:sugar.poll.zmq_poll", sockets.poll),
        Replace(f"{SOCKET}.bind", sockets.attach),
        Replace(f"{SOCKET}.connect", sockets.attach),
        Replace(Close(f"{SOCKET}.close"), sockets.close),
        Send(f"{ASYNC}.send", ("data", "flags"), outgoing, None, ANSWER, aio.receipt),
        Send(f"{ASYNC}.send_multipart", ("msg_parts", "flags"), parts, None, ANSWER, aio.receipt),
        *(ReceiveFuture(f"{ASYNC}.{call}", "recv") for call in ("recv", "recv_multipart", "recv_into?", *RECEIVES)),
        Replace(f"{ASYNC}._deserialize", aio.deserialize),
        Replace(f"{ASYNC}._add_recv_event", aio.receive),
        Replace(f"{ASYNC}._add_send_event", aio.send),
        Suppress(f"{ASYNC}._handle_recv", ("send", "receive")),
        Replace(f"{ASYNC}._handle_send", aio.send_next),
        Replace("zmq._future:_AsyncPoller.poll", aio.poll),
        Handle("zmq.eventloop.zmqstream:ZMQStream._run_callback", end=True),
    ),
)
