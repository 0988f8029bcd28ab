"""What may become of one message of a topic: a fault, or what is sound and looks like one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import Message

from .cell import seconds
from .kafka import TRIP

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kafka import Topic


def swallowed(topic: Topic, at: float) -> None:
    """EDA104: it fails, and its member commits past it."""
    message = topic.send(at)
    failed = topic.work(message, at + TRIP, error="KeyError")
    topic.commit(message)
    topic.fault("EDA104", "CONFIRMED", message, failed)


def poisonous(topic: Topic, at: float) -> None:
    """EDA402: it fails at every attempt, until it is given up."""
    message = topic.send(at)
    failed = [topic.work(message, at + TRIP + number * 0.3, error="ValueError") for number in range(4)]
    topic.commit(message)
    topic.fault("EDA402", "CONFIRMED", message, *failed)
    topic.also("EDA104", "CONFIRMED", message)
    topic.also("EDA501")


def refused(topic: Topic, at: float) -> None:
    """EDA101: it is too large for the broker."""
    send = topic.producer.send(topic.name, at, error="MessageSizeTooLargeError", parent=topic.request(at)).span
    topic.cell.fault("EDA101", "CONFIRMED", send, span_id=send.id)


def given_up(topic: Topic, at: float) -> None:
    """EDA102: its process closes the producer before the broker answers."""
    send = topic.producer.send(topic.name, at, error="eda.unresolved", parent=topic.request(at)).span
    topic.cell.fault("EDA102", "CONFIRMED", send, span_id=send.id)


def written_twice(topic: Topic, at: float) -> None:
    """EDA201: a client without idempotence sent it again after a timeout, and the broker has both."""
    message = topic.send(at)
    partition = int(message.partition or 0)
    copy = Message(message.span, topic.name, message.partition, topic.offsets[partition])
    topic.offsets[partition] += 1
    works = [topic.work(one, at + TRIP) for one in (message, copy)]
    topic.commit(copy)
    topic.fault("EDA201", "CONFIRMED", message, *works)


def overtaken(topic: Topic, at: float) -> None:
    """EDA301: two workers of one process take two messages of a key, and the later one goes first."""
    key = topic.cell.luck.choice(topic.keys)
    first, second = topic.send(at, key=key), topic.send(at + 0.001, key=key)
    later = topic.work(second, at + 0.01)
    earlier = topic.work(first, at + 0.02)
    topic.commit(second)
    topic.fault("EDA301", "CONFIRMED", second, earlier, later)


def retried_in_flight(topic: Topic, at: float) -> None:
    """EDA302: with several requests in flight, the retry of the first comes after the second."""
    producer = topic.producer
    numbers = [{"messaging.client.id": f"{producer.name}-fast", "eda.sender.sequence": number} for number in (1, 2)]
    if any(one.truth.code == "EDA302" for one in topic.cell.told):  # one pair is enough of a producer
        return
    topic.offsets[0] += 2
    low = topic.offsets[0] - 2
    first = producer.send(topic.name, at, low + 1, 0, took=0.05, said=numbers[0])
    second = producer.send(topic.name, at + 0.01, low, 0, said=numbers[1])
    for message in (second, first):
        topic.work(message, at + 0.06)
    topic.commit(first)
    topic.fault("EDA302", "CONFIRMED", second, first.span)


def two_owners(topic: Topic, at: float) -> None:
    """EDA203: a paused member goes on with a message that another has by now."""
    message = topic.send(at)
    partition = int(message.partition or 0)
    old, new = topic.owner(partition), topic.owner(partition + 1)
    begin = max(at + TRIP, topic.free[partition])
    works = [old.process(message, begin, 0.8), new.process(message, begin + 0.4, 0.1)]
    topic.free[partition] = begin + 0.8
    topic.commit(message)
    topic.fault("EDA203", "CONFIRMED", message, *works)
    topic.also("EDA202", "LIKELY", message)


def cut_off(topic: Topic, at: float) -> None:
    """EDA701: the consumer does not read the context, so the message begins a trace of its own."""
    message = topic.send(at)
    work = topic.work(message, at + TRIP)
    child = topic.owner(int(message.partition or 0)).spans[-1]
    del work.json["links"], work.json["parentSpanId"]
    work.json["traceId"] = child.json["traceId"] = topic.cell.world.id(16)
    topic.commit(message)
    topic.fault("EDA701", "CONFIRMED", message, work)


def slow(topic: Topic, at: float) -> None:
    """EDA502: its handler takes a hundred times as long as usual; those behind it wait."""
    message = topic.send(at)
    work = topic.work(message, at + TRIP, 3.0)
    topic.commit(message)
    topic.fault("EDA502", "LIKELY", message, work)
    topic.also("EDA501")


def slowly_taken(topic: Topic, at: float) -> None:
    """EDA501: the broker takes seconds to acknowledge it."""
    message = topic.send(at, took=3.0)
    work = topic.work(message, at + 3.0 + TRIP)
    topic.commit(message)
    topic.fault("EDA501", "LIKELY", message, work)
    topic.also("EDA501")


def dead_lettered(topic: Topic, at: float) -> None:
    """EDA405: it fails, and goes to the dead letters."""
    message = topic.send(at)
    failed = topic.work(message, at + TRIP, error="DecodeError")
    partition = int(message.partition or 0)
    member = topic.owner(partition)
    dead = topic.cell.named("orders.dlq")
    sent = member.send(dead, seconds(failed, member) - 0.004, partition=0, parent=failed)
    topic.commit(message)
    topic.fault("EDA405", "CONFIRMED", message, failed, sent.span)
    topic.cell.also("EDA107", destination=dead)


def put_twice(topic: Topic, at: float) -> None:
    """EDA103: the broker loses an acknowledged message when its leader falls, and gives the offset anew."""
    key = topic.cell.luck.choice(topic.keys)
    lost = topic.send(at, key=key)
    topic.offsets[int(lost.partition or 0)] -= 1
    message = topic.send(at + 0.05, key=key)
    topic.work(message, at + 0.05 + TRIP)
    topic.commit(message)
    topic.fault("EDA103", "CONFIRMED", lost, message.span)


def tried_again(topic: Topic, at: float) -> None:
    """Sound: it fails, and is tried again with success before anything is committed."""
    message = topic.send(at)
    for error in ("TimeoutError", None):
        topic.work(message, at + TRIP, error=error)
    topic.commit(message)


def sent_again(topic: Topic, at: float) -> None:
    """Sound: the client's queue was full, and the application sent it once more."""
    request = topic.request(at)
    first = topic.producer.send(topic.name, at, error="BufferError", parent=request, said={"eda.send.refused": True})
    message = topic.send(at + 0.01, said={"eda.send.repeats": first.span.id})
    topic.work(message, at + 0.01 + TRIP)
    topic.commit(message)


