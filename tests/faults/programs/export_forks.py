"""Dispatches events, forks when these have been exported, and goes on in all of the processes: `export_forks.py`."""

from __future__ import annotations

import multiprocessing
import time

from blinker import Namespace
from talk import wait

CHILDREN, EVENTS = 3, 100
placed = Namespace().signal("order.placed")
orders: list[int] = []


def keep(order: int) -> None:
    orders.append(order)


def dispatch() -> None:
    for number in range(EVENTS):
        placed.send(number)
        time.sleep(0.005)


def main() -> None:
    placed.connect(keep)
    dispatch()
    wait("before")
    children = [multiprocessing.get_context("fork").Process(target=dispatch) for _ in range(CHILDREN)]
    for child in children:
        child.start()
    dispatch()
    for child in children:
        child.join()


if __name__ == "__main__":
    main()
