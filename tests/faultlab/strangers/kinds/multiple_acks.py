"""Threads acknowledge with `multiple`, and so what others are still at; or only what is done in a row."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT, LONG, DIES_AFTER = 40, {6, 7}, 20


def play(books: Books, library: str, faulty: bool) -> None:
    orders = books.queue()
    books.run("shop", shop, orders)
    ledger = str(books.file.with_suffix(".paid"))
    books.run("payments", payments, orders, ledger, faulty, True, status=KILLED)
    books.run("payments", payments, orders, ledger, faulty, False)
    books.close_queue(orders)


def shop(orders: str) -> None:
    publish("pika", orders, [{"id": f"payment-{n}", "long": n in LONG} for n in range(COUNT)])


class Ledger:
    """What has been paid, on disk, by the payment's name."""

    def __init__(self, file: str) -> None:
        self.file, self.lock = file, threading.Lock()

    def has(self, name: str) -> bool:
        with self.lock:
            if not os.path.exists(self.file):
                return False
            with open(self.file, encoding="utf-8") as file:
                return name in file.read().split()

    def add(self, name: str) -> None:
        with self.lock, open(self.file, "a", encoding="utf-8") as file:
            file.write(name + "\n")


class Acks:
    """Acknowledges tags by the broker's shortest way."""

    def __init__(self, connection: Any, channel: Any, careless: bool) -> None:
        self.connection, self.channel, self.careless = connection, channel, careless
        self.open: dict[int, bool] = {}
        self.lock = threading.Lock()

    def came(self, tag: int) -> None:
        with self.lock:
            self.open[tag] = False

    def done(self, tag: int) -> None:
        with self.lock:
            if tag not in self.open:
                return  # a later one has acknowledged it
            self.open[tag] = True
            if self.careless:
                upto = tag
            else:
                upto = 0
                for one in sorted(self.open):
                    if not self.open[one]:
                        break
                    upto = one
            gone = [one for one in self.open if one <= upto]
            for one in gone:
                del self.open[one]
        if gone:
            self.connection.add_callback_threadsafe(lambda: self.channel.basic_ack(upto, multiple=True))


class Worker:
    """Threads that pay, of which one may be the last."""

    def __init__(self, ledger: Ledger, acks: Acks, dies: bool) -> None:
        self.ledger, self.acks, self.dies = ledger, acks, dies
        self.todo: queue.PriorityQueue[tuple[int, int, Any, Any]] = queue.PriorityQueue()
        self.count = 0

    def run(self) -> None:
        while True:
            _, tag, payment, properties = self.todo.get()
            if payment is None:
                return
            self.pay(payment, properties)
            self.acks.done(tag)
            self.count += 1
            if self.dies and self.count == DIES_AFTER:
                time.sleep(0.2)
                os.kill(os.getpid(), signal.SIGKILL)

    def pay(self, payment: dict[str, Any], properties: Any) -> None:
        note("began", payment["id"], properties)
        if self.ledger.has(payment["id"]):
            note("filtered", payment["id"], properties)
            return
        time.sleep(2 if payment["long"] else 0.02)
        self.ledger.add(payment["id"])
        note("done", payment["id"], properties)


def payments(orders: str, file: str, careless: bool, dies: bool) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=8)
    acks = Acks(connection, channel, careless)
    worker = Worker(Ledger(file), acks, dies)
    threads = [threading.Thread(target=worker.run, name=f"pay-{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for method, properties, body in channel.consume(orders, inactivity_timeout=4):
        if method is None:
            break
        acks.came(method.delivery_tag)
        worker.todo.put((properties.priority or 0, method.delivery_tag, json.loads(body), properties))
    for number in range(4):
        worker.todo.put((9, 10**6 + number, None, None))
    for thread in threads:
        thread.join()
    connection.process_data_events(0.2)
    connection.close()
