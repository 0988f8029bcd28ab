"""A few of the strangers on every run of the tests; what a diary says; `make faultlab` plays all of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from faultlab.play import mixed, score, settled, strangers
from faultlab.score import FAULTY, SOUND
from faultlab.stage import Lab
from faultlab.strangers import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.kafka import Kafka
    from brokers.rabbitmq import RabbitMQ

CHOSEN = (
    "strangers/signals/pyee-faulty",
    "strangers/signals/blinker-sound",
    "strangers/large_images/kafka-python-faulty",
    "strangers/rejecting/pika-faulty",
    "strangers/order_hooks/blinker-faulty",
    "strangers/taskiq_task/taskiq-faulty",
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", CHOSEN)
def test_a_stranger_is_judged_rightly_now_and_later(
    name: str, kafka: Kafka, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    (scenario,) = (one for one in strangers() if one.name == name)
    with Lab(tmp_path, kafka, rabbitmq) as lab:
        found = score(lab, scenario, tmp_path / "run")
    assert found.notes == []
    assert settled(scenario, tmp_path / "run").notes == []


def test_there_are_as_many_faulty_strangers_as_sound_ones() -> None:
    kinds = Counter(one.kind for one in strangers())
    assert kinds[FAULTY] == kinds[SOUND] >= 30


def test_a_seed_gives_the_same_mixes_again() -> None:
    first, again, other = (mixed(5, seed) for seed in (1, 1, 2))
    assert [one.about for one in first] == [one.about for one in again] != [one.about for one in other]


def line(what: str, event: object = 1, **more: Any) -> dict[str, Any]:
    at = {"destination": "orders", "partition": "0", "offset": 3}
    return {"what": what, "event": event, "at": at, "who": "billing", "time": 1.0, "group": "g", **more}


COMMITTED = line("committed", at={"destination": "orders", "partition": "0", "offset": 4})


def codes(*lines: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted({(one.code, one.verdict) for one in verdicts.truths(lines) if one.fault})


def test_what_was_committed_past_and_never_done_is_lost() -> None:
    assert codes(line("stored"), COMMITTED) == [("EDA104", "LIKELY")]
    assert codes(line("stored"), COMMITTED, line("done")) == []
    assert codes(line("stored"), COMMITTED, line("logged")) == [("EDA104", "SUSPECT")]


def test_what_the_group_has_not_come_to_is_not_lost() -> None:
    assert codes(line("stored", at={**COMMITTED["at"], "offset": 4}), COMMITTED) == []


def test_what_was_done_twice_is_repeated_unless_it_was_meant() -> None:
    assert codes(line("done"), line("done")) == [("EDA202", "LIKELY")]
    assert codes(line("done"), line("done", meant=True)) == []


def test_what_was_sent_and_is_not_there_is_unresolved() -> None:
    sent = line("sent", 2, to="orders")
    assert codes(line("stored"), sent) == [("EDA102", "LIKELY")]
    assert codes(line("stored"), sent, line("refused", 2, to="orders")) == [("EDA101", "LIKELY")]


def test_what_failed_three_times_is_poison_and_ten_times_a_storm() -> None:
    assert codes(*[line("failed")] * 3) == [("EDA402", "LIKELY")]
    assert codes(*[line("failed")] * 10) == [("EDA402", "LIKELY"), ("EDA403", "LIKELY")]
    assert codes(*[line("failed")] * 3, line("done")) == []
