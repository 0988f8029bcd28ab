"""A pool of threads works on messages as they come, and so on two of one key in the wrong order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.kafka import consumer, copies, send
from faultlab.program import outlive
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, KEYS, SLOW = 24, 4, 9


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", shop, topic)
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    send(topic, COUNT, keys=KEYS)


def billing(topic: str) -> None:
    reader = consumer(topic)
    passed, begun = threading.Event(), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        for message in copies(reader, COUNT):
            if message.offset == SLOW + KEYS:
                overtake(message, passed, begun)  # the next of that key, by another way
                fault("EDA301", group=topic, **place(message))
            elif message.offset == SLOW:
                slow = pool.submit(wait_and_work, message, passed, begun)
            else:
                pool.submit(work, message).result()
        slow.result()
    reader.commit()
    outlive()
    reader.close()


def overtake(message: Any, passed: threading.Event, begun: threading.Event) -> None:
    import otel_eda

    with otel_eda.process(message):
        passed.set()
        begun.wait()


def wait_and_work(message: Any, passed: threading.Event, begun: threading.Event) -> None:
    import otel_eda

    passed.wait()
    with otel_eda.process(message):
        begun.set()


def work(message: Any) -> None:
    import otel_eda

    with otel_eda.process(message):
        pass
