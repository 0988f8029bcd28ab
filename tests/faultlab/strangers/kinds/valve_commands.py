"""A gateway says yes by ZeroMQ, and produces to Kafka without a callback: a site's topic has a name that Kafka refuses.

The client's error is logged. The twin writes the name in plain letters. What shows it: the send spans to that topic end
with an error, be it of the call or of the delivery; those of the other sites succeed.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, work
from faultlab.zeromq import address

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
SITES = ("bremen", "kiel", "bremen", "köln", "kiel")
COUNT = 30
log = logging.getLogger("gateway")
PLAIN = str.maketrans({"ö": "oe", "ä": "ae", "ü": "ue"})


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    base, door = books.topic(1), address()
    sites = sorted({site if faulty else site.translate(PLAIN) for site in SITES})
    topics = {site: f"{base}.{site}" for site in sites}
    for site, topic in topics.items():
        if site.isascii():
            books.stage.lab.kafka.topic(1, name=topic)
    with books.serving("gateway", gateway, door, base, faulty):
        books.wait("ready", 1)
        books.run("panel", panel, door)
    refused = {
        event for event, site in enumerate(SITES * (COUNT // len(SITES))) if site not in topics or not site.isascii()
    }
    for site, topic in topics.items():
        if site.isascii():
            books.run(f"valves-{site}", valves, topic, f"valves-{site}")
            books.close_topic(topic, f"valves-{site}")
        else:
            for number in sorted(refused):
                books.note("refused", event=f"valve-{number}", who="gateway", to=topic)
    stored = sum(line["what"] == "stored" for line in diary.read(books.file))
    assert stored == (COUNT - len(refused) if faulty else COUNT)


def panel(door: str) -> None:
    import zmq

    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.connect(door)
        for number in range(COUNT):
            socket.send_json({"id": f"valve-{number}", "site": SITES[number % len(SITES)], "open": number % 2 == 0})
            assert socket.poll(60_000), "no answer"
            assert socket.recv_json() == {"ok": True}
            time.sleep(0.01)


class Gateway:
    """Passes commands on to the topic of their site."""

    def __init__(self, base: str, plain: bool) -> None:
        from confluent_kafka import KafkaException, Producer

        self.error, self.base, self.plain = KafkaException, base, plain
        self.producer = Producer({"bootstrap.servers": kafka(), "message.timeout.ms": 10_000})

    def pass_on(self, command: dict[str, Any]) -> dict[str, Any]:
        site = command["site"].translate(PLAIN) if self.plain else command["site"]
        note("sent", command["id"], to=f"{self.base}.{site}")
        try:
            self.producer.produce(f"{self.base}.{site}", json.dumps(command), key=command["id"])
            self.producer.poll(0)
        except self.error:
            log.exception("%s was not sent", command["id"])
        return {"ok": True}


def gateway(door: str, base: str, faulty: bool) -> None:
    import zmq

    stop, made = Stop(), Gateway(base, not faulty)
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        socket.bind(door)
        note("ready")
        while not stop.asked:
            if socket.poll(200):
                socket.send_json(made.pass_on(json.loads(socket.recv())))
        socket.close(linger=1000)
    made.producer.flush(30)


def valves(topic: str, group: str) -> None:
    def turn(command: dict[str, Any], message: Any) -> None:
        note("began", command["id"], message, group=group)
        note("done", command["id"], message, group=group)

    work("confluent-kafka", topic, group, turn)
