"""A client repeats its request when the answer is late, and the service publishes the transfer twice; or knows its key.

Shown by: two send spans of two traces have the same `messaging.message.id`, which is the request's own key, and the
process spans of both messages succeed.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Send = Callable[[dict[str, Any], str], None]

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP = "ledger"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
COUNT = 24


def play(books: Books, library: str, faulty: bool) -> None:
    topic, port = books.topic(2), str(books.file.with_suffix(".port"))
    with books.running("transfers", transfers, library, topic, port, faulty) as service:
        books.wait("ready", 1)
        books.run("mobile-app", app, port)
        books.stop(service)
    with books.running("ledger", ledger, library, topic) as book:
        books.wait("done", books.count("sent"))
        books.stop(book)
    books.close_topic(topic, GROUP)
    if faulty:
        assert books.count("sent") > COUNT, "no request came twice"
        books.note("must", code="EDA201", where={"destination": topic})


def app(file: str) -> None:
    with open(file, encoding="utf-8") as opened:
        url = f"http://127.0.0.1:{int(opened.read())}/transfers"
    for number in range(COUNT):
        body = json.dumps({"account": f"a-{number % 4}", "cents": 100_000 if number % 6 == 5 else 500}).encode()
        headers = {"Idempotency-Key": f"transfer-{number}", "Content-Type": "application/json"}
        for patience in (1.0, 2.0, 60.0):
            try:
                urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=patience).close()
                break
            except (TimeoutError, urllib.error.URLError):
                note("timeout", f"transfer-{number}")


class Service:
    """What is behind the door."""

    def __init__(self, send: Send, faulty: bool) -> None:
        self.send, self.faulty = send, faulty
        self.known: set[str] = set()
        self.lock = threading.Lock()

    def transfer(self, key: str, order: dict[str, Any]) -> None:
        with self.lock:
            known = key in self.known
            self.known.add(key)
        if known and not self.faulty:
            return
        if order["cents"] > 10_000:
            time.sleep(2.5)  # somebody else looks at large ones
        self.send({"id": key, **order}, key)


def transfers(library: str, topic: str, file: str, faulty: bool) -> None:
    stop, (send, close) = Stop(), (by_confluent if library == "confluent-kafka" else by_kafka_python)(topic)
    service = Service(send, faulty)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.transfer(self.headers["Idempotency-Key"], order)
            try:
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # the caller has gone

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False

    with Server(("127.0.0.1", 0), Door) as server:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(str(server.server_port))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        note("ready")
        while not stop.asked:
            time.sleep(0.1)
        server.shutdown()
    close()


def by_confluent(topic: str) -> tuple[Send, Callable[[], object]]:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})

    def send(event: dict[str, Any], key: str) -> None:
        note("sent", event["id"], to=topic)
        headers: list[tuple[str, Any]] = [("ce_id", key), ("ce_type", "transfer.ordered")]
        producer.produce(topic, json.dumps(event), key=event["account"], headers=headers)
        producer.poll(0)

    return send, lambda: producer.flush(30)


def by_kafka_python(topic: str) -> tuple[Send, Callable[[], object]]:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), key_serializer=str.encode)

    def send(event: dict[str, Any], key: str) -> None:
        note("sent", event["id"], to=topic)
        headers = [("ce_id", key.encode()), ("ce_type", b"transfer.ordered")]
        producer.send(topic, json.dumps(event).encode(), event["account"], headers).get(30)

    return send, producer.close


def ledger(library: str, topic: str) -> None:
    booked: list[str] = []

    def book(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        booked.append(value(message)["account"])
        note("done", event["id"], message, group=GROUP)

    read(library, topic, book)


def read(library: str, topic: str, book: Callable[[dict[str, Any], Any], None]) -> None:
    stop = Stop()
    if library == "kafka-python":
        consumer = kafka_python(topic, GROUP, session_timeout_ms=20_000)
        while not stop.asked:
            for records in consumer.poll(timeout_ms=300).values():
                for record in records:
                    book(value(record), record)
            consumer.commit()
    else:
        consumer = confluent(topic, GROUP, **MORE)
        while not stop.asked:
            message = consumer.poll(0.3)
            if message is not None and message.error() is None:
                book(value(message), message)
                consumer.commit(message, asynchronous=False)
    consumer.close()
