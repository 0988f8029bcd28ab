"""The sums of the last minute: rates and times of known truth, and bounds that hold whatever comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from diagnosis import telemetry
from diagnosis.telemetry import SECOND, Telemetry, flow

from otel_eda.serve import board as boards
from otel_eda.serve import picture
from otel_eda.serve.board import Board, EdgeKey
from otel_eda.serve.loader import Loader
from otel_eda.serve.parts import Parts
from serve.pages import shown as shown_page
from serve.test_keeping import LONG, MUCH, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as made:
        yield made


def shown(world: Telemetry, parts: Parts, folder: Path, board: Board, *more: str) -> None:
    part = Loader(parts).add([lines(folder, "told.jsonl", *world.lines(), *more)])
    assert part
    board.take(part)


@pytest.fixture(autouse=True)
def recent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "BEGIN", time.time_ns() - 30 * SECOND)


def test_rates_and_times_are_those_of_the_messages(parts: Parts, tmp_path: Path) -> None:
    made, board = flow(100, 2), Board(lambda: 0.0)
    for service in made.world.services:
        service.spans.pop()  # that they are still here
    made.billing.process(made.messages[99], 10.5, error="ValueError")
    shown(made.world, parts, tmp_path, board)
    assert board.now() == pytest.approx(telemetry.BEGIN / SECOND + 11.503, abs=0.01)  # counts were read
    flows, seconds = board.flows(), board.seconds()
    work = flows[EdgeKey("process", "billing", "orders", "billing")]
    assert (work.number, work.errors) == (101, 1)
    assert work.number / seconds == pytest.approx(101 / 11.503, rel=0.01)
    assert work.p50 == pytest.approx(0.003, rel=0.1)
    assert work.queue_p50 == pytest.approx(0.008, rel=0.1)
    sent = flows[EdgeKey("send", "shop", "orders", None)]
    assert (sent.number, sent.errors, sent.queue_p95) == (100, 0, None)
    assert sent.p95 == pytest.approx(0.002, rel=0.1)


def test_memory_is_flat_once_as_many_sends_are_known_as_are_remembered(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "OLD_SENDS", tuple(text.replace("1000000", "2000") for text in boards.OLD_SENDS))
    monkeypatch.setattr(boards, "COMPACTED_PARTS", 5)
    part = Loader(parts).add([lines(tmp_path, "told.jsonl", *flow(500, 1).world.lines())])
    board = Board()
    assert part
    sizes = []
    for _ in range(60):
        board.take(part)
        board.connection.execute("UPDATE recent SET slot = slot - 1")  # that what is older than a minute goes
        sizes.append(board.connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()[0][0])
    assert max(sizes[30:]) <= 1.1 * max(sizes[:30])


def test_what_is_older_than_a_minute_counts_no_more_but_its_edge_stays(parts: Parts, tmp_path: Path) -> None:
    made, now = flow(40, 1), [0.0]
    board = Board(lambda: now[0])
    shown(made.world, parts, tmp_path, board)
    now[0] = 90.0
    assert {flow.number for flow in board.flows().values()} == {0}
    now[0] = boards.EDGE_SECONDS + 90
    assert board.flows() == {}


def test_lag_is_that_of_the_groups_metrics(parts: Parts, tmp_path: Path) -> None:
    made, board = flow(40, 1), Board(lambda: 0.0)
    said = {"messaging.destination.name": "orders", "messaging.consumer.group.name": "billing"}
    at = telemetry.BEGIN + 4 * SECOND
    point = {"timeUnixNano": str(at), "attributes": telemetry.pairs(said), "asDouble": 17.0}
    metric = {"name": "eda.consumer.lag", "gauge": {"dataPoints": [point]}}
    made.world.extra = [telemetry.scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [metric])]
    shown(made.world, parts, tmp_path, board)
    drawn = picture.draw(board, [], 1)
    (edge,) = (edge for edge in drawn.edges if edge["kind"] == "process")
    assert edge["lag"] == 17
    assert drawn.destinations[0]["groups"][0]["lag"] == 17


def test_names_without_end_have_bounds(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_EDGES", 50)
    monkeypatch.setattr(picture, "MOST_EDGES", 20)
    world, board = Telemetry(), Board(lambda: 0.0)
    shop = world.service("shop")
    for number in range(200):
        shop.send(f"reply-{number}", number * 0.1)
    shown(world, parts, tmp_path, board)
    assert {key.destination for key in board.flows()} == {f"reply-{number}" for number in range(150, 200)}
    drawn = picture.draw(board, [], 1)
    assert (len(drawn.edges), drawn.left_off["edges"]) == (20, 30)


def test_a_lag_that_grows_is_foretold(tmp_path: Path) -> None:
    made = flow(40, 1)
    said = {"messaging.destination.name": "orders", "messaging.consumer.group.name": "billing"}
    points = [
        {
            "timeUnixNano": str(telemetry.BEGIN + number * 10 * SECOND),
            "attributes": telemetry.pairs(said),
            "asDouble": 100.0 * number,
        }
        for number in range(60)
    ]
    metric = {"name": "eda.consumer.lag", "gauge": {"dataPoints": points}}
    made.world.extra = [telemetry.scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [metric])]
    begin = telemetry.BEGIN / SECOND
    with shown_page(made.world.write(tmp_path), "--every", "1s") as page:
        page.heard(sum(len(service.spans) for service in made.world.services))
        (series,) = page.ask("lag", since=begin - 1, until=begin + 600, step=10)["series"]
    assert [point[1] for point in series["points"] if point[1] is not None] == [100.0 * n for n in range(60)]
    foretold = series["forecast"]["points"]
    assert foretold[0][0] == pytest.approx(begin + 600, abs=10)
    for at, low, likely, high in foretold:
        assert low <= likely <= high
        assert likely == pytest.approx(10 * (at - begin), rel=0.1)
    assert series["forecast"]["says"].startswith("in 3 min likely 7,9")
