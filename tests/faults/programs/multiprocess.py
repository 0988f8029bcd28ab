"""Has a child of `multiprocessing` or Celery read a topic and end, well or not: `… ADDRESS TOPIC HOW END`."""

from __future__ import annotations

import multiprocessing
import sys

from kafka import KafkaConsumer, KafkaProducer
from talk import outcomes, say

kept: list[KafkaConsumer] = []


def child(address: str, topic: str, end: str) -> None:
    reader = KafkaConsumer(
        topic, bootstrap_servers=address, group_id=topic, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    kept.append(reader)  # so that nothing but the end of the process ends its last message
    for _ in range(2):
        say(f"child reads {next(reader).offset}")
    if end == "error":
        raise LookupError("no such order")


def in_celerys_pool(*arguments: str) -> int:
    from billiard.pool import Pool

    pool = Pool(1, maxtasksperchild=1)
    pool.apply(child, arguments)
    pool.close()
    pool.join()
    return 0


def in_process(how: str, *arguments: str) -> int | None:
    process = multiprocessing.get_context(how).Process(target=child, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def main(address: str, topic: str, how: str, end: str) -> None:
    producer = KafkaProducer(bootstrap_servers=address)
    say(f"parent sends {outcomes([producer.send(topic, b'%d' % number) for number in range(2)])}")
    try:
        raise ConnectionError("of the parent")
    except ConnectionError:  # as a supervisor has one that starts a worker anew
        status = in_celerys_pool(address, topic, end) if how == "celery" else in_process(how, address, topic, end)
    say(f"child ends with {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
