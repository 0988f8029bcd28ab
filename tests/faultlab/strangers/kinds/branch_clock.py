"""A branch's server has a clock that is behind; in the twin it is in another time zone, and writes naive times."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "branch-stock"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("warehouse", warehouse, library, topic)
    if faulty:
        books.elsewhere(-70.0, "branch", branch, library, topic)
        books.note("must", code="EDA702", where={})
    else:
        books.run("branch", branch, library, topic, environ={"TZ": "Asia/Tokyo"})
    books.close_topic(topic, GROUP)


def warehouse(library: str, topic: str) -> None:
    now = datetime.now().isoformat()  # as the branch's old software wants it
    publish(library, topic, [{"id": f"pallet-{n}", "sku": n % 5, "at": now} for n in range(30)])


def branch(library: str, topic: str) -> None:
    def book(pallet: dict[str, Any], message: Any) -> None:
        note("began", pallet["id"], message, group=GROUP)
        age = datetime.now() - datetime.fromisoformat(pallet["at"])
        note("done", pallet["id"], message, group=GROUP, age=age.total_seconds(), line=json.dumps(pallet))

    work(library, topic, GROUP, book)
