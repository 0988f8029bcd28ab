"""A framework above `tinyqueue`: it pulls messages in one place and processes them in another, or within a pull."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from core import adapter
from otel_eda.core import HandOver, Iterate, Library, NoteError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.tinyqueue import AsyncConsumer, Consumer, Record
    from core.tinyqueue.clients import Reader

HERE = __name__
BROKEN = -1


__version__ = "1.0"


class Job:
    """What stands for a message: it has nothing of the message but its value."""

    def __init__(self, record: Record) -> None:
        self.value = record.value
        self.error: BaseException | None = None

    def note(self, error: BaseException | None) -> None:
        self.error = error


class Fetcher:
    """Pulls messages: one by one, or in a loop of its own."""

    def __init__(self, consumer: Consumer | AsyncConsumer) -> None:
        self.consumer: Any = consumer

    def fetch(self) -> Job | None:
        """Return the next message's job, None for a message that it cannot read."""
        record = next(self.consumer)
        return None if record.value == BROKEN else Job(record)

    async def listen(self) -> AsyncIterator[Record]:
        async for record in self.consumer:
            yield record


class Worker:
    """Processes messages, and keeps what their handlers raise to itself, unless it is a `KeyError`."""

    def __init__(self, handler: Callable[[Any], Any]) -> None:
        self.handler = handler

    def process(self, job: Job) -> None:
        try:
            self.handler(job)
        except KeyError:
            raise
        except Exception as error:
            job.note(error)

    async def process_async(self, record: Record) -> None:
        await asyncio.sleep(0)
        await self.handler(record)


class Sensors:
    """Is told of what arrives."""

    def arrived(self, stream: Stream, record: Record) -> None:
        stream.current = record


class Stream:
    """Gives the values of messages that all of its processors let pass."""

    def __init__(self, reader: Reader, *processors: Callable[[object], bool]) -> None:
        self.reader = reader
        self.processors = processors
        self.sensors = Sensors()
        self.current: Record | None = None

    def __aiter__(self) -> AsyncIterator[object]:
        return self._values()

    async def _values(self) -> AsyncIterator[object]:
        while record := self.reader._any():
            await asyncio.sleep(0)
            self.sensors.arrived(self, record)
            if all(processor(record.value) for processor in self.processors):
                yield record.value


def library() -> Library:
    """Make it anew, off."""
    return Library(
        name="framework",
        system="tinyqueue",
        package=HERE,
        distribution="framework",
        supported=((1,), (2,)),
        message=adapter.read,
        identify=lambda stream: adapter.identify(stream.reader),
        shapes=(
            HandOver(f"{HERE}:Fetcher.fetch", ((f"{HERE}:Worker.process", "job"),)),
            HandOver(f"{HERE}:Fetcher.listen", ((f"{HERE}:Worker.process_async", "record"),)),
            NoteError(f"{HERE}:Job.note", lambda _, error: error),
            Iterate(
                f"{HERE}:Stream.__aiter__",
                "stream",
                lambda stream: lambda _: adapter.read(stream.current),
                arrival=(f"{HERE}:Sensors.arrived", "stream", "record"),
            ),
        ),
    )
