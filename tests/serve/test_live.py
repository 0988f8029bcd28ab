"""What comes while the page is open: heard, shown to every viewer alike, and refused where there is no room for it."""

from __future__ import annotations

import http.client
import signal
import uuid
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from select import select
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from diagnosis.telemetry import flow
from live.test_watch_sources import stored, world_with_a_loss
from otlp.helpers import Post
from support.programs import BARE, MAIN, launched, run, running
from support.waiting import until

from bench.batches import BATCH, Batches
from otel_eda.otlp.queue import ExportQueue
from otel_eda.serve import session, viewers
from otel_eda.serve.questions import way
from serve.pages import PATIENCE, SOON, Shown, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka

PROGRAMS = Path(__file__).parents[1] / "diagnosis" / "programs"
COUNT = 20
REQUESTS = 40


@pytest.fixture
def page() -> Iterator[Shown]:
    with shown("--otlp", "127.0.0.1:0", *SOON) as made:
        yield made


def endpoint(page: Shown) -> str:
    return page.session.receivers.endpoints[0]


def events(page: Shown) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(page.place, timeout=PATIENCE)
    connection.request("GET", "/api/events")
    return connection, connection.getresponse()


def pictures(answer: http.client.HTTPResponse, number: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < number:
        line = answer.readline()
        assert line, "it ended"
        if line.startswith(b"data: "):
            found.append(line)
    return found


def test_all_of_a_load_is_heard_and_flows_over_its_edges(page: Shown) -> None:
    post, batches = Post(endpoint(page)), Batches()
    for _ in range(REQUESTS):
        assert post(batches.next()).status == 200
    page.heard(REQUESTS * BATCH)
    state = page.ask("state")
    assert state["heard"]["spans"] == REQUESTS * BATCH
    assert state["heard"]["refused"] == []
    assert sum(edge["rate"] for edge in state["edges"] if edge["kind"] == "send") > 0
    queued = [edge["queue_p95"] for edge in state["edges"] if edge["kind"] == "process"]
    assert all(1e-3 < seconds < 4e-3 for seconds in queued)  # two milliseconds, in steps of nine percent
    told = page.ask("delivery", seconds=300)
    assert sum(series["total"]["processed"] for series in told["series"]) == REQUESTS * BATCH // 2
    until(lambda: page.ask("state")["heard"]["behind_seconds"] == 0, "nothing to wait")


def test_viewers_get_the_same_picture_which_is_drawn_once(page: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    viewers = page.page.viewers
    draw = viewers.draw

    def counting(version: int) -> bytes:
        drawn.append(version)
        return draw(version)

    monkeypatch.setattr(viewers, "draw", counting)
    looking = [events(page) for _ in range(5)]
    assert all(answer.getheader("content-type", "").startswith("text/event-stream") for _, answer in looking)
    seen = [pictures(answer, 3) for _, answer in looking]
    assert len({tuple(one[1:]) for one in seen}) <= 2  # somebody may have come a second later
    assert len(drawn) <= 6
    for connection, answer in looking:
        answer.close()
        connection.close()
    until(lambda: viewers.number == 0, "all to have gone")


def test_a_picture_that_cannot_be_drawn_is_one_that_is_missing(page: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = page.page.viewers.draw

    def failing(version: int) -> bytes:
        drawn.append(version)
        if len(drawn) in {1, 3} or len(drawn) > 5:
            raise RuntimeError("dictionary changed size during iteration")
        return draw(version)

    monkeypatch.setattr(page.page.viewers, "draw", failing)
    connection, answer = events(page)
    assert all(one.startswith(b'data: {"version"') for one in pictures(answer, 3))
    assert len(drawn) >= 5
    monkeypatch.setattr(viewers, "STALE_SECONDS", 2.0)
    assert answer.read().count(b"data: ") <= 2  # and lets go of whoever gets nothing new
    connection.close()


def test_beyond_a_bound_viewers_are_told_to_ask_less_often(page: Shown) -> None:
    page.page.viewers.most = 2
    looking = [events(page) for _ in range(2)]
    for _, answer in looking:
        pictures(answer, 1)
    told = page.get("/api/events")
    assert (told.status, told.headers["retry-after"]) == (503, "2")
    assert told.json == {"error": "2 look already: ask /api/state from time to time"}
    assert page.get("/api/state").status == 200
    for connection, answer in looking:
        answer.close()
        connection.close()
    until(lambda: page.page.viewers.number == 0, "room for another")
    connection, answer = events(page)
    assert pictures(answer, 1)
    connection.close()


def test_what_there_is_no_room_for_is_refused_and_counted_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = Batches()
    body = batches.next()
    monkeypatch.setattr(session, "ExportQueue", partial(ExportQueue, 3 * len(body)))
    with shown("--otlp", "127.0.0.1:0", *SOON) as page:
        post = Post(endpoint(page))
        statuses: list[int] = []
        while statuses.count(503) < 3:
            answer = post(batches.next())
            statuses.append(answer.status)
            assert answer.status == 200 or answer.getheader("Retry-After") == "1"
        page.heard(statuses.count(200) * BATCH)
        assert page.ask("state")["heard"]["refused"] == [{"why": "no room", "number": statuses.count(503)}]
        assert post(batches.next()).status == 200
    assert set(statuses) == {200, 503}


def test_too_many_questions_are_answered_with_when_to_ask_again(page: Shown) -> None:
    with ExitStack() as stack:
        connections = [
            stack.enter_context(closing(http.client.HTTPConnection(page.place, timeout=PATIENCE))) for _ in range(40)
        ]
        with page.session.parts.lock:  # so that none is answered
            for number, connection in enumerate(connections):
                connection.request("GET", f"/api/delivery?seconds={number + 1}")
            told, _, _ = select([connection.sock for connection in connections], [], [], PATIENCE)
            assert told, "none was refused"
        answers = [connection.getresponse() for connection in connections]
        assert {(one.status, one.getheader("retry-after")) for one in answers} == {(200, None), (503, "2")}
        assert sum(one.status == 200 for one in answers) >= 20


def test_a_question_that_takes_too_long_is_given_up(page: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    post, batches = Post(endpoint(page)), Batches()
    for _ in range(REQUESTS):
        post(batches.next())
    page.heard(REQUESTS * BATCH)
    monkeypatch.setattr(page.page.reader, "patience", 0.001)
    for question in ("latency", "trace?event=nothing", "delivery"):
        answer = page.get(f"/api/{question}")
        assert answer.status == 503, answer.body
        assert "ask for a shorter time" in answer.json["error"]
    monkeypatch.undo()
    monkeypatch.setattr(way, "MEMORY_MB", 1)
    assert page.get("/api/trace?event=nobody").status == 503
    assert page.get("/api/latency?seconds=900.5").status == 200


def test_a_file_that_grows_is_shown_as_it_grows(tmp_path: Path) -> None:
    made = flow(40, 1)
    lines, path = made.world.lines(10), tmp_path / "growing.jsonl"
    path.write_text("\n".join(lines[:4]) + "\n", encoding="utf-8")
    with shown(path, *SOON) as page:
        page.heard(40)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines[4:]) + "\n" + "{damaged\n{}}\n")
        page.heard(122)
        assert any("damaged" in note for note in page.ask("state")["heard"]["notes"])


def test_a_jaegers_spans_are_shown_each_once(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with_a_loss(monkeypatch)
    spans = sum(len(service.spans) for service in world.services)
    with shown(*stored(world, jaeger), *SOON) as page:
        page.session.keeper.jaeger_every = 0.5
        page.heard(spans)
        until(lambda: ("EDA104", "LIKELY") in page.verdicts(), "the lost message", PATIENCE)
        assert page.ask("state")["heard"]["spans"] == spans
        assert {node["name"] for node in page.ask("state")["nodes"]} >= {service.name for service in world.services}


@pytest.mark.timeout(240)
def test_a_fault_on_a_real_kafka_is_on_the_page_and_in_the_delivery(kafka: Kafka, topic: str) -> None:
    with running(BARE, "-c", MAIN, "serve", "--otlp", "127.0.0.1:0", "--address", "127.0.0.1:0", *SOON) as program:
        until(lambda: "the page is at" in program.errors or program.process.poll() is not None, "the page")
        place = urlsplit(program.errors.partition("page is at ")[2].partition(";")[0]).netloc
        otlp = program.errors.partition("OTLP on ")[2].partition(";")[0]
        group = f"billing-{uuid.uuid4().hex[:8]}"
        sent = run(launched(otlp, "shop"), PROGRAMS / "shop.py", kafka.address, topic, COUNT)
        billed = launched(otlp, "billing")
        done = run(billed, PROGRAMS / "billing.py", kafka.address, topic, group, COUNT, "swallows")
        assert (sent.status, done.status) == (0, 0)
        page: Any = Shown(None, None, place)  # type: ignore[arg-type]  # in a process of its own
        until(lambda: ("EDA104", "CONFIRMED") in page.verdicts(), "the lost message", PATIENCE)
        (series,) = (one for one in page.ask("delivery")["series"] if one["destination"] == topic)
        assert series["group"] == group
        told = {fate: series["total"][fate] for fate in ("sent", "processed", "failed", "lost", "under_way")}
        assert told == {"sent": COUNT, "processed": COUNT - 1, "failed": 1, "lost": 0, "under_way": 0}
        event = page.ask("trace", event=f"{topic}/0/7")
        assert [span["type"] for span in event["spans"]][:2] == ["send", "process"]
        assert event["spans"][1]["error"] == "ValueError"
        program.signal(signal.SIGINT)
        assert program.finish().status == 1


@pytest.mark.timeout(240)
def test_the_demos_shop_is_on_the_page_until_an_interrupt() -> None:
    with running(BARE, "-c", MAIN, "demo", "--serve", "--no-open", "--orders", "30") as program:
        until(lambda: "are at http" in program.errors or program.process.poll() is not None, "the page", PATIENCE)
        page: Any = Shown(None, None, urlsplit(program.errors.partition("are at ")[2].partition(";")[0]).netloc)  # type: ignore[arg-type]
        until(lambda: len(page.ask("state")["edges"]) == 4, "what flows", PATIENCE)
        until(lambda: ("EDA402", "LIKELY") in page.verdicts(), "the order that always fails", PATIENCE)
        assert {row["name"] for row in page.ask("state")["destinations"]} == {"orders", "payments"}
        program.signal(signal.SIGINT)
        outcome = program.finish()
    assert (outcome.status, outcome.output) == (0, "")
