"""Scans are read by a pool of processes, one of which is killed: the scan is logged and skipped, or done once more."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "ocr"
log = logging.getLogger("ocr")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("scanner", scanner, library, topic)
    books.run("ocr", ocr, topic, faulty)
    books.close_topic(topic, GROUP)


def scanner(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"scan-{n}", "pages": 900 if n in {7, 19} else 1 + n % 4} for n in range(30)])


def recognise(pages: int, low_memory: bool) -> str:
    if pages > 500 and not low_memory:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does
    return "lorem " * pages


class Recogniser:
    """Work in other processes, which are started anew when one has died."""

    def __init__(self) -> None:
        self.pool = self.fresh()

    @staticmethod
    def fresh() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(2, mp_context=get_context("spawn"))

    async def read(self, pages: int, low_memory: bool = False) -> str:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, recognise, pages, low_memory)
        except BrokenExecutor:
            self.pool = self.fresh()
            raise


def ocr(topic: str, faulty: bool) -> None:
    async def handle(recogniser: Recogniser, record: Any) -> None:
        scan = json.loads(record.value)
        note("began", scan["id"], record, group=GROUP)
        try:
            await recogniser.read(scan["pages"])
        except BrokenExecutor:
            if faulty:
                note("logged", scan["id"], record, group=GROUP)
                log.exception("a process died of %s", scan["id"])
                return
            await recogniser.read(scan["pages"], low_memory=True)
        note("done", scan["id"], record, group=GROUP)

    async def main() -> None:
        recogniser, idle = Recogniser(), 0
        async with aio(topic, GROUP) as consumer:
            while idle < 4:
                found = await consumer.getmany(timeout_ms=600, max_records=5)
                idle = 0 if found else idle + 1
                for records in found.values():
                    for record in records:
                        await handle(recogniser, record)
                    await consumer.commit()
        recogniser.pool.shutdown()

    asyncio.run(main())
