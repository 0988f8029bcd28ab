"""What may become of a whole topic of Kafka: a fault, or what is sound and looks like one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .cell import seconds
from .kafka import GAP, TRIP, Topic, as_usual

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnosis.telemetry import Message, Service

    from .cell import Cell

HOT = 1200  # messages: of fewer, an uneven load proves nothing
MOST = 0.5  # of the spans that show a fault of many messages
STUCK = 400.0  # seconds


def failing(cell: Cell, number: int) -> None:
    """EDA401: every fourth message fails, as the service that the handler calls is away; all are committed past."""
    topic = Topic(cell, number, fates=dict.fromkeys(range(3, number, 4), _fails))
    topic.play()
    failed = [span for member in topic.members for span in member.spans if span.json["status"]]
    cell.fault(
        "EDA401", "CONFIRMED", *failed, enough=MOST, destination=topic.name, group=topic.group, error="ConnectionError"
    )


def _fails(topic: Topic, at: float) -> None:
    message = topic.send(at)
    topic.work(message, at + TRIP, error="ConnectionError")
    topic.commit(message)
    topic.also("EDA104", "CONFIRMED", message)


def storm(cell: Cell, number: int) -> None:
    """EDA403: one message fails, is put back at once, and comes again and again."""
    topic = Topic(cell, number, fates={number // 2: partial(_storm, number * 2)})
    topic.play()


def _storm(attempts: int, topic: Topic, at: float) -> None:
    message = topic.send(at)
    works = [topic.work(message, at + TRIP, 0.001, error="KeyError") for _ in range(attempts)]
    topic.cell.fault("EDA403", "CONFIRMED", *works, enough=MOST, destination=topic.name, group=topic.group)
    topic.also("EDA402", "CONFIRMED", message)
    topic.also("EDA104", "CONFIRMED", message)
    topic.also("EDA501")


def hot(cell: Cell, number: int) -> None:
    """EDA601: one key has nearly all messages."""
    topic = Topic(cell, max(number, HOT), partitions=6, usual=_only_polled)
    topic.keys += [topic.keys[0]] * 400
    topic.play()
    sends = [span for span in topic.producer.spans if span.json["name"].startswith("send")]
    where = {"destination": topic.name, "partition": str(int(topic.keys[0], 16) % topic.partitions)}
    cell.fault("EDA601", "CONFIRMED", *sends, enough=MOST, **where)


def _only_polled(topic: Topic, at: float) -> None:
    message = topic.send(at)
    if not (message.offset or 0) % 50:
        topic.owner(int(message.partition or 0)).receive([message], at + TRIP)


def moved(cell: Cell, number: int) -> None:
    """EDA303: a partition is added, and keys go elsewhere from then on."""
    topic = Topic(cell, number, partitions=2, fates={number // 2: _added})
    topic.play()
    topic.also("EDA303")  # of a key whose first messages are damaged
    sent: dict[str, list[Any]] = {}
    for span in topic.producer.spans:
        said = {pair["key"]: pair["value"].get("stringValue") for pair in span.json["attributes"]}
        if "eda.message.key.hash" in said:
            sent.setdefault(str(said["eda.message.key.hash"]), []).append(
                (said["messaging.destination.partition.id"], span)
            )
    for places in sent.values():
        old = [span for where, span in places if where == places[0][0]]
        new = [span for where, span in places if where != places[0][0]]
        if new:
            cell.fault("EDA303", "LIKELY", *old, *new, destination=topic.name, trace_id=old[0].trace)


def _added(topic: Topic, at: float) -> None:
    topic.partitions, topic.offsets[2], topic.free[2] = 3, 0, 0.0
    as_usual(topic, at)


def unread(cell: Cell, number: int) -> None:
    """EDA107: nobody reads a topic."""
    topic = Topic(cell, number)
    topic.play()
    audit = cell.named("audit")
    sends = [topic.producer.send(audit, turn * GAP, turn, 0).span for turn in range(number // 4)]
    cell.fault("EDA107", "LIKELY", *sends, enough=MOST, destination=audit)


def stopped(cell: Cell, number: int) -> None:
    """EDA504: the member of some partitions ends in the middle, and nobody takes them over."""
    topic = Topic(cell, max(number, 300), usual=partial(_stops, max(number, 300) * GAP / 3))
    topic.play()
    cell.fault("EDA504", "LIKELY", destination=topic.name, group=topic.group)


def _stops(last: float, topic: Topic, at: float) -> None:
    message = topic.send(at)
    if at < last or int(message.partition or 0) % 2:
        topic.work(message, at + TRIP)
        topic.commit(message)


def stuck(cell: Cell, number: int) -> None:
    """EDA503: a handler never returns; its process tells how long it has been at work."""
    topic = Topic(cell, max(number, 300), usual=partial(_stops, max(number, 300) * GAP / 3))
    topic.play()
    said = {"messaging.system": "kafka", "messaging.destination.name": topic.name}
    said["messaging.consumer.group.name"] = topic.group
    age = cell.measure(topic.members[0], "eda.consumer.in_flight_age", topic.end + 30.0, STUCK, said=said, kind="gauge")
    cell.fault("EDA503", "LIKELY", age, destination=topic.name, group=topic.group)
    topic.also("EDA504", "CONFIRMED")


def too_slow(cell: Cell, number: int) -> None:
    """EDA504: the one member needs longer for a message than the next takes to come."""
    number = max(number, 200)
    topic = Topic(cell, number, partitions=1, usual=partial(_slower, number * GAP))
    topic.play()
    cell.fault("EDA504", "LIKELY", destination=topic.name, group=topic.group)
    topic.also("EDA501")


def _slower(end: float, topic: Topic, at: float) -> None:
    message = topic.send(at)
    if topic.free[0] < end:
        topic.work(message, at + TRIP, 2.5 * GAP)
        topic.commit(message)


def flapping(cell: Cell, number: int) -> None:
    """EDA602: the partitions change hands every second."""
    topic = Topic(cell, number, partitions=1, usual=_flaps)
    topic.play()
    cell.fault("EDA602", "LIKELY", destination=topic.name, group=topic.group)


def _flaps(topic: Topic, at: float) -> None:
    message, turn = topic.send(at), int(at / 1.0) % 2
    member = topic.members[turn]
    topic.work(message, at + TRIP, member=member)
    topic.commit(message, member)


def clock_behind(cell: Cell, number: int) -> None:
    """EDA702: the consumers' clock is seconds behind, so messages arrive before they are sent."""
    topic = Topic(cell, number, hosts=("left", "right"), skew=-5.0)
    topic.play()
    spans = [span for service in cell.world.services for span in service.spans]
    cell.fault("EDA702", "CONFIRMED", *spans, enough=MOST, service=topic.members[0].name)


