"""A bridge from ZeroMQ to Kafka fires and forgets: frames that are too large are gone; its twin shrinks these before.

What shows it: the send span of such a frame ends with the broker's error, and nobody sent it again (EDA101). Nobody
asks for the future, or the delivery report, so the bridge itself knows nothing of it.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT, LARGE, LIMIT = "recorder", 24, {5, 12, 20}, 20000


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    topic = books.topic(1, **{"max.message.bytes": str(LIMIT)})
    door = f"ipc://{books.file.with_name('door')}"  # a longer name would be no address
    bridge = {"aiokafka": by_aiokafka, "confluent-kafka": by_confluent}[library]
    with books.running("frame-bridge", bridge, door, topic, faulty) as running:
        books.wait("ready", 1)
        books.run("camera", camera, door)
        books.stage.finish(running)
    books.run("recorder", recorder, topic)
    books.close_topic(topic, GROUP)
    lines = diary.read(books.file)
    stored = {line["event"] for line in lines if line["what"] == "stored"}
    lost = sorted({line["event"] for line in lines if line["what"] == "sent" and line["to"] == topic} - stored)
    assert bool(lost) is faulty
    for event in lost:
        books.note("refused", event=event, who="frame-bridge", to=topic)


def camera(door: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(door)
    for number in range(COUNT):
        socket.send_json({"id": f"frame-{number}", "data": "x" * (60000 if number in LARGE else 60)})
    socket.send_json({"id": None})
    context.destroy(linger=30000)


def fitting(frame: dict[str, Any], faulty: bool) -> bytes:
    """Give what goes to Kafka."""
    if not faulty and len(frame["data"]) > LIMIT // 2:
        frame = {"id": frame["id"], "data": frame["data"][:: len(frame["data"]) // 100], "shrunk": True}
    return json.dumps(frame).encode()


def by_aiokafka(door: str, topic: str, faulty: bool) -> None:
    async def main() -> None:
        import zmq.asyncio
        from aiokafka import AIOKafkaProducer

        context = zmq.asyncio.Context()
        socket = context.socket(zmq.PULL)
        socket.bind(door)
        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            note("ready")
            while True:
                frame = json.loads(await socket.recv())
                if frame["id"] is None:
                    break
                note("sent", frame["id"], to=topic)
                await producer.send(topic, fitting(frame, faulty), frame["id"].encode())
        context.destroy(linger=0)

    asyncio.run(main())


def by_confluent(door: str, topic: str, faulty: bool) -> None:
    import zmq
    from confluent_kafka import Producer

    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.bind(door)
    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    note("ready")
    while True:
        frame = json.loads(socket.recv())
        if frame["id"] is None:
            break
        note("sent", frame["id"], to=topic)
        producer.produce(topic, fitting(frame, faulty), frame["id"])
        producer.poll(0)
    producer.flush(30)
    context.destroy(linger=0)


def recorder(topic: str) -> None:
    def record(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        note("done", event["id"], message, group=GROUP)

    work("confluent-kafka", topic, GROUP, record)
