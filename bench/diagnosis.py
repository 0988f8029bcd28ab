"""`python -m bench.diagnosis`: time and memory from a file of OTLP JSON lines to a report, for 1, 3 and 10 million.

A million has the memory that `otel-eda diagnose` takes by default, more have as much for each million. `--quick` does
one million only.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from otel_eda.diagnosis.settings import MEMORY

from .report import console

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLION = 1_000_000
SIZES = (1, 3, 10)
BATCH = 512  # spans in a request, as the SDK's processor sends them
SERVICES = ("shop", "payments", "shipping", "mail")
TOPICS = ("orders", "invoices", "parcels")
PARTITIONS = 8
BEGIN = 1_790_000_000_000_000_000
EVERY = 1_000_000  # nanoseconds between two orders
SECONDS, MEGABYTES = 10.0, 1000.0  # what a million spans may take, on two cores


def main() -> int:
    """Measure and print the table; gives 1 if a million spans took more than they may."""
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one million spans only")
    table = Table(title="From file to report", box=box.SIMPLE, title_justify="left")
    for name in ("spans", "file", "wall", "processor time", "peak memory", "spans/s", "the checks' SQL alone"):
        table.add_column(name, justify="right")
    first = None
    for millions in SIZES[:1] if parser.parse_args().quick else SIZES:
        row, wall, memory = _row(millions)
        first = first or (wall, memory)
        table.add_row(*row)
    console.print(table)
    wall, memory = first or (0.0, 0.0)
    reached = wall <= SECONDS and memory <= MEGABYTES
    console.print(f"goal: a million in {SECONDS:.0f} s and {MEGABYTES:.0f} MB: {'reached' if reached else 'missed'}")
    return 0 if reached else 1


def _row(millions: int) -> tuple[list[str], float, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "traces.jsonl")
        with console.status(f"writing {millions} million spans"), file.open("w", encoding="utf-8") as out:
            number = sum(out.write(line) and count for line, count in lines(millions * MILLION))
        with console.status(f"diagnosing {millions} million spans"):
            given = MEMORY * millions
            wall, processor, memory = _run("diagnose", str(file), "--fail-on", "never", "--memory", str(given))
            bare = _bare(file, given)
        size = file.stat().st_size / 1e6
    row = [f"{number:,}", f"{size:,.0f} MB", f"{wall:.1f} s", f"{processor:.1f} s", f"{memory:.0f} MB"]
    return [*row, f"{number / wall:,.0f}", f"{bare:.1f} s"], wall, memory


PROGRAM = "import sys; from otel_eda.cli import main; sys.exit(main(sys.argv[1:]))"


def _run(*arguments: str) -> tuple[float, float, float]:
    """Give wall time, processor time and peak memory in MB of a diagnosis in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def _bare(file: Path, memory: int) -> float:
    """Give how long the questions of all checks take on the loaded tables, without gates, groups and reports."""
    from otel_eda.diagnosis import catalog, facts
    from otel_eda.diagnosis.settings import Bounds
    from otel_eda.diagnosis.sources.files import Files
    from otel_eda.diagnosis.store import Store

    with Store(memory) as store:
        store.read([Files(str(file))])
        facts.prepare(store, Bounds())
        begin = time.perf_counter()
        for question in (question for check in catalog.checks() for question in check.questions):
            store.ask(f"SELECT count(*) FROM ({question})")  # noqa: S608  # our own
        return time.perf_counter() - begin


def lines(spans: int) -> Iterator[tuple[str, int]]:
    """Give requests of orders that pass four services, and how many spans are in each."""
    luck = random.Random(1)  # noqa: S311  # the same file again
    batches = {service: _Batch(service, luck) for service in SERVICES}
    offsets: dict[tuple[str, int], int] = {}
    made = 0
    while made < spans:
        trace, parent, at = f"{luck.getrandbits(128):032x}", "", BEGIN + made // 9 * EVERY
        for hop, topic in enumerate(TOPICS):
            partition = luck.randrange(PARTITIONS)
            offset = offsets[topic, partition] = offsets.get((topic, partition), -1) + 1
            sent, done, call = (f"{luck.getrandbits(64):016x}" for _ in range(3))
            record, reader = _Record(topic, partition, offset, at), SERVICES[hop + 1]
            yield from batches[SERVICES[hop]].add(record.send(trace, sent, parent))
            yield from batches[reader].add(record.process(trace, done, sent, reader))
            yield from batches[reader].add(record.call(trace, call, done))
            parent, at, made = done, at + 5_000_000, made + 3
    for batch in batches.values():
        yield from batch.flush()