def dropped(cell: Cell, number: int) -> None:
    """EDA703: a process drops spans that it counted."""
    topic = Topic(cell, number)
    topic.play()
    gone = [span for span in topic.members[0].spans if span.json["name"].startswith("process")][::10]
    cell.unexported.update(span.id for span in gone)
    cell.fault("EDA703", "LIKELY", service=topic.members[0].name)


def redelivered(cell: Cell, number: int) -> None:
    """EDA202: a member dies with what it has done uncommitted, and the next one does it again."""
    topic = Topic(cell, number, partitions=1)
    dies, since = number // 2, number // 2 - 5
    done: list[Message] = []
    topic.fates = {turn: partial(_uncommitted, done) for turn in range(since, dies)}
    topic.fates[dies] = partial(_goes_on, done, topic.member())
    topic.play()


def _uncommitted(done: list[Message], topic: Topic, at: float) -> None:
    message = topic.send(at)
    topic.work(message, at + TRIP)
    done.append(message)


def _goes_on(done: list[Message], heir: Service, topic: Topic, at: float) -> None:
    topic.members = [heir]
    for message in done:
        again = topic.work(message, at)
        topic.commit(message)
        topic.fault("EDA202", "LIKELY", message, again)
    topic.also("EDA501")
    as_usual(topic, at)


