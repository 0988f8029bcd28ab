"""`python -m bench.serve`: whether `otel-eda serve` keeps up with 5,000 spans a second on this machine.

A sender of its own process posts OTLP as the SDKs' exporters do: half of the spans are sends, half are the processing
of the same messages, by 50 services at 40 destinations. Viewers look at the page meanwhile. What is printed is what the
server itself says it heard, its processor time in cores, its memory, and how far it was behind at most.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from rich import box
from rich.table import Table

from .report import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

MAIN = "import sys; from otel_eda.cli import main; sys.exit(main())"
SERVICES, TOPICS, PARTITIONS = 50, 40, 8
BATCH = 512  # spans in a request
RATE, SECONDS, VIEWERS = 5000, 60, 10
MOST_BEHIND, MOST_GROWTH = 6.0, 1.25  # seconds; times the memory after a third of the time
AGES = (900, 800, 600, 300)  # hundredths of a millisecond ago: a send and its processing begin and end
COLUMNS = ("spans sent", "heard", "refused requests", "longest request", "cores", "behind", "memory", "grown")


class Batches:
    """Requests of spans that end now; made once, with ids and times written into the bytes."""

    def __init__(self, seed: int = 1) -> None:
        luck = random.Random(seed)  # noqa: S311  # no secret
        self.templates = [_template(luck, number) for number in range(16)]
        self.number = 0

    def next(self) -> bytes:
        """Return the next request."""
        body, marks = self.templates[self.number % len(self.templates)]
        self.number += 1
        copy, now = bytearray(body), time.time_ns()
        fresh = {mark: secrets.token_bytes(len(mark)) for mark in marks if mark[:1] == b"\xfe"}
        for mark, places in marks.items():
            value = fresh.get(mark) or (now - int.from_bytes(mark[1:4], "big") * 10_000).to_bytes(8, "little")
            for place in places:
                copy[place : place + len(mark)] = value
        return bytes(copy)


def _template(luck: random.Random, number: int) -> tuple[bytes, dict[bytes, list[int]]]:
    """Return a request with marks instead of ids (they begin with 0xFE) and times (0xFD), and where the marks are."""
    request, marks = ExportTraceServiceRequest(), []
    sender, worker = (_resource(request, f"service-{luck.randrange(SERVICES)}") for _ in range(2))
    for turn in range(BATCH // 2):
        trace, sent, worked = (_mark(size, number, turn, kind) for kind, size in enumerate((16, 8, 8)))
        topic = f"topic-{luck.randrange(TOPICS)}"
        times = [b"\xfd" + ago.to_bytes(3, "big") + bytes((number, turn, 0, place)) for place, ago in enumerate(AGES)]
        said = {"messaging.destination.partition.id": str(luck.randrange(PARTITIONS))}
        send = _span(sender, "send", topic, said)
        send.trace_id, send.span_id, send.kind = trace, sent, Span.SPAN_KIND_PRODUCER
        _times(send, times[0], times[1])
        work = _span(worker, "process", topic, {**said, "messaging.consumer.group.name": "readers"})
        work.trace_id, work.span_id, work.kind = trace, worked, Span.SPAN_KIND_CONSUMER
        work.parent_span_id = sent
        _times(work, times[2], times[3])
        marks += [trace, sent, worked, *times]
    body = request.SerializeToString()
    return body, {mark: _places(body, mark) for mark in marks}


def _mark(size: int, number: int, turn: int, kind: int) -> bytes:
    return (b"\xfe" + bytes((number, turn, 0, kind)) * 4)[:size].ljust(size, b"\xfe")


def _times(span: Span, begin: bytes, end: bytes) -> None:
    span.start_time_unix_nano, span.end_time_unix_nano = (int.from_bytes(mark, "little") for mark in (begin, end))


def _places(body: bytes, mark: bytes) -> list[int]:
    places, at = [], body.find(mark)
    while at >= 0:
        places.append(at)
        at = body.find(mark, at + 1)
    return places


def _resource(request: ExportTraceServiceRequest, service: str) -> ScopeSpans:
    resource = request.resource_spans.add()
    _attribute(resource.resource.attributes, "service.name", service)
    _attribute(resource.resource.attributes, "service.instance.id", f"{service}-1")
    scope = resource.scope_spans.add()
    scope.scope.name = "otel_eda.bench"
    return scope


def _span(scope: ScopeSpans, type_: str, topic: str, more: dict[str, Any]) -> Span:
    span = scope.spans.add(name=f"{type_} {topic}")
    said = {
        "messaging.system": "kafka", "messaging.operation.name": type_, "messaging.operation.type": type_,
        "messaging.destination.name": topic, "messaging.client.id": "bench-client", "server.address": "broker",
        "server.port": 9092, "messaging.message.body.size": 512, **more,
    }  # fmt: skip
    for key, value in said.items():
        _attribute(span.attributes, key, value)
    return span


def _attribute(pairs: Any, key: str, value: object) -> None:
    pair = pairs.add(key=key)
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = str(value)


@dataclass
class Sent:
    """What became of the requests that were posted."""

    taken: int = 0
    refused: int = 0
    waited: list[float] = field(default_factory=list)


def send(endpoint: str, rate: float, seconds: float) -> Sent:
    """Post so many spans a second; a request that is refused is posted again, as exporters do."""
    batches, sent, began = Batches(), Sent(), time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        ahead = sent.taken * BATCH / rate - elapsed
        if ahead > 0:
            time.sleep(ahead)
        body, asked = batches.next(), time.monotonic()
        while not _posted(f"{endpoint}/v1/traces", body):
            sent.refused += 1
            time.sleep(0.2)
        sent.taken += 1
        sent.waited.append(time.monotonic() - asked)
    return sent


def _posted(url: str, body: bytes) -> bool:
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"})  # noqa: S310  # ours
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code not in {429, 503}:
            raise
        return False
    return True


class Server:
    """An `otel-eda serve` that runs."""

    def __init__(self, process: subprocess.Popen[str], page: str, otlp: str) -> None:
        self.process, self.page, self.otlp = process, page, otlp

    def state(self) -> dict[str, Any]:
        """Return the picture of this moment."""
        with urllib.request.urlopen(f"{self.page}api/state", timeout=30) as answer:  # noqa: S310  # ours
            found: dict[str, Any] = json.load(answer)
        return found

    def processor_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Return its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def look(self) -> None:
        """Look at the page as a browser does, until it ends."""
        try:
            with urllib.request.urlopen(f"{self.page}api/events", timeout=60) as answer:  # noqa: S310  # ours
                while answer.read1(65536):
                    pass
        except (OSError, http.client.HTTPException):
            pass


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run a server during the block."""
    command = [sys.executable, "-c", MAIN, "serve", "--address", "127.0.0.1:0", "--otlp", "127.0.0.1:0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        page, otlp = (said.partition(name)[2].split(";")[0].split(",")[0] for name in ("page is at ", "OTLP on "))
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield Server(process, page, otlp)
        finally:
            process.terminate()


def main() -> int:
    """Measure and print; gives 1 if the server fell behind, refused, or grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    parser.add_argument("--send", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        sent = send(asked.send, asked.rate, asked.seconds)
        print(json.dumps([sent.taken, sent.refused, max(sent.waited)]))
        return 0
    with tempfile.TemporaryDirectory() as folder, serving("--keep", f"{folder}/kept") as server:
        return _measured(server, asked.rate, asked.seconds, asked.viewers)


def _measured(server: Server, rate: float, seconds: float, viewers: int) -> int:
    for _ in range(viewers):
        threading.Thread(target=server.look, daemon=True).start()
    command = [sys.executable, "-m", "bench.serve", "--send", server.otlp]
    sender = [*command, "--rate", str(rate), "--seconds", str(seconds)]
    before, began, rows = server.processor_seconds(), time.monotonic(), []
    with subprocess.Popen(sender, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            time.sleep(1)
            rows.append((server.megabytes(), server.state()["heard"]["behind_seconds"]))
        took, used = time.monotonic() - began, server.processor_seconds() - before
        assert process.stdout is not None
        taken, refused, longest = json.load(process.stdout)
    time.sleep(5)
    heard = server.state()["heard"]
    memory, behind = [row[0] for row in rows], max(row[1] for row in rows)
    grown = memory[-1] / memory[len(memory) // 3]
    table = Table(title=f"{rate:,.0f} spans a second for {seconds:.0f} s, {viewers} viewers", box=box.SIMPLE)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    table.add_row(
        f"{taken * BATCH:,}", f"{heard['spans']:,}", f"{refused}", f"{longest:.2f} s", f"{used / took:.2f}",
        f"{behind:.1f} s", f"{max(memory):.0f} MB", f"{grown:.2f}",
    )  # fmt: skip
    console.print(table)
    for note in heard["notes"]:
        console.print(note, highlight=False)
    kept_up = heard["spans"] == taken * BATCH and not refused and behind < MOST_BEHIND and grown < MOST_GROWTH
    goal = f"goal: nothing refused, never {MOST_BEHIND:.0f} s behind, memory flat"
    console.print(f"{goal}: {'reached' if kept_up else 'missed'}")
    return 0 if kept_up else 1


if __name__ == "__main__":
    sys.exit(main())
