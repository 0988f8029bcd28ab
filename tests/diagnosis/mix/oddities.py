"""What is sound of a whole topic of Kafka, though the telemetry shows it in part only, or it looks like a fault."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .cell import seconds
from .kafka import GAP, TRIP, Topic, as_usual

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnosis.telemetry import Service

    from .cell import Cell

AWAY = 15  # messages
DELAY = 1.0  # seconds until a retry topic is read


def killed(cell: Cell, number: int) -> None:
    """A member is killed, with its last spans and counts, and the next one does again what was not committed."""
    topic = Topic(cell, number, partitions=1)
    topic.fates = dict.fromkeys(range(number // 2 - 10, number // 2), _not_exported)
    topic.fates[number // 2] = partial(_heir, topic.member())
    topic.play()


def _not_exported(topic: Topic, at: float) -> None:
    message, member = topic.send(at), topic.owner(0)
    known = len(member.spans)
    topic.work(message, at + TRIP)
    topic.backlog.append(message)
    cell = topic.cell
    cell.unexported.update(span.id for span in member.spans[known:])
    cell.silent.add(member.instance)


def _heir(heir: Service, topic: Topic, at: float) -> None:
    topic.members = [heir]
    for message in topic.backlog:
        topic.work(message, at)
        topic.commit(message)
    topic.also("EDA501")
    topic.cell.also("EDA703", service=heir.name)
    as_usual(topic, at)


def unseen_member(cell: Cell, number: int) -> None:
    """For a while a member without instrumentation has the partition."""
    start = number // 2
    topic = Topic(cell, number, partitions=1, fates=dict.fromkeys(range(start, start + AWAY), _elsewhere))
    topic.play()
    said = {"messaging.system": "kafka", "messaging.destination.name": topic.name}
    said |= {"messaging.consumer.group.name": topic.group, "messaging.destination.partition.id": "0"}
    for name, turn in (("revoked", start - 0.5), ("assigned", start + AWAY - 0.5)):
        cell.log(topic.owner(0), f"eda.consumer.{name}", turn * GAP, said)


def _elsewhere(topic: Topic, at: float) -> None:
    topic.send(at)


def tailing(cell: Cell, number: int) -> None:
    """A group begins in the middle, at the end of the log."""
    topic = Topic(cell, number, fates=dict.fromkeys(range(number // 3), _elsewhere))
    topic.play()


def foreign_producer(cell: Cell, number: int) -> None:
    """Some messages are sent by a service without instrumentation."""
    topic = Topic(cell, number, fates=dict.fromkeys(range(5, number, 7), _foreign))
    topic.play()


def _foreign(topic: Topic, at: float) -> None:
    message = topic.send(at)
    request = topic.producer.spans[-2]
    topic.producer.spans.remove(message.span)
    topic.producer.spans.remove(request)
    work = topic.work(message, at + TRIP)
    child = topic.owner(int(message.partition or 0)).spans[-1]
    del work.json["links"], work.json["parentSpanId"]
    work.json["traceId"] = child.json["traceId"] = topic.cell.world.id(16)
    topic.commit(message)


def aborted(cell: Cell, number: int) -> None:
    """A transaction is aborted: its messages and its marker take offsets, and no reader sees them."""
    start = number // 2
    topic = Topic(cell, number, partitions=1, fates=dict.fromkeys(range(start, start + 5), _elsewhere))
    topic.fates[start + 5] = _marked
    topic.play()


def _marked(topic: Topic, at: float) -> None:
    topic.offsets[0] += 1
    as_usual(topic, at)


def by_retry_topic(cell: Cell, number: int) -> None:
    """What fails goes to a retry topic, which the same service reads after a while, and succeeds there."""
    topic = Topic(cell, number, fates=dict.fromkeys(range(9, number - 9, 30), _later))
    topic.play()


def _later(topic: Topic, at: float) -> None:
    message = topic.send(at)
    member = topic.owner(int(message.partition or 0))
    failed = topic.work(message, at + TRIP, error="TimeoutError")
    retry, when = topic.cell.named("orders.retry"), seconds(failed, member)
    offset = sum(span.json["name"] == f"send {retry}" for one in topic.members for span in one.spans)
    again = member.send(retry, when - 0.004, offset, 0, parent=failed)
    topic.commit(message)
    topic.members[0].process(again, when + DELAY)
    topic.members[0].commit(retry, when + DELAY + 0.01, offset + 1)


def clock_ahead(cell: Cell, number: int) -> None:
    """The readers' machine is three minutes ahead, so each message seems to have waited for so long."""
    Topic(cell, number, hosts=("left", "right"), skew=180.0).play()


def caught_up(cell: Cell, number: int) -> None:
    """A burst comes faster than it can be read, and is read in the end."""
    topic = Topic(cell, number, partitions=1, usual=_burst)
    topic.play()


def _burst(topic: Topic, at: float) -> None:
    message = topic.send(at * 0.2)
    topic.work(message, at * 0.2 + TRIP, GAP / 2)
    topic.commit(message)


def deduplicated(cell: Cell, number: int) -> None:
    """A rebalance brings some messages again, and the handler sees at once that they are done."""
    topic = Topic(cell, number, partitions=1)
    topic.fates = dict.fromkeys(range(number // 2 - 5, number // 2), _remembered)
    topic.fates[number // 2] = partial(_skips, topic.member())
    topic.play()


def _remembered(topic: Topic, at: float) -> None:
    message = topic.send(at)
    topic.work(message, at + TRIP)
    topic.backlog.append(message)


def _skips(heir: Service, topic: Topic, at: float) -> None:
    topic.members = [heir]
    for message in topic.backlog:
        topic.work(message, at, 0.0005)
        topic.commit(message)
        topic.also("EDA202", "CONFIRMED", message)
    as_usual(topic, at)


SOUND: tuple[Callable[[Cell, int], None], ...] = (
    killed, unseen_member, tailing, foreign_producer, aborted, by_retry_topic, clock_ahead, caught_up, deduplicated,
)  # fmt: skip