def replayed(cell: Cell, number: int) -> None:
    """Sound: somebody seeks to the beginning and reads a part once more, though all was committed."""
    topic = Topic(cell, number, partitions=1)
    done: list[Message] = []
    topic.usual = partial(_remembered, done)
    topic.play()
    member = topic.owner(0)
    for at, message in enumerate(done[: number // 3]):
        topic.work(message, topic.end + 5.0 + at * 0.05, member=member)
        topic.also("EDA202", "LIKELY", message)


def _remembered(done: list[Message], topic: Topic, at: float) -> None:
    message = topic.send(at)
    topic.work(message, at + TRIP)
    topic.commit(message)
    done.append(message)


def deployed(cell: Cell, number: int) -> None:
    """Sound: each member is replaced once, after it has committed."""
    topic = Topic(cell, number)
    topic.fates = {number // 3: partial(_replaced, 0), number // 2: partial(_replaced, 1)}
    topic.play()


def _replaced(which: int, topic: Topic, at: float) -> None:
    topic.members[which] = topic.member()
    as_usual(topic, at)


def committed_late(cell: Cell, number: int) -> None:
    """Sound: a group commits only now and then."""
    Topic(cell, number, keep=10).play()


def two_groups(cell: Cell, number: int) -> None:
    """Sound: a second group reads the same messages, later and only every other partition."""
    topic = Topic(cell, number, partitions=2)
    archive = cell.service("archive", group=cell.named("archive"))
    done: list[Message] = []
    topic.usual = partial(_remembered, done)
    topic.play()
    for message in (one for one in done if one.partition == "0"):
        later = seconds(message.span, topic.producer) + 0.05
        archive.process(message, later)
        archive.commit(topic.name, later + 0.01, (message.offset or 0) + 1)


def sampled(cell: Cell, number: int) -> None:
    """Sound: of the traces a third is kept, while metrics count everything."""
    cell.share = 0.3
    topic = Topic(cell, number, fates=dict.fromkeys(range(4, number, 40), _retries))
    topic.play()


def _retries(topic: Topic, at: float) -> None:
    message = topic.send(at)
    topic.work(message, at + TRIP, error="TimeoutError")
    topic.work(message, at + TRIP)
    topic.commit(message)


def in_batches(cell: Cell, number: int) -> None:
    """Sound: the consumer polls batches, each with one span, and commits after each."""
    topic = Topic(cell, number, partitions=1, usual=lambda *_: None)
    topic.play()
    for start in range(0, number, 20):
        sent = [topic.send((start + turn) * GAP) for turn in range(min(20, number - start))]
        topic.free[0] = (start + 20) * GAP + 0.02
        topic.owner(0).receive(sent, (start + 20) * GAP)
        for message in sent:
            topic.work(message, topic.free[0])
        topic.commit(sent[-1])
    topic.also("EDA501")


def clocks_apart(cell: Cell, number: int) -> None:
    """Sound: two machines' clocks differ by less than a message takes."""
    Topic(cell, number, hosts=("left", "right"), skew=-0.002).play()


def without_metrics(cell: Cell, number: int) -> None:
    """Sound: nothing is counted."""
    cell.counted = False
    Topic(cell, number).play()


FAULTS: tuple[Callable[[Cell, int], None], ...] = (
    failing, storm, hot, moved, unread, stopped, stuck, too_slow, flapping, clock_behind, dropped, redelivered,
)  # fmt: skip
SOUND: tuple[Callable[[Cell, int], None], ...] = (
    replayed, deployed, committed_late, two_groups, sampled, in_batches, clocks_apart, without_metrics,
)  # fmt: skip
