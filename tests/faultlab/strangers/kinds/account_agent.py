"""A Faust agent has a concurrency of four: an older change of an account is written last; or accounts are locked.

The process spans of one key overlap, and the later message's ends first. They began in order: EDA301, a SUSPECT.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import defaultdict
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
APP, ACCOUNTS, COUNT = "profiles", 3, 36


def play(books: Books, library: str, faulty: bool) -> None:
    topic, group = books.topic(1), f"{APP}-{'a' if faulty else 'b'}"
    books.run("crm", crm, topic)
    with books.running(APP, profiles, topic, group, str(books.file.with_suffix(".faust")), faulty) as app:
        books.wait("done", COUNT)
        books.wait("committed-since", 1)
        books.stop(app)
    books.close_topic(topic, group)
    stale = books.count("stale")
    assert bool(stale) is faulty, stale
    if faulty:
        books.note("must", code="EDA301", least="SUSPECT", where={"destination": topic})


def crm(topic: str) -> None:
    changes = [{"id": f"change-{n}", "account": f"a-{n % ACCOUNTS}", "version": n} for n in range(COUNT)]
    publish("aiokafka", topic, changes, key="account")


class Profiles:
    """The profiles as they were written last; addresses are looked up in a service that is slow at times."""

    def __init__(self, group: str, locked: bool) -> None:
        self.group = group
        self.locked = locked
        self.versions: dict[str, int] = defaultdict(int)
        self.locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def change(self, event: Any) -> None:
        change = event.value
        note("began", change["id"], event.message, group=self.group)
        async with self.lock(change["account"]):
            await asyncio.sleep(0.4 if change["version"] % 7 == 2 else 0.02)
            if self.versions[change["account"]] > change["version"]:
                note("stale", change["id"], event.message, group=self.group)
            self.versions[change["account"]] = change["version"]
        note("done", change["id"], event.message, group=self.group)

    def lock(self, account: str) -> AbstractAsyncContextManager[Any]:
        return self.locks[account] if self.locked else nullcontext()


def profiles(topic: str, group: str, folder: str, faulty: bool) -> None:
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
        written = Profiles(group, not faulty)

        @app.agent(app.topic(topic, value_serializer="json"), concurrency=4)
        async def change(stream: Any) -> None:
            async for event in stream.events():
                await written.change(event)

        await app.start()
        stop, turns = Stop(), 0
        while not stop.asked:
            await asyncio.sleep(0.2)
            turns += sum(written.versions.values()) > 0
            if turns == 50:
                note("committed-since")
        await app.stop()

    asyncio.run(main())
