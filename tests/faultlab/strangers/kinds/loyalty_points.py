"""A Faust agent calls a handler for each kind of event, and only logs what it raises: refunds are gone; or tried again.

What shows it: the agent's process span has the event `eda.process.error_logged`, and the record of the log is within it
(EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
COUNT, REFUNDS = 30, {8, 17, 25}
log = logging.getLogger("loyalty")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, group = books.topic(1), f"loyalty-{'a' if faulty else 'b'}"
    with books.running("loyalty", loyalty, topic, group, str(books.file.with_suffix(".faust")), faulty) as app:
        books.wait("up", 1)
        books.run("tills", tills, topic)
        books.wait("done", COUNT - len(REFUNDS) if faulty else COUNT)
        books.wait("ended", COUNT)
        books.stop(app)
    books.close_topic(topic, group)


def tills(topic: str) -> None:
    kinds = ["refund" if n in REFUNDS else "purchase" for n in range(COUNT)]
    publish("aiokafka", topic, [{"id": f"receipt-{n}", "kind": kind, "cents": 990} for n, kind in enumerate(kinds)])


class Account:
    """Points of a customer; the partner who knows of a refund's points may not answer."""

    def __init__(self, partner_is_down: bool) -> None:
        self.points = 0
        self.down = partner_is_down
        self.asked: set[str] = set()

    async def purchase(self, event: dict[str, Any]) -> None:
        self.points += event["cents"] // 100

    async def refund(self, event: dict[str, Any]) -> None:
        known = event["id"] in self.asked
        self.asked.add(event["id"])
        if self.down or not known:
            raise ConnectionRefusedError(f"partner: {event['id']}")
        self.points -= event["cents"] // 100

    async def book(self, event: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        await {"purchase": self.purchase, "refund": self.refund}[event["kind"]](event)


async def handled(account: Account, event: dict[str, Any], message: Any, group: str, once: bool) -> None:
    """Book an event; whatever happens, the stream has to go on."""
    note("began", event["id"], message, group=group)
    try:
        try:
            await account.book(event)
        except ConnectionRefusedError:
            if once:
                raise
            await asyncio.sleep(0.1)
            await account.book(event)
    except Exception:
        note("logged", event["id"], message, group=group)
        log.exception("could not book %s", event["id"])
    else:
        note("done", event["id"], message, group=group)
    note("ended", event["id"])


def loyalty(topic: str, group: str, folder: str, faulty: bool) -> None:
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
        account = Account(faulty)

        @app.agent(app.topic(topic, value_serializer="json"))
        async def on_receipt(stream: Any) -> None:
            async for event in stream.events():
                await handled(account, event.value, event.message, group, faulty)

        await app.start()
        note("up")
        stop = Stop()
        while not stop.asked:
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)  # for the last commit
        await app.stop()

    asyncio.run(main())
