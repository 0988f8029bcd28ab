"""Forks in a loop's body, the child sends and reads with clients of its own: `forks.py ADDRESS TOPIC HOW`."""

from __future__ import annotations

import multiprocessing
import os
import sys

from kafka import KafkaConsumer, KafkaProducer
from talk import outcomes, say

CUE = os.dup(0)  # multiprocessing takes its children's standard input away
address, topic, how = sys.argv[1:]


def send(client: KafkaProducer, value: bytes) -> str:
    return outcomes([client.send(topic, value)])


def read(group: str) -> KafkaConsumer:
    return KafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=f"{topic}-{group}",
        auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )


def child() -> None:
    mine = KafkaProducer(bootstrap_servers=address)
    say(f"child sends {send(mine, b'child')}")
    for message in read("child"):
        say(f"child reads {message.offset}")
        break
    say("child is done")
    os.read(CUE, 1)


def in_child() -> int:
    """Give the child's exit status."""
    if how == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        return process.exitcode or 0
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(7) if how == "_exit" else sys.exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


producer = KafkaProducer(bootstrap_servers=address)
say(f"parent sends {send(producer, b'1')}")
for record in read("parent"):
    say(f"parent reads {record.offset}")
    if record.offset == 0:
        say(f"child ends with {in_child()}")
        say(f"parent sends {send(producer, b'2')}")
    if record.offset == 2:
        break
producer.close()
