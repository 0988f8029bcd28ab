"""The adapter of `tinyqueue`, made of the shapes that every adapter is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import (
    Acknowledge,
    Block,
    Close,
    Confirmed,
    Construct,
    Generate,
    Handle,
    Identity,
    Iterate,
    Library,
    Message,
    Observe,
    Official,
    PublisherConfirm,
    ReceiveBatch,
    ReceiveOne,
    Reported,
    Returned,
    Send,
    Settle,
    Subscribe,
    Suppress,
    Tags,
    report_future,
    seeked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.tinyqueue import AsyncConsumer, AsyncProducer, Channel, Consumer, Delivery, Producer, Receipt

NAME = "tinyqueue"
MODULE = "core.tinyqueue"
CONFIRMED = Confirmed(f"{MODULE}:Channel.confirm", "answered", PublisherConfirm)


def identify(client: Any) -> Identity:
    return Identity(None, getattr(client, "group", None), *client.queue.address)


def read(item: Any) -> Message | None:
    if hasattr(item, "tag"):
        return delivered(item, unsettled=True)
    if not hasattr(item, "offset"):
        return None
    stamp = getattr(item, "timestamp", None)
    return Message(item.topic, "0", item.offset, getattr(item, "headers", None), stamp, key=getattr(item, "key", None))


def delivered(item: Delivery, unsettled: bool) -> Message:
    return Message(
        item.topic,
        headers=item.headers,
        delivery_tag=item.tag,
        unsettled=unsettled,
        redelivered=item.tries > 0,
        deliveries=item.tries,
        record=item,
    )


def reader(channel: Channel, topic: str, auto: bool) -> Callable[..., Message | None] | None:
    return None if topic.startswith("_") else lambda _, delivery, __: delivered(delivery, not auto)


def sent_back(topic: str, headers: Any) -> tuple[Message, str]:
    return Message(topic, headers=headers), "nobody there"


def pulled(_: Channel, __: str, auto: bool = False) -> Callable[[Any], Message | None]:
    return lambda given: given[0] and delivered(given[0], not auto)


def owner(part: Any) -> Any:
    """Give the channel of its parts."""
    return getattr(part, "channel", part)


def subscribed(subscription: Any) -> Callable[[Any], Message | None]:
    return lambda delivery: delivered(delivery, unsettled=True)


def outgoing(_: Producer | AsyncProducer, topic: str, headers: Any) -> Message:
    return Message(topic, headers=headers)


def receipt(_: Producer | AsyncProducer) -> Callable[[Receipt], Message]:
    return lambda receipt: Message(receipt.topic, "0", receipt.offset)


def nothing(_: Channel) -> Callable[[Any], None]:
    return lambda _: None


def put(headers: Any, more: Mapping[str, str]) -> Any:
    return [*(headers or ()), *((name, value.encode()) for name, value in more.items())]


def report(receipt: Receipt, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    receipt.then(done, failed)


def batches(polled: dict[str, list[Any]], keep: Callable[[list[Any]], list[Any]]) -> dict[str, list[Any]]:
    polled.update({topic: keep(records) for topic, records in polled.items()})
    return polled


def offsets(consumer: Consumer | AsyncConsumer, given: dict[str, int] | None) -> dict[tuple[str, str], int]:
    return {(topic, "0"): offset for topic, offset in (given or consumer.offsets).items()}


def library() -> Library:
    """Make it anew, off."""
    return Library(
        name=NAME,
        system=NAME,
        package=MODULE,
        distribution=NAME,
        supported=((1,), (2,)),
        official=Official("core.nowhere:TinyqueueInstrumentor"),
        message=read,
        identify=identify,
        owner=owner,
        shapes=(
            Construct(f"{MODULE}:Producer.__init__"),
            Send(f"{MODULE}:Producer.send", ("topic", "headers"), outgoing, put, Reported(report), receipt),
            ReceiveBatch(f"{MODULE}:Consumer.poll", batches),
            Iterate(f"{MODULE}:Consumer.__iter__"),
            ReceiveOne(f"{MODULE}:Consumer.__next__"),
            Settle(f"{MODULE}:Consumer.commit", ("offsets",), offsets),
            Observe(f"{MODULE}:Consumer.seek", seeked, part="itself"),
            Send(f"{MODULE}:Channel.publish", ("topic", "headers"), outgoing, put, CONFIRMED, nothing),
            Returned(f"{MODULE}:Channel.sent_back", ("topic", "headers"), sent_back),
            Subscribe(f"{MODULE}:Channel.subscribe", "callback", ("topic", "auto"), reader),
            Subscribe(f"{MODULE}:Channel.subscribe_async", "callback", ("topic", "auto"), reader),
            ReceiveOne(f"{MODULE}:Channel.get", "get", ("topic", "auto"), pulled),
            Generate(f"{MODULE}:Channel.listen", ("topic",), pulled, "listen"),
            Acknowledge(f"{MODULE}:Channel.ack", ("tag", "multiple"), lambda _, *given: Tags(*given)),
            Acknowledge(
                f"{MODULE}:Channel.nack", ("tag", "multiple", "requeue"), lambda _, *given: Tags(*given), "nack"
            ),
            Iterate(f"{MODULE}:Subscription.__iter__", "listen", subscribed),
            *(
                Block(f"{MODULE}:Block.{before}", f"{MODULE}:Block.{after}", lambda block: block.delivery, "error")
                for before, after in (("__enter__", "__exit__"), ("__aenter__", "__aexit__"))
            ),
            Handle(f"{MODULE}:Channel._execute"),
            Handle(f"{MODULE}:Channel._execute_async"),
            Suppress(f"{MODULE}:Channel.give_back", ("settle",)),
            Suppress(f"{MODULE}:Channel.give_back_async", ("settle",)),
            Close(f"{MODULE}:Producer.close"),
            Close(f"{MODULE}:Consumer.close"),
            Close(f"{MODULE}:Channel.close"),
            Send(f"{MODULE}:AsyncProducer.send", ("topic", "headers"), outgoing, put, Reported(report_future), receipt),
            Send(
                f"{MODULE}:AsyncProducer.publish",
                ("topic", "headers"),
                outgoing,
                put,
                None,
                receipt,
                operation="publish",
            ),
            ReceiveBatch(f"{MODULE}:AsyncConsumer.poll", batches),
            Iterate(f"{MODULE}:AsyncConsumer.__aiter__"),
            ReceiveOne(f"{MODULE}:AsyncConsumer.__anext__"),
            ReceiveOne(f"{MODULE}:AsyncConsumer.get"),
            Settle(f"{MODULE}:AsyncConsumer.commit", ("offsets",), offsets),
            Close(f"{MODULE}:AsyncProducer.close"),
            Close(f"{MODULE}:AsyncConsumer.close"),
        ),
    )
