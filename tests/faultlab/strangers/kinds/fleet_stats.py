"""A Faust app of two agents with a table: the second dies of trips without a driver, which are gone; or it knows them.

Shown by: the process spans of these trips have the error, or at least the record that Faust logs of it, and no other
attempt at the same offset follows, though the group commits past them (EDA104).
"""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
COUNT, DRIVERLESS = 30, {7, 19}


def play(books: Books, library: str, faulty: bool) -> None:
    positions, trips = books.topic(1), books.topic(1)
    group = f"fleet-stats-{'a' if faulty else 'b'}"
    books.run("cars", cars, positions)
    with books.running(
        "fleet-stats", stats, positions, trips, group, str(books.file.with_suffix(".faust")), faulty
    ) as app:
        books.wait("began", COUNT * 2)
        books.wait("still-here", 1)
        books.stop(app)
    books.close_topic(positions, group)
    books.close_topic(trips, group)
    books.note("archive", to=f"{group}-km-changelog")  # it is read when the app starts anew


def cars(topic: str) -> None:
    events = [
        {"id": f"fix-{n}", "car": n % 3, "driver": None if n in DRIVERLESS else f"driver-{n % 5}", "km": n}
        for n in range(COUNT)
    ]
    publish("aiokafka", topic, events)


def of(trip: dict[str, Any], message: Any, group: str, faulty: bool) -> str:
    """Give the driver of a trip as the table has it."""
    if faulty and trip["driver"] is None:
        note("logged", trip["id"], message, group=group)  # Faust logs what comes now, and starts the agent anew
    driver: Any = trip["driver"] if faulty else trip["driver"] or "nobody"
    return str(driver.lower())


def stats(positions: str, trips: str, group: str, folder: str, faulty: bool) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    import faust

    async def main() -> None:
        app = faust.App(
            group,
            broker=f"kafka://{kafka()}",
            datadir=folder,
            web_enabled=False,
            topic_disable_leader=True,
            topic_partitions=1,
            reply_create_topic=False,
            consumer_auto_offset_reset="earliest",
            broker_commit_interval=0.3,
            loop=asyncio.get_running_loop(),
        )
        source, middle = (app.topic(name, value_serializer="json") for name in (positions, trips))
        km: Any = app.Table("km", default=int, partitions=1)

        @app.agent(source)
        async def collect(stream: Any) -> None:
            async for event in stream.events():
                fix = event.value
                note("began", fix["id"], event.message, group=group)
                note("sent", f"trip-{fix['id']}", to=trips)
                await middle.send(value={**fix, "id": f"trip-{fix['id']}"})
                note("done", fix["id"], event.message, group=group)

        @app.agent(middle)
        async def add(stream: Any) -> None:
            async for event in stream.events():
                trip = event.value
                note("began", trip["id"], event.message, group=group)
                await asyncio.sleep(0.02)
                km[of(trip, event.message, group, faulty)] += trip["km"]
                note("done", trip["id"], event.message, group=group)

        await app.start()
        stop, turns = Stop(), 0
        while not stop.asked:
            await asyncio.sleep(0.2)
            turns += 1
            if turns == 30:
                note("still-here")
        await app.stop()

    asyncio.run(main())
