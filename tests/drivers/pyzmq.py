"""pyzmq, 25 and later: PUSH and PULL sockets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import zmq

from drivers.base import (
    PATIENCE,
    By,
    Can,
    Consumer,
    Driver,
    Message,
    Pending,
    Producer,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
    Verbs,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.base import BadCall

CONTEXT = zmq.Context()
RECONNECT = 20  # ms


def socket(kind: int, client: str | None) -> zmq.Socket[bytes]:
    """Make a socket; the producer connects to where the consumer will be bound, so either may come first."""
    made: zmq.Socket[bytes] = CONTEXT.socket(kind)
    made.setsockopt(zmq.RECONNECT_IVL, RECONNECT)
    if client:
        made.setsockopt(zmq.IDENTITY, client.encode())
    return made


class Sent(Pending):
    def __init__(self, native: Any) -> None:
        self.native = native

    def wait(self) -> Receipt:
        return Receipt(self.native, None, None)


class PushProducer(Producer):
    def __init__(self, address: str, endpoint: str, how: Sending) -> None:  # noqa: ARG002
        self.native = socket(zmq.PUSH, how.client)
        self.native.connect(endpoint)

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        body = message.value or b""
        if by is By.POSITION:
            return Sent(self.native.send(body, 0, True, False))
        if by is By.NAME:
            return Sent(self.native.send(data=body, flags=0, copy=True, track=False))
        return Sent(self.native.send(body))

    def flush(self) -> None:
        """Do nothing: all is on its way."""

    def close(self) -> None:
        self.native.close()


class PullConsumer(Consumer):
    def __init__(self, address: str, endpoints: tuple[str, ...], how: Reading) -> None:  # noqa: ARG002
        self.endpoint = endpoints[0]
        self.native = socket(zmq.PULL, how.client)
        self.native.setsockopt(zmq.RCVTIMEO, int(how.patience * 1000))
        for endpoint in endpoints:
            bind(self.native, endpoint)

    def read(self, native: Any) -> Received:
        return Received(native, self.endpoint, native, None, (), None, None)

    def close(self) -> None:
        self.native.close()

    def pull(self) -> Any:
        try:
            return self.native.recv()
        except zmq.Again:
            raise TimeoutError("a message was to come") from None


def bind(native: zmq.Socket[bytes], endpoint: str) -> None:
    """Bind a socket, when the one that was bound there before, and is closed, is gone."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            native.bind(endpoint)
        except zmq.ZMQError as error:  # noqa: PERF203
            if error.errno != zmq.EADDRINUSE or time.monotonic() > end:
                raise
            time.sleep(0.005)
        else:
            return


class Pyzmq(Driver):
    name: ClassVar = "pyzmq"
    library: ClassVar = "pyzmq"
    module: ClassVar = "zmq"
    system: ClassVar = "zeromq"
    broker: ClassVar = "loopback"
    private: ClassVar = "loopback"
    destinations: ClassVar = "endpoints"
    producers: ClassVar[type[Producer]] = PushProducer
    consumers: ClassVar[type[Consumer]] = PullConsumer
    cannot: ClassVar = {
        Can.HEADERS: "its messages are frames; otel-eda removes the frame that carries context",
        Can.REPEATED_HEADERS: "messages have no headers",
        Can.ORDER: "messages have no headers",
        Can.NULL_HEADERS: "messages have no headers",
        Can.KEYS: "messages have no keys",
        Can.TOMBSTONES: "a message has at least one frame",
        Can.ACKS: "there is no broker; a send ends when the library has taken the message",
        Can.NO_ACKS: "there is no broker",
        Can.HOLD: "a message is sent at once",
        Can.PARTITIONS: "there are no partitions",
        Can.REFUSALS: "there is no broker",
        Can.ABANDON: "a send has no answer to wait for",
        Can.GROUPS: "there are no groups",
        Can.SETTLE: "there is nothing to settle",
        Can.SETTLE_LATER: "there is nothing to settle",
        Can.SEVERAL: "a socket that is bound to several addresses does not say which address a message came by",
        Can.REWIND: "nothing keeps messages",
        Can.HOOKS: "the library calls no code of the application",
        Shape.LOOP: "a socket is not iterable",
        Shape.BATCH: "each call returns one message",
        Shape.CALLBACK: "the library calls no code of the application",
    }
    shapes: ClassVar = (Shape.PULL,)
    verbs: ClassVar = Verbs(send="send", receive="recv", settle="")
    known: ClassVar = frozenset({"messaging.client.id", "server.address", "server.port"})
    cloudevents: ClassVar = "ce_traceparent"
    batch_type: ClassVar = list
    classes: ClassVar[tuple[type, ...]] = (zmq.Socket,)
    sender: ClassVar[tuple[type, str]] = (zmq.Socket, "send")
    settings: ClassVar = {"OTEL_EDA_ZMQ_PROPAGATE": "1"}

    def server(self, address: str, destination: str) -> str:  # noqa: ARG002
        return destination.removeprefix("tcp://")

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:  # noqa: ARG002
        return {
            "send: nothing": lambda producer, _: producer.native.send(),
            "send: value of a wrong type": lambda producer, _: producer.native.send("text"),
            "send: no value": lambda producer, _: producer.native.send(None),
            "send: unknown argument": lambda producer, _: producer.native.send(b"1", bogus=1),
            "send: argument twice": lambda producer, _: producer.native.send(b"1", data=b"1"),
            "send: flags of a wrong type": lambda producer, _: producer.native.send(b"1", "soon"),
            "send: too many": lambda producer, _: producer.native.send(b"1", *[None] * 9),
            "send: to a socket that receives": lambda _, consumer: consumer.native.send(b"1"),
            "send_multipart: nothing": lambda producer, _: producer.native.send_multipart(),
            "send_multipart: no parts": lambda producer, _: producer.native.send_multipart([]),
            "send_multipart: a number": lambda producer, _: producer.native.send_multipart(7),
            "send_multipart: part of a wrong type": lambda producer, _: producer.native.send_multipart([b"1", 2]),
            "send_string: bytes": lambda producer, _: producer.native.send_string(b"1"),
            "send_json: what is none": lambda producer, _: producer.native.send_json(object()),
            "recv: from a socket that sends": lambda producer, _: producer.native.recv(),
            "recv: flags of a wrong type": lambda _, consumer: consumer.native.recv("soon"),
            "recv: unknown argument": lambda _, consumer: consumer.native.recv(bogus=1),
            "recv: without waiting": lambda _, consumer: consumer.native.recv(zmq.NOBLOCK),
            "recv_multipart: too many": lambda _, consumer: consumer.native.recv_multipart(*[None] * 9),
            "recv_json: without waiting": lambda _, consumer: consumer.native.recv_json(zmq.NOBLOCK),
            "get: nothing": lambda producer, _: producer.native.get(),
            "get: what is no option": lambda producer, _: producer.native.get(-1),
            "bind: nothing": lambda producer, _: producer.native.bind(),
            "connect: nonsense": lambda producer, _: producer.native.connect("nonsense"),
            "poll: a word": lambda _, consumer: consumer.native.poll("soon"),
        }


DRIVER = Pyzmq()
