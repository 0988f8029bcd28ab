"""Faust on Kafka: the work of agents and streams is in their messages' traces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import faust
import pytest
from support.recorder import recording
from support.spans import attribute, ids, links, parent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from brokers.kafka import Kafka
    from conftest import Topics
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

    Body = Callable[[faust.App], Awaitable[None]]

pytestmark = pytest.mark.filterwarnings("ignore:The loop argument:DeprecationWarning")  # what Faust gives aiokafka
WORK = "work"
PATIENCE = 60


class Lab:
    """An application of Faust's, and what is recorded of it."""

    def __init__(self, kafka: Kafka, topics: Topics, folder: Path, recorder: Recorder) -> None:
        self.kafka, self.topics, self.folder, self.recorder = kafka, topics, folder, recorder

    def run(self, main: Callable[[faust.App], Callable[[], Awaitable[None]]]) -> None:
        """Declare agents with a new application, start it, and await what has declared them."""

        async def everything() -> None:
            app = faust.App(
                self.topics(),
                broker=f"kafka://{self.kafka.address}",
                datadir=str(self.folder),
                web_enabled=False,
                topic_disable_leader=True,
                reply_create_topic=False,
                producer_linger_ms=0,
                consumer_auto_offset_reset="earliest",
                broker_commit_interval=0.2,
                loop=asyncio.get_running_loop(),
            )
            act = main(app)
            await app.start()
            try:
                await act()
            finally:
                await app.stop()

        asyncio.run(asyncio.wait_for(everything(), PATIENCE))

    def topic(self, app: faust.App) -> Any:
        return app.topic(self.topics(), value_type=str)

    def work(self) -> None:
        with self.recorder.tracer.start_as_current_span(WORK):
            pass

    async def send(self, topic: Any, *values: str) -> None:
        for value in values:
            with self.recorder.tracer.start_as_current_span("request"):
                await topic.send(value=value)

    async def processed(self, number: int, topic: Any) -> list[ReadableSpan]:
        """Wait for so much work, and for the end of the spans around it."""
        while len(self.recorder.own(WORK)) < number or self.recorder.open("process"):
            await asyncio.sleep(0.01)
        return self.recorder.processes(number, topic.get_topic_name())


@pytest.fixture
def lab(kafka: Kafka, topics: Topics, tmp_path: Path, recorder: Recorder) -> Lab:
    return Lab(kafka, topics, tmp_path, recorder)


def test_the_work_of_an_agent_is_in_its_messages_trace(lab: Lab, recorder: Recorder) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        topic = lab.topic(app)

        @app.agent(topic)
        async def agent(stream: Any) -> None:
            async for _ in stream:
                lab.work()

        async def act() -> None:
            await lab.send(topic, "a", "b", "c")
            spans = await lab.processed(3, topic)
            sends = recorder.sends(3, topic.get_topic_name())
            assert [parent(span) for span in sends] == [ids(span) for span in recorder.own("request")]
            assert [parent(span) for span in spans] == [ids(span) for span in sends]
            assert [links(span) for span in spans] == [[ids(span)] for span in sends]
            assert [parent(span) for span in recorder.own(WORK)] == [ids(span) for span in spans]
            assert [attribute(span, "messaging.kafka.offset") for span in spans] == [0, 1, 2]
            assert {attribute(span, "messaging.consumer.group.name") for span in spans} == {app.conf.id}
            assert recorder.count("messaging.client.consumed.messages", topic.get_topic_name()) == 3
            while not recorder.count("eda.commits"):
                await asyncio.sleep(0.1)

        return act

    lab.run(main)


@pytest.mark.parametrize("way", ["events", "items", "concurrency"])
def test_so_is_that_of_every_other_loop_over_a_stream(lab: Lab, recorder: Recorder, way: str) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        topic = lab.topic(app)

        @app.agent(topic, concurrency=2 if way == "concurrency" else 1)
        async def agent(stream: Any) -> None:
            async for _ in stream if way == "concurrency" else getattr(stream, way)():
                lab.work()

        async def act() -> None:
            await lab.send(topic, "a", "b", "c")
            spans = await lab.processed(3, topic)
            assert [parent(span) for span in recorder.own(WORK)] == [ids(span) for span in spans]

        return act

    lab.run(main)


