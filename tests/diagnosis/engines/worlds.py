"""One data set of many worlds: every file of the exam, and what no file of it has; none of them knows of the others."""

from __future__ import annotations

import gzip
import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnosis.checks.helpers import counted_by_ledger
from diagnosis.checks.metrics import around, hours, levels, rising, worked
from diagnosis.telemetry import Message, Telemetry, flow, pairs
from otel_eda.diagnosis import columns, external
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAM = Path(__file__).parents[1] / "exam"
# What names something of a world, in any of the tables.
NAMES = (
    "service", "instance", "host", "destination", "consumer_group", "client_id", "server", "message_id",
    "correlation_id", "sender", "real_name",
)  # fmt: skip
ID = re.compile(r'"(?:[0-9a-f]{16}|[0-9a-f]{32})"')


@contextmanager
def merged(folder: Path) -> Iterator[Store]:
    """Yield a store with the worlds in it; each name begins with the number of its world."""
    path = folder / "worlds.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(request)}\n" for request in requests())
    with Store() as store:
        store.read([Files(str(path))])
        for table, every in columns.TABLES.items():
            names = [column.name for column in every if column.name in NAMES]
            store.execute(f"UPDATE {table} SET {', '.join(f'{name} = {_prefixed(name)}' for name in names)}")
            store.execute(f"UPDATE {table} SET realm = NULL")
        yield store


def _prefixed(name: str) -> str:
    return f"split_part(realm, '/', 1) || '.' || {name}"


def requests(leave: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the requests of OTLP of all worlds but one; each resource says of which world it is."""
    for number, lines in enumerate(_worlds(leave)):
        for line in lines:
            try:
                request = json.loads(ID.sub(lambda found: f'"{number:03x}{found[0][4:]}', line))  # noqa: B023
            except ValueError:  # a damaged line, which is part of some worlds
                continue
            if isinstance(request, dict):
                _number(request, f"w{number}")
                yield request


def _worlds(leave: str | None) -> Iterator[list[str]]:
    for path in sorted(EXAM.glob("*/*.jsonl.gz")):
        if path.name.partition(".")[0] != leave:
            yield gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
    for world in (_stuck(), _hot(), _cut(), _ahead(), _refused()):
        yield world.lines()


def _number(request: dict[str, Any], name: str) -> None:
    """Say in each resource which world it is of, where the engine reads an environment."""
    for every in request.values():
        for item in every if isinstance(every, list) else ():
            resource = item.setdefault("resource", {})
            resource["attributes"] = [*pairs({external.ENVIRONMENT: name}), *resource.get("attributes", ())]


def _stuck() -> Telemetry:
    """A handler gives up a message after very long, and another message is still at work."""
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, took=50.0, said={"eda.process.abandoned": True})
    counted_by_ledger(made, "eda.consumer.in_flight_age", 40, "gauge")
    return made.world


def _hot() -> Telemetry:
    """One partition gets most of the messages."""
    world = Telemetry()
    shop = world.service("shop")
    for turn in range(1200):
        key, partition = ("hot", 3) if turn % 10 < 9 else (f"key-{turn % 5}", turn // 10 % 4)
        shop.send("clicks", turn * 0.001, turn, partition, said={"eda.message.key.hash": key})
    return world


def _cut() -> Telemetry:
    """One message arrives without the context that it was sent with."""
    made = flow()
    cut = made.works[12].json
    del cut["links"], cut["parentSpanId"]
    cut["traceId"] = made.world.id(16)
    return made.world


def _refused() -> Telemetry:
    """Messages are refused for good: they are lost, are dead letters that nobody reads, and some that a clerk reads."""
    world = Telemetry(1)
    shop, billing, clerk = (world.service(name, system="rabbitmq") for name in ("shop", "billing", "clerk"))
    for turn, queue in enumerate(("orders", "bills", "mails") * 10):
        at, error = turn * 0.1, "ValueError" if turn > 26 else None
        sent = shop.send(queue, at)
        work = billing.process(sent, at + 0.01, error=error)
        refusal = {"eda.settle.requeue": False, "eda.settle.dead_letter": queue != "bills"} if error else {}
        said = {"messaging.operation.name": "reject" if refusal else "ack", **refusal}
        billing._span("settle", queue, at + 0.02, 0.001, said, work).json["links"] = work.json["links"]
        if error and queue == "mails":
            died = {"eda.message.death_count": 1, "eda.message.death_reason": "rejected"}
            clerk.process(Message(sent.span, "graves", None, None), at + 1, said=died)
    billing.other("still here", 60.0, 0.01)
    return world


def _ahead() -> Telemetry:
    """Lag rises, retention comes nearer, polls become rare, a queue fills, and all is slower than it was."""
    made = hours()
    group = {"messaging.system": "kafka", "messaging.consumer.group.name": "billing"}
    calm, growth = around(20, 120), rising(40, 100, 20)
    levels(made.billing, "eda.consumer.lag", [*calm, *growth])
    levels(
        made.billing, "eda.consumer.retention.margin", [*around(9e4, 120, 0.02), *(9e4 - 15 * lag for lag in growth)]
    )
    levels(made.billing, "eda.queue.depth", [*calm, *growth])
    levels(made.billing, "eda.consumer.partition.count", [8.0] * 160, group)
    levels(made.billing, "eda.consumer.poll.age", [*calm, *(60.0 * minute for minute in range(1, 41))], group)
    levels(made.billing, "eda.consumer.poll.limit", [3600.0] * 160, group)
    worked(made.billing, around(600, 160), [*around(13, 120), *around(50, 40)])
    return made.world
