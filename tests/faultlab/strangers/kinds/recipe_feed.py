"""A Faust agent sends what it has enriched and looks at no answer: long recipes are too large; the twin cuts them up.

Shown by: the send spans of what the broker refused have its error as `error.type` (EDA101). The agent's own process
spans are without an error, since it is through before the answer comes.
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
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
APP, GROUP = "recipe-feed", "cookbook"
COUNT, LARGE, LIMIT = 30, {5, 17, 18}, 20_000


def play(books: Books, library: str, faulty: bool) -> None:
    source, target = books.topic(1), books.topic(1, **{"max.message.bytes": str(LIMIT)})
    group = f"{APP}-{'a' if faulty else 'b'}"
    books.run("kitchen", kitchen, source)
    with books.running(APP, feed, source, target, group, str(books.file.with_suffix(".faust")), faulty) as app:
        books.wait("done", COUNT, APP)
        books.wait("still-here", 1)
        books.stop(app)
    books.run("cookbook", cookbook, target)
    assert books.count("refused") == (len(LARGE) if faulty else 0)
    books.close_topic(source, group)
    books.close_topic(target, GROUP)


def kitchen(topic: str) -> None:
    recipes = [{"id": f"recipe-{n}", "steps": ["stir"] * (3000 if n in LARGE else 20)} for n in range(COUNT)]
    publish("aiokafka", topic, recipes)


def cookbook(topic: str) -> None:
    def keep(recipe: dict[str, Any], message: Any) -> None:
        note("began", recipe["id"], message, group=GROUP)
        note("done", recipe["id"], message, group=GROUP)

    work("aiokafka", topic, GROUP, keep)


class Pages:
    """Makes of a recipe what is to be shown: all at once, or page by page."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole

    def of(self, recipe: dict[str, Any]) -> Iterator[dict[str, Any]]:
        steps = [f"{number}. {step}" for number, step in enumerate(recipe["steps"], 1)]
        if self.whole or len(steps) < 500:
            yield {"id": f"shown-{recipe['id']}", "steps": steps}
            return
        for at in range(0, len(steps), 500):
            yield {"id": f"shown-{recipe['id']}-{at}", "steps": steps[at : at + 500]}


def feed(source: str, target: str, group: str, folder: str, faulty: bool) -> None:
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
        pages, out = Pages(faulty), app.topic(target, value_serializer="raw", key_serializer="raw")

        @app.agent(app.topic(source, value_serializer="json"))
        async def enrich(stream: Any) -> None:
            async for event in stream.events():
                recipe = event.value
                note("began", recipe["id"], event.message, group=group)
                for page in pages.of(recipe):
                    note("sent", page["id"], to=target)
                    answer: Any = await out.send(key=page["id"].encode(), value=json.dumps(page).encode())
                    answer.add_done_callback(lambda one, name=page["id"]: look(one, name, target))
                note("done", recipe["id"], event.message, group=group)

        await app.start()
        stop, turns = Stop(), 0
        while not stop.asked:
            await asyncio.sleep(0.2)
            turns += 1
            if turns == 20:
                note("still-here")
        await app.stop()

    asyncio.run(main())


def look(answer: Any, name: str, target: str) -> None:
    """Note what the broker said, which the team does not look at."""
    if not answer.cancelled() and answer.exception() is not None:
        note("refused", name, to=target)
