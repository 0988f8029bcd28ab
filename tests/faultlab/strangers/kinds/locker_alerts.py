"""A Faust agent sends its alerts to a topic by its old name, which nobody reads any more; in the twin both have moved.

Parcels that lie in a locker for too long are to be fetched by a van. The twin's agent has the new name, and the vans'
planner begins later in the day.

Shown by: send spans of the agent's to a topic for which no process and no poll has a span (EDA107).
"""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
APP, GROUP, COUNT, DAYS = "locker-watch", "van-planner", 40, 3


def play(books: Books, library: str, faulty: bool) -> None:
    parcels, old, new = books.topic(1), books.topic(1), books.topic(1)
    group = f"{APP}-{'a' if faulty else 'b'}"
    target = old if faulty else new
    books.run("lockers", lockers, parcels)
    with books.running(APP, watch, parcels, target, group, str(books.file.with_suffix(".faust"))) as app:
        books.wait("done", COUNT, APP)
        books.wait("still-here", 1)
        books.stop(app)
    books.run("van-planner", planner, new)
    late = sum(n % 5 > DAYS for n in range(COUNT))
    assert books.count("planned") == (0 if faulty else late)
    books.close_topic(parcels, group)
    books.close_topic(target, GROUP)
    if faulty:
        books.note("unread", to=old)


def lockers(topic: str) -> None:
    publish("aiokafka", topic, [{"id": f"parcel-{n}", "days": n % 5, "locker": n // 5} for n in range(COUNT)])


def watch(parcels: str, alerts: str, group: str, folder: str) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    import faust

    async def main() -> None:
        app = faust.App(
            group,
            broker=f"kafka://{kafka()}",
            datadir=folder,
            web_enabled=False,
            topic_disable_leader=True,
            reply_create_topic=False,
            consumer_auto_offset_reset="earliest",
            broker_commit_interval=0.3,
            loop=asyncio.get_running_loop(),
        )
        out = app.topic(alerts, value_serializer="raw", key_serializer="raw")

        @app.agent(app.topic(parcels, value_serializer="json"))
        async def look(stream: Any) -> None:
            async for event in stream.events():
                parcel = event.value
                note("began", parcel["id"], event.message, group=group)
                if parcel["days"] > DAYS:
                    name = parcel["id"].replace("parcel", "alert")
                    note("sent", name, to=alerts)
                    answer: Any = await out.send(
                        key=str(parcel["locker"]).encode(), value=json.dumps({"id": name}).encode()
                    )
                    await answer
                note("done", parcel["id"], event.message, group=group)

        await app.start()
        stop, turns = Stop(), 0
        while not stop.asked:
            await asyncio.sleep(0.2)
            turns += 1
            if turns == 20:
                note("still-here")
        await app.stop()

    asyncio.run(main())


def planner(alerts: str) -> None:
    def plan(alert: dict[str, Any], message: Any) -> None:
        note("began", alert["id"], message, group=GROUP)
        note("planned", alert["id"])
        note("done", alert["id"], message, group=GROUP)

    work("aiokafka", alerts, GROUP, plan)