def late_answer(topic: Topic, at: float) -> None:
    """Sound: the broker's answer came too late, but it has the message, which is processed."""
    request = topic.request(at)
    send = topic.producer.send(topic.name, at, error="KafkaTimeoutError", parent=request, took=0.05)
    message = Message(send.span, topic.name, "0", topic.offsets[0])
    topic.offsets[0] += 1
    topic.work(message, at + 0.05)
    topic.commit(message)
    topic.cell.also("EDA101", "LIKELY", span_id=send.span.id)  # if what was done with it is damaged


def cut_short(topic: Topic, at: float) -> None:
    """Sound: a shutdown cuts its handler off, and after the restart it is processed."""
    message = topic.send(at)
    topic.work(message, at + TRIP, said={"eda.process.abandoned": True})
    topic.work(message, at + TRIP + 0.1)
    topic.commit(message)


def skipped_offset(topic: Topic, at: float) -> None:
    """Sound: the marker of a transaction takes an offset."""
    message = topic.send(at)
    topic.work(message, at + TRIP)
    topic.commit(message)
    topic.offsets[int(message.partition or 0)] += 1


def fanned_out(topic: Topic, at: float) -> None:
    """Sound: its handler sends three more messages to a topic that another service reads."""
    message = topic.send(at)
    work = topic.work(message, at + TRIP)
    member, begin = topic.owner(int(message.partition or 0)), seconds(work, topic.producer) - 0.01
    parcels = topic.cell.named("parcels")
    known = [service for service in topic.cell.world.services if service.name.startswith("shipping")]
    shipping = known[0] if known else topic.cell.service("shipping", group=topic.cell.named("shipping"))
    for number in range(3):
        offset = sum(span.json["name"] == f"process {parcels}" for span in shipping.spans)
        parcel = member.send(parcels, begin + number * 0.001, offset, 0, parent=work)
        shipping.process(parcel, begin + 0.01 + number * 0.005)
        shipping.commit(parcels, begin + 0.014 + number * 0.005, offset + 1)
    topic.commit(message)


FAULTS: tuple[Callable[[Topic, float], None], ...] = (
    swallowed, poisonous, refused, given_up, written_twice, overtaken, retried_in_flight, two_owners, cut_off, slow,
    slowly_taken, dead_lettered, put_twice,
)  # fmt: skip
SOUND: tuple[Callable[[Topic, float], None], ...] = (
    tried_again, sent_again, late_answer, cut_short, skipped_offset, fanned_out,
)  # fmt: skip