def test_an_exception_is_the_messages_outcome(lab: Lab) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        topic = lab.topic(app)

        @app.agent(topic)
        async def agent(stream: Any) -> None:
            async for value in stream:
                lab.work()
                if value == "bad":
                    raise KeyError(value)

        async def act() -> None:
            await lab.send(topic, "bad", "good")
            failed, sound = await lab.processed(2, topic)
            assert attribute(failed, "error.type") in {"KeyError", "_OTHER"}  # before Python 3.12 it is not known which
            assert attribute(sound, "error.type") is None

        return act

    lab.run(main)


@pytest.mark.parametrize("way", ["through", "echo"])
def test_what_a_stream_sends_on_before_the_loop_has_it_is_in_the_trace(lab: Lab, recorder: Recorder, way: str) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        first, second = lab.topic(app), lab.topic(app)

        @app.agent(first)
        async def forward(stream: Any) -> None:
            async for _ in getattr(stream, way)(second):
                lab.work()

        @app.agent(second)
        async def arrive(stream: Any) -> None:
            async for _ in stream:
                lab.work()

        async def act() -> None:
            await lab.send(first, "value")
            while len(recorder.own(WORK)) < 2 or recorder.open("process"):
                await asyncio.sleep(0.01)
            (span,), (sent,) = recorder.processes(1, first.get_topic_name()), recorder.sends(1, second.get_topic_name())
            assert parent(sent) == ids(span)
            (request,) = recorder.own("request")
            assert {ids(one)[0] for one in recorder.own(WORK)} == {ids(request)[0]}

        return act

    lab.run(main)


def test_a_message_that_is_filtered_out_is_done(lab: Lab, recorder: Recorder) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        topic = lab.topic(app)

        @app.agent(topic)
        async def agent(stream: Any) -> None:
            async for _ in stream.filter(lambda value: value != "skipped"):
                lab.work()

        async def act() -> None:
            await lab.send(topic, "skipped", "kept")
            while not recorder.own(WORK) or recorder.open("process"):
                await asyncio.sleep(0.01)
            skipped, kept = recorder.processes(2, topic.get_topic_name())
            assert [parent(one) for one in recorder.own(WORK)] == [ids(kept)]
            assert [attribute(span, "error.type") for span in (skipped, kept)] == [None, None]

        return act

    lab.run(main)


def test_a_processor_that_fails_is_the_messages_outcome(kafka: Kafka, topics: Topics, tmp_path: Path) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        topic = lab.topic(app)

        def check(value: str) -> bool:
            if value == "bad":
                raise KeyError(value)
            return True

        @app.agent(topic)
        async def agent(stream: Any) -> None:
            async for _ in stream.filter(check):
                lab.work()

        async def act() -> None:
            await lab.send(topic, "bad", "good")
            while not recorder.own(WORK) or recorder.open("process"):
                await asyncio.sleep(0.01)
            failed, sound = recorder.processes(2, topic.get_topic_name())
            assert [attribute(span, "error.type") for span in (failed, sound)] == ["KeyError", None]

        return act

    with recording(quiet=False) as recorder:  # Faust logs what has come through our frames
        lab = Lab(kafka, topics, tmp_path, recorder)
        lab.run(main)


def test_two_agents_that_read_one_topic_process_each_message_once(lab: Lab, recorder: Recorder) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        topic = lab.topic(app)

        async def read(stream: Any) -> None:
            async for _ in stream:
                lab.work()

        app.agent(topic, name="bill")(read)
        app.agent(topic, name="ship")(read)

        async def act() -> None:
            await lab.send(topic, "a", "b")
            spans = await lab.processed(4, topic)
            groups = {attribute(span, "messaging.consumer.group.name") for span in spans}
            assert groups == {f"{app.conf.id}/bill", f"{app.conf.id}/ship"}
            assert not any(attribute(span, "eda.message.redelivered") for span in spans)

        return act

    lab.run(main)


def test_a_channel_in_memory_is_no_business_of_ours(lab: Lab, recorder: Recorder) -> None:
    def main(app: faust.App) -> Callable[[], Awaitable[None]]:
        channel, topic = app.channel(), lab.topic(app)

        @app.agent(topic)
        async def other(stream: Any) -> None:
            async for _ in stream:
                """Without any topic an application does not start."""

        @app.agent(channel)
        async def agent(stream: Any) -> None:
            async for _ in stream:
                lab.work()

        async def act() -> None:
            await lab.send(channel, "a")
            while not recorder.own(WORK):
                await asyncio.sleep(0.01)

        return act

    lab.run(main)
    assert not recorder.processes(0)
