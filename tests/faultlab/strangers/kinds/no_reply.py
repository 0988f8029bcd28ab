"""Quotes by direct reply-to: a server rejects what it cannot answer; or it answers, though a caller is gone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
CALLS, STRANGE, SLOW = 25, {6, 17}, {3, 4, 21}


def play(books: Books, library: str, faulty: bool) -> None:
    requests = books.queue()
    with books.running("quotes", quotes, requests, faulty) as server:
        for shop in ("shop-uk", "shop-fr"):
            books.run(shop, caller, requests, shop)
        books.stop(server)
    books.close_queue(requests)


def caller(requests: str, shop: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    answers: list[str] = []

    def on_answer(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        answers.append(properties.correlation_id)

    channel.basic_consume("amq.rabbitmq.reply-to", on_answer, auto_ack=True)
    for number in range(CALLS):
        name = f"{shop}-{number}"
        properties = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=name, expiration="5000")
        body = {"id": name, "currency": "XAU" if number in STRANGE else "EUR", "slow": number in SLOW}
        note("sent", name, to=requests)
        channel.basic_publish("", requests, json.dumps(body).encode(), properties)
        patience = time.monotonic() + 0.3
        while name not in answers and time.monotonic() < patience and number != CALLS - 1:
            connection.process_data_events(0.05)  # the last answer is for nobody
    connection.close()


def quotes(requests: str, faulty: bool) -> None:
    import pika

    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    rates = {"EUR": 1.0} if faulty else {"EUR": 1.0, "XAU": 1700.0}

    def on_request(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        request = json.loads(body)
        note("began", request["id"], properties)
        if request["slow"]:
            time.sleep(0.5)
        try:
            rate = rates[request["currency"]]
        except KeyError:
            note("failed", request["id"], properties)
            ch.basic_reject(method.delivery_tag, requeue=False)
            return
        answer = pika.BasicProperties(correlation_id=properties.correlation_id)
        ch.basic_publish("", properties.reply_to, b"%f" % rate, answer)
        note("done", request["id"], properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(requests, on_request)
    while not stop.asked:
        connection.process_data_events(0.1)
    connection.close()
