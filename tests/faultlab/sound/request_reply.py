"""A service asks another, many times in one trace, and gets its answers in a queue of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import say
from faultlab.rabbitmq import channel, read

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    queue, answers = stage.queue(), stage.queue()
    with stage.start("prices", prices, queue) as asked:
        asked.wait_for("there")
        stage.run("shop", shop, queue, answers)
        asked.finish()


def shop(queue: str, answers: str) -> None:
    import pika
    from opentelemetry.trace import get_tracer

    with get_tracer(__name__).start_as_current_span("basket"), channel() as made:
        replies = read(made, answers, COUNT)
        for number in range(COUNT):
            made.basic_publish("", queue, b"%d" % number, pika.BasicProperties(reply_to=answers))
            method, _, _ = next(replies)
            made.basic_ack(method.delivery_tag)


def prices(queue: str) -> None:
    with channel() as made:
        say("there")
        for method, properties, body in read(made, queue, COUNT):
            made.basic_publish("", properties.reply_to, body)
            made.basic_ack(method.delivery_tag)
