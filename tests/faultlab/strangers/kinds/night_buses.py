"""Buses without telemetry report to Kafka; their reader commits first and dies of one line it does not know; or after.

A supervisor starts it anew. The faulty one has committed the report of which it died. The twin commits afterwards, and
its second start has the new timetable, so that the report is done then.

Shown by: the process span of the report has `error.type`, and the commit span before it is past it (EDA104, LIKELY, as
no send span says that it was there). The sender has no spans at all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "kafka-python")
GROUP, COUNT, NEW = "night-buses", 40, {11, 27}
DARK = {"OTEL_SDK_DISABLED": "true"}
NIGHTS = 3


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("buses", buses, library, topic, environ=DARK)
    program = {"aiokafka": by_aiokafka, "kafka-python": by_kafka_python}[library]
    for start in range(NIGHTS):
        last = start == NIGHTS - 1
        books.run("night-buses", program, topic, start, faulty, status=0 if last else 1)
    books.close_topic(topic, GROUP)
    books.note("may", code="EDA701", where={"destination": topic})  # no message has a context


def buses(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"report-{n}", "line": f"N{90 + n}" if n in NEW else "N1"} for n in range(COUNT)])


class Timetable:
    """The lines that are known; the one of the next start has one more, if somebody looks after it."""

    def __init__(self, start: int, kept: bool) -> None:
        self.lines = {"N1"} | ({f"N{90 + n}" for n in sorted(NEW)[:start]} if kept else set())

    def enter(self, report: dict[str, Any], message: Any) -> None:
        note("began", report["id"], message, group=GROUP)
        if report["line"] not in self.lines:
            note("failed", report["id"], message, group=GROUP)
            raise KeyError(report["line"])
        note("done", report["id"], message, group=GROUP)


def by_kafka_python(topic: str, start: int, faulty: bool) -> None:
    timetable, consumer = Timetable(start, not faulty), kafka_python(topic, GROUP)
    try:
        for record in consumer:
            if faulty:
                consumer.commit()
            timetable.enter(value(record), record)
            if not faulty:
                consumer.commit()
    except KeyError:
        raise SystemExit(1) from None
    finally:
        consumer.close()


def by_aiokafka(topic: str, start: int, faulty: bool) -> None:
    async def main() -> None:
        timetable = Timetable(start, not faulty)
        async with aio(topic, GROUP) as consumer:
            async for record in consumer:
                if faulty:
                    await consumer.commit()
                timetable.enter(value(record), record)
                if not faulty:
                    await consumer.commit()
                if record.offset == COUNT - 1:
                    break

    try:
        asyncio.run(main())
    except KeyError:
        raise SystemExit(1) from None
