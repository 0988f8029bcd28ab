"""RabbitMQ, ZeroMQ and events inside a process: faults, and what is sound and looks like one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diagnosis.telemetry import Message, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cell import Cell

GAP = 0.1  # seconds between two messages
TRIP = 0.004  # seconds from the confirmation to the handler
UNROUTABLE = "eda.returned"


class Queue:
    """A cell's queue, from which a service takes messages and acknowledges each."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.name = cell, cell.named("mails")
        self.shop = cell.service("shop", system="rabbitmq")
        self.mailer = cell.service("mailer", system="rabbitmq")
        self.free = 0.0

    def send(self, at: float, destination: str | None = None, **more: Any) -> Message:
        """Send a message in a request of its own."""
        request = self.shop.other("POST /orders", at - 0.001, 0.004, kind=2)
        return self.shop.send(destination or self.name, at, parent=request, **more)

    def work(self, message: Message, at: float, **more: Any) -> Span:
        """Have the service work on a message."""
        self.free = at + 0.006
        return self.mailer.process(message, at, 0.005, **more)

    def settle(self, work: Span, verb: str = "ack", **more: Any) -> Span:
        """Acknowledge or refuse a message."""
        said = {"messaging.operation.name": verb, **more}
        made = self.mailer._span("settle", self.name, self.free - 0.0005, 0.0003, said, work)
        made.json["links"] = work.json["links"]
        return made

    def usual(self, at: float) -> None:
        """Send a message, work on it and acknowledge it."""
        self.settle(self.work(self.send(at), at + TRIP))


def _queue(cell: Cell, number: int) -> Queue:
    queue = Queue(cell)
    for turn in range(number):
        queue.usual(turn * GAP)
    return queue


def _moments(cell: Cell, number: int, count: int = 3) -> list[float]:
    """Return some times between two messages of the usual traffic."""
    return [(turn + 0.5) * GAP for turn in sorted(cell.luck.sample(range(number), count))]


def unroutable(cell: Cell, number: int) -> None:
    """EDA106: no queue is bound, so the broker returns it."""
    queue = _queue(cell, number)
    for at in _moments(cell, number):
        sent = queue.send(at, cell.named("nowhere"), error=UNROUTABLE).span
        cell.fault("EDA106", "CONFIRMED", sent, span_id=sent.id)


def overflowing(cell: Cell, number: int) -> None:
    """EDA105: a queue is full, and its oldest messages go to the dead letters."""
    queue, dead = _queue(cell, number), cell.named("mails.dead")
    clerk = cell.service("clerk", system="rabbitmq")
    for at in _moments(cell, number):
        message = queue.send(at)
        said = {"eda.message.death_count": 1, "eda.message.death_reason": "maxlen"}
        work = clerk.process(Message(message.span, dead, None, None), at + 2.0, said=said)
        cell.fault("EDA105", "CONFIRMED", message.span, work, span_id=work.id)
        cell.also("EDA405", destination=dead)
        cell.also("EDA501", "LIKELY", destination=dead)


def rejected(cell: Cell, number: int) -> None:
    """EDA104: a message fails and is refused for good, and there are no dead letters."""
    queue = _queue(cell, number)
    for at in _moments(cell, number):
        message = queue.send(at)
        work = queue.work(message, at + TRIP, error="ValueError")
        refusal = queue.settle(work, "reject", **{"eda.settle.requeue": False})
        cell.fault("EDA104", "LIKELY", message.span, work, refusal, span_id=work.id)


def buried(cell: Cell, number: int) -> None:
    """EDA405: a message is refused, and the broker puts it among the dead letters, which somebody reads."""
    queue, dead = _queue(cell, number), cell.named("mails.dead")
    clerk = cell.service("clerk", system="rabbitmq")
    for at in _moments(cell, number):
        message = queue.send(at)
        work = queue.work(message, at + TRIP, error="ValueError")
        queue.settle(work, "reject", **{"eda.settle.requeue": False})
        said = {"eda.message.death_count": 1, "eda.message.death_reason": "rejected"}
        grave = clerk.process(Message(message.span, dead, None, None), at + 0.5, said=said)
        cell.fault("EDA405", "CONFIRMED", message.span, grave, span_id=grave.id)


def requeued_for_ever(cell: Cell, number: int) -> None:
    """EDA402: a message fails and is put back, again and again, until somebody removes it."""
    queue = _queue(cell, number)
    for at in _moments(cell, number, 1):
        message = queue.send(at)
        works = []
        for turn in range(5):
            said = {"eda.message.redelivered": turn > 0}
            works.append(queue.work(message, at + TRIP + turn * 0.2, error="ValueError", said=said))
            queue.settle(works[-1], "nack", **{"eda.settle.requeue": True})
        cell.fault("EDA402", "LIKELY", message.span, *works, destination=queue.name)


