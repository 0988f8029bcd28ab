"""Scans are on disk, messages have their paths only; a janitor removes most of them too early, or one comes late."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
log = logging.getLogger("ocr")


def play(books: Books, library: str, faulty: bool) -> None:
    queue, folder = books.queue(), books.file.with_suffix(".scans")
    folder.mkdir()
    books.run("scanner", scanner, library, queue, str(folder))
    kept = 8 if faulty else 23
    for path in sorted(folder.iterdir())[kept:]:
        path.unlink()
    books.run("ocr", ocr, queue, str(folder), faulty)
    books.close_queue(queue)


def scanner(library: str, queue: str, folder: str) -> None:
    scans = [{"id": f"scan-{n:02}", "path": f"{folder}/{n:02}.tif"} for n in range(24)]
    for scan in scans:
        Path(scan["path"]).write_text(scan["id"])
    publish(library, queue, scans)


def ocr(queue: str, folder: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            source = await channel.get_queue(queue)
            await source.consume(on_scan)
            await asyncio.sleep(4)

    async def on_scan(message: Any) -> None:
        async with message.process(requeue=not faulty):
            scan = json.loads(message.body)
            note("began", scan["id"], message)
            try:
                text = await asyncio.to_thread(Path(scan["path"]).read_text)
            except FileNotFoundError:
                note("failed", scan["id"], message)
                await asyncio.sleep(0.2)
                if not faulty:
                    Path(scan["path"]).write_text("it has come")
                raise
            log.info("%s: %d characters", scan["id"], len(text))
            note("done", scan["id"], message)

    asyncio.run(main())