class _Batch:
    """What a process exports at once."""

    def __init__(self, service: str, luck: random.Random) -> None:
        said = [("service.name", service), ("service.instance.id", f"{luck.getrandbits(128):032x}"), ("host.name", "a")]
        self.head = f'{{"resourceSpans":[{{"resource":{{"attributes":[{_text(*said)}]}},"scopeSpans":[{{"scope":'
        self.head += '{"name":"otel_eda.kafka_python","version":"0.1.0"},"spans":['
        self.spans: list[str] = []

    def add(self, span: str) -> Iterator[tuple[str, int]]:
        self.spans.append(span)
        if len(self.spans) == BATCH:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[str, int]]:
        text = io.StringIO()
        text.write(self.head)
        text.write(",".join(self.spans))
        text.write("]}]}]}\n")
        yield text.getvalue(), len(self.spans)
        self.spans = []


def _text(*pairs: tuple[str, str]) -> str:
    return ",".join(f'{{"key":"{key}","value":{{"stringValue":"{value}"}}}}' for key, value in pairs)


def _numbers(*pairs: tuple[str, int]) -> str:
    return ",".join(f'{{"key":"{key}","value":{{"intValue":"{value}"}}}}' for key, value in pairs)


def _span(ids: tuple[str, str, str], name: str, kind: int, times: tuple[int, int], attributes: str) -> str:
    trace, span, parent = ids
    above = f'"parentSpanId":"{parent}",' if parent else ""
    return (
        f'{{"traceId":"{trace}","spanId":"{span}",{above}"flags":257,"name":"{name}","kind":{kind},'
        f'"startTimeUnixNano":"{times[0]}","endTimeUnixNano":"{times[1]}","attributes":[{attributes}],"status":{{}}'
    )


COMMON = _text(("messaging.system", "kafka"), ("server.address", "10.0.0.1")) + "," + _numbers(("server.port", 9092))


@dataclass(frozen=True)
class _Record:
    """A message at its place."""

    topic: str
    partition: int
    offset: int
    at: int

    def said(self, verb: str, *more: tuple[str, str]) -> str:
        """Give the attributes of an operation on it."""
        said = _text(
            ("messaging.operation.name", verb),
            ("messaging.operation.type", verb),
            ("messaging.destination.name", self.topic),
            ("messaging.client.id", "client-1"),
            ("messaging.destination.partition.id", str(self.partition)),
            *more,
        )
        stamp = self.at // 1_000_000
        numbers = _numbers(("messaging.kafka.offset", self.offset), ("eda.message.timestamp", stamp))
        return f"{COMMON},{said},{numbers}"

    def send(self, trace: str, span: str, parent: str) -> str:
        """Give the span of its sending."""
        times = self.at, self.at + 2_000_000
        return _span((trace, span, parent), f"send {self.topic}", 4, times, self.said("send")) + "}"

    def process(self, trace: str, span: str, sent: str, group: str) -> str:
        """Give the span of its processing."""
        times = self.at + 3_000_000, self.at + 4_500_000
        said = self.said("process", ("messaging.consumer.group.name", group))
        made = _span((trace, span, sent), f"process {self.topic}", 5, times, said)
        return f'{made},"links":[{{"traceId":"{trace}","spanId":"{sent}","flags":257}}]}}'

    def call(self, trace: str, span: str, parent: str) -> str:
        """Give the span of a call that its handler makes."""
        said = _text(("http.request.method", "GET"), ("url.full", "http://stock.local/items/1")) + ","
        said += _numbers(("http.response.status_code", 200))
        return _span((trace, span, parent), "GET", 3, (self.at + 3_200_000, self.at + 4_200_000), said) + "}"


if __name__ == "__main__":
    sys.exit(main())