def requeued_once(cell: Cell, number: int) -> None:
    """Sound: a message fails, is put back, and is done the second time."""
    queue = _queue(cell, number)
    for at in _moments(cell, number):
        message = queue.send(at)
        work = queue.work(message, at + TRIP, error="TimeoutError")
        queue.settle(work, "nack", **{"eda.settle.requeue": True})
        queue.settle(queue.work(message, at + 0.05, said={"eda.message.redelivered": True}))


def broadcast(cell: Cell, number: int) -> None:
    """Sound: each of three screens has a queue of its own, so each shows every message."""
    queue, name = _queue(cell, number), cell.named("news")
    screens = [cell.service("screen", system="rabbitmq") for _ in range(3)]
    for turn in range(number // 4):
        message = queue.send(turn * GAP, name)
        for which, screen in enumerate(screens):
            copy = Message(message.span, f"amq.gen-{cell.number}", None, None)
            screen.process(copy, turn * GAP + TRIP, said={"messaging.message.id": f"{turn}.{which}"})


def answered(cell: Cell, number: int) -> None:
    """Sound: a client asks and waits, a server answers into the client's own queue."""
    asks, answers = cell.named("prices"), cell.named("answers")
    client, server = (cell.service(role, system="rabbitmq") for role in ("shop", "prices"))
    for turn in range(number):
        at = turn * GAP
        call = client.other("get price", at, 0.04)
        question = client.send(asks, at + 0.001, parent=call)
        work = server.process(question, at + 0.008, 0.01)
        client.process(server.send(answers, at + 0.016, parent=work, took=0.001), at + 0.02)


def paused(cell: Cell, number: int) -> None:
    """Sound: a shutdown cuts a handler off, and the broker gives the message to the next process."""
    queue = _queue(cell, number)
    for at in _moments(cell, number):
        message = queue.send(at)
        queue.work(message, at + TRIP, said={"eda.process.abandoned": True})
        queue.settle(queue.work(message, at + 0.05, said={"eda.message.redelivered": True}))


def full_socket(cell: Cell, number: int) -> None:
    """EDA106: a ZeroMQ socket drops what its receiver does not take in time."""
    shop, screen = (cell.service(role, system="zeromq") for role in ("shop", "screen"))
    lost = set(cell.luck.sample(range(5, number - 5), 3))
    for turn in range(number):
        said = {"eda.sender.id": f"{cell.number:016x}", "eda.sender.sequence": turn}
        sent = shop.send(cell.named("ticks"), turn * GAP, said=said)
        if turn in lost:
            cell.fault("EDA106", "LIKELY", sent.span, span_id=sent.span.id)
        else:
            screen.process(sent, turn * GAP + TRIP, said=said)


def ping_pong(cell: Cell, number: int) -> None:
    """EDA404: two services send a message to and fro."""
    queue = _queue(cell, number)
    other = cell.named("replies")
    message, spans = queue.send(1.05), []
    for turn in range(24):
        one = queue.mailer if turn % 2 else queue.shop
        work = one.process(message, 1.1 + turn * 0.05)
        message = one.send(queue.name if turn % 2 else other, 1.101 + turn * 0.05, parent=work, took=0.001)
        spans += [work, message.span]
    queue.settle(queue.work(message, 1.1 + 24 * 0.05))
    cell.fault("EDA404", "LIKELY", *spans, trace_id=message.span.trace)


def misspelt(cell: Cell, number: int) -> None:
    """EDA406: an event inside the process whose name is misspelt has no handler."""
    desk = cell.service("desk")
    for turn in range(number):
        event = {"eda.event.type": "order.placed", "code.function.name": "bill"}
        desk.other("process order.placed", turn * GAP, 0.01, said=event)
    said = {"eda.event.type": "order.paced"}
    reading = cell.measure(desk, "eda.unhandled.events", number * GAP, 4.0, said=said, kind="sum")
    cell.fault("EDA406", "LIKELY", reading, service=desk.name)


def optional(cell: Cell, number: int) -> None:
    """Sound: an event for which a handler is optional has none."""
    desk = cell.service("desk")
    for turn in range(number):
        event = {"eda.event.type": "order.placed", "code.function.name": "bill"}
        desk.other("process order.placed", turn * GAP, 0.01, said=event)
    cell.measure(desk, "eda.unhandled.events", number * GAP, 4.0, said={"eda.event.type": "debug"}, kind="sum")


FAULTS: tuple[Callable[[Cell, int], None], ...] = (
    unroutable, overflowing, rejected, buried, requeued_for_ever, full_socket, ping_pong, misspelt,
)  # fmt: skip
SOUND: tuple[Callable[[Cell, int], None], ...] = (requeued_once, broadcast, answered, paused, optional)
