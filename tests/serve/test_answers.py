"""What the API answers about telemetry whose truth is known: the same as a diary, and what the checks find."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from serve.diary import START, Diary, written
from serve.pages import SOON, Shown, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

RANGE = {"since": START - 1, "until": START + 500}
FATES = ("unsent", "processed", "failed", "lost", "under_way")
GRACE = 300.0  # between the ages of what is lost and of what is under way


@pytest.fixture(scope="module")
def diary() -> Diary:
    return written()


@pytest.fixture(scope="module")
def page(diary: Diary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    path = diary.world.write(tmp_path_factory.mktemp("told"))
    with shown(path, *SOON, "--grace", GRACE, "--jaeger-url", "http://jaeger.example") as made:
        made.heard(sum(len(service.spans) for service in diary.world.services))
        yield made


def test_delivery_is_what_the_diary_says_in_each_interval(page: Shown, diary: Diary) -> None:
    (series,) = page.ask("delivery", **RANGE, step=1)["series"]
    assert (series["destination"], series["group"], series["grace"]) == ("orders", "billing", GRACE)
    for interval in series["intervals"]:
        told = {fate: interval[fate] for fate in FATES if interval[fate]}
        assert told == dict(diary.fates.get(round(interval["time"] - START), Counter())), interval
        assert interval["sent"] == sum(told.values()) - told.get("unsent", 0)
    assert series["total"]["lost"] == diary.total("lost") > 0


@pytest.mark.parametrize("state", ["lost", "failed", "unsent", "processed", "under_way"])
def test_the_messages_behind_a_number_are_listed(page: Shown, diary: Diary, state: str) -> None:
    told = page.ask("delivery/messages", **RANGE, state=state, destination="orders", group="billing", limit=1000)
    assert told["number"] == diary.total(state) == len(told["messages"])
    assert {one["span_id"] for one in told["messages"]} == {one.span.id for one in diary.messages[state]}
    assert {one["state"] for one in told["messages"]} == {state}
    if state == "failed":
        assert {one["error"] for one in told["messages"]} == {"ValueError"}


def test_a_list_says_how_many_there_are_beyond_it(page: Shown, diary: Diary) -> None:
    told = page.ask("delivery/messages", **RANGE, limit=5)
    assert (len(told["messages"]), told["number"]) == (5, sum(map(len, diary.messages.values())))


def test_the_picture_has_who_sends_and_who_processes(page: Shown) -> None:
    state = page.ask("state")
    assert {node["id"] for node in state["nodes"]} == {"service:shop", "service:billing", "destination:orders"}
    edges = {edge["kind"]: edge for edge in state["edges"]}
    assert (edges["send"]["source"], edges["send"]["target"]) == ("service:shop", "destination:orders")
    assert (edges["process"]["source"], edges["process"]["target"]) == ("destination:orders", "service:billing")
    assert edges["process"]["group"] == "billing"
    assert state["heard"]["refused"] == []
    assert state["heard"]["services"] == ["billing", "shop"]


def test_findings_come_with_their_proof_and_are_filtered(page: Shown) -> None:
    from support.waiting import until

    until(lambda: ("EDA101", "CONFIRMED") in page.verdicts(), "the sends that failed", 60)
    everything = page.ask("findings")
    one = page.ask("findings", code="EDA101", verdict="CONFIRMED", text="kafkatimeouterror")
    assert 0 < one["matching"] < everything["number"]
    (finding,) = (entry["finding"] for group in one["groups"] for entry in group["findings"])
    assert finding["gates"]
    assert finding["action"]
    assert finding["evidence"]
    assert finding["links"][0].startswith("http://jaeger.example/trace/")
    assert page.ask("findings", text="nowhere in it")["groups"] == []
    state = page.ask("state")
    assert state["findings"]["number"] == everything["number"]
    assert next(node for node in state["nodes"] if node["id"] == "service:shop")["worst"] == "CONFIRMED"


@pytest.mark.parametrize("name", ["orders/2/10", "order-32", "talk-32"])
def test_an_event_is_found_by_any_name_of_it(page: Shown, diary: Diary, name: str) -> None:
    told = page.ask("trace", event=name)
    message = next(one for fate in diary.messages.values() for one in fate if (one.offset, one.partition) == (10, "2"))
    assert [span["type"] for span in told["spans"]] == ["send", "process"]
    assert {span["trace_id"] for span in told["spans"]} == {message.span.trace}
    assert told["spans"][1]["cause"] == message.span.id
    assert (told["missing"], told["near"]) == ([], [])


def test_what_is_nearly_called_so_is_named(page: Shown) -> None:
    told = page.ask("trace", event="orders/0/99999")
    assert told["spans"] == []
    assert told["near"][0].startswith("orders/0/0 to ")


def test_what_is_missing_of_an_event_is_said(page: Shown, diary: Diary) -> None:
    told = page.ask("trace", event=diary.messages["lost"][0].span.trace)
    assert told["missing"] == ["no span shows who processed what shop sent to orders"]


def test_durations_are_in_the_row_that_bounds_them(page: Shown) -> None:
    heat = page.ask("heat", **RANGE, step=60)
    counts: dict[Any, int] = {}
    for row in heat["counts"]:
        for bound, number in zip(heat["bounds"], row, strict=True):
            counts[bound] = counts.get(bound, 0) + number
    slow = sum(turn % 20 == 3 for turn in range(120))
    assert {bound: number for bound, number in counts.items() if number and bound > 0.1} == {0.5623413252: slow}
    assert sum(heat["errors"]) == 2 * slow


def test_latency_is_told_from_end_to_end_and_for_each_hop(page: Shown) -> None:
    told = page.ask("latency", **RANGE)
    (end,) = told["ends"]
    assert (end["origin"], end["final"]) == ("shop", "billing")
    assert end["p50"] == pytest.approx(0.013, abs=0.001)
    hops = {hop["kind"]: hop for hop in told["hops"]}
    assert hops["send"]["p50"] == pytest.approx(0.002, abs=1e-6)
    assert hops["queue"]["p50"] == pytest.approx(0.008, abs=1e-6)
    assert hops["process"]["p99"] == pytest.approx(0.4, abs=0.001)


def test_two_times_are_compared(page: Shown) -> None:
    told = page.ask("compare", a_since=START, a_until=START + 6, b_since=START + 6, b_until=START + 12)
    (row,) = told["rows"]
    assert (row["destination"], row["group"]) == ("orders", "billing")
    assert row["a"]["sent_rate"] == row["b"]["sent_rate"] == pytest.approx(10.0)
    assert row["a"]["error_share"] == pytest.approx(row["b"]["error_share"])
    later = page.ask("compare", a_since=START, a_until=START + 6, b_since=START + 20, b_until=START + 25)
    assert later["rows"][0]["b"] is None


def test_partitions_have_owners_and_shares(page: Shown) -> None:
    (group,) = page.ask("partitions", destination="orders", **RANGE)["groups"]
    assert [one["partition"] for one in group["partitions"]] == ["0", "1", "2"]
    assert sum(one["share"] for one in group["partitions"]) == pytest.approx(1.0)
    assert {one["owner"] for one in group["partitions"]} == {"billing"}
    assert not any(one["hot"] for one in group["partitions"])
    assert {(one["partition"], one["instance"]) for one in group["owners"]} == {(p, "billing-0") for p in "012"}


def test_the_queue_time_is_there_where_no_lag_is_reported(page: Shown) -> None:
    (series,) = page.ask("lag", **RANGE)["series"]
    assert series["points"]
    assert all(point[1:3] == [None, None] and point[3] == pytest.approx(0.008) for point in series["points"])


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("delivery?since=5&until=4", "until has to be after since"),
        ("delivery?seconds=nan", "seconds has to be a number"),
        ("delivery?seconds=100&step=0.1&x=y&step=0", "step has to be a number"),
        ("delivery?seconds=80000&step=1", "step has to be larger"),
        ("delivery/messages?state=gone", "state has to be one of"),
        ("partitions", "destination has to be named"),
        ("trace?event=", "event has to be a text"),
    ],
)
def test_a_wrong_question_is_answered_with_why(page: Shown, path: str, why: str) -> None:
    answer = page.get(f"/api/{path}")
    assert answer.status == 400
    assert why in answer.json["error"]


def test_there_is_no_other_question(page: Shown) -> None:
    answer = page.get("/api/nothing")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
