"""What EDA103 (lost by the broker) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only, opened, stood

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_two_messages_at_one_offset(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("orders", 4.9, 76)
    first, second = made.shop.send("orders", 5.0, 77), made.shop.send("orders", 6.0, 77)
    made.billing.process(second, 6.1)
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, finding.partition, finding.offsets) == (CONFIRMED, "0", (77, 77))
    assert finding.trace_ids == (first.span.trace, second.span.trace)


@pytest.mark.parametrize(("groups", "verdict"), [(("billing", "mail"), SUSPECT), (("billing",), LIKELY)])
def test_a_topic_made_anew_is_less_certain_the_more_so_if_its_groups_were_through(
    diagnose: Diagnose, groups: tuple[str, ...], verdict: Verdict
) -> None:
    made = flow(6, 1)
    mail = made.world.service("mail", group="mail")
    for turn, message in enumerate(made.messages):
        if "mail" in groups:
            mail.process(message, 2.0 + turn * 0.1)
    anew = [made.shop.send("orders", 50.0 + offset, offset) for offset in range(3)]
    for reader in (made.billing, mail):
        for turn, message in enumerate(anew):
            reader.process(message, 55.0 + turn * 0.1)
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, finding.offsets) == (verdict, (0, 2))


def test_two_clusters_open_the_gate(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("orders", 5.0, 77)
    made.shop.send("orders", 6.0, 77, said={"server.address": "elsewhere"})
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, opened(finding)) == (LIKELY, {"G4"})


@pytest.mark.parametrize(("start", "cause"), [(1, "replica"), (0, "made anew")])
def test_a_log_that_ends_earlier_than_it_did(diagnose: Diagnose, start: int, cause: str) -> None:
    made = flow(40, 1)
    stood(made, 20.0, end=40, start=start)
    stood(made, 30.0, end=37, start=start)
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, finding.partition, finding.offsets, finding.count) == (LIKELY, "0", (37, 39), 3)
    assert cause in finding.cause
    assert finding.trace_ids == tuple(message.span.trace for message in made.messages[37:])


def test_a_log_that_ends_earlier_and_nobody_saw_what_was_sent(diagnose: Diagnose) -> None:
    made = flow(40, 1)
    made.shop.spans = []
    stood(made, 20.0, end=40, start=1)
    stood(made, 30.0, end=37, start=1)
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, finding.offsets) == (LIKELY, (37, 37))


def test_what_another_took_the_place_of_is_told_once(diagnose: Diagnose) -> None:
    made = flow(40, 1)
    stood(made, 20.0, end=40, start=1)
    stood(made, 30.0, end=37, start=1)
    for offset in range(37, 41):
        message = made.shop.send("orders", float(offset), offset)
    made.billing.process(message, 40.1)  # it goes on where it was
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, finding.offsets, finding.count) == (CONFIRMED, (37, 39), 3)


def test_a_second_consumer_that_knows_of_an_earlier_end_is_none(diagnose: Diagnose) -> None:
    made = flow(40, 1)
    stood(made, 20.0, "one", end=40, start=1)
    stood(made, 30.0, "two", end=37, start=1)
    assert diagnose(made.world, "EDA103").findings == ()


def test_a_log_that_grows_has_lost_nothing(diagnose: Diagnose) -> None:
    made = flow(40, 1)
    stood(made, 20.0, end=37, start=1)
    stood(made, 30.0, end=40, start=1)
    assert diagnose(made.world, "EDA103").findings == ()


@pytest.mark.parametrize(
    ("processes", "broker", "later", "verdict"),
    [(2, "broker", 0.0, SUSPECT), (2, "broker", 30.0, LIKELY), (1, "other", 0.0, SUSPECT)],
)
def test_who_gets_the_same_offsets_at_once_has_two_logs(
    diagnose: Diagnose, processes: int, broker: str, later: float, verdict: Verdict
) -> None:
    made = flow(0)
    second = made.shop if processes == 1 else made.world.service("shop")
    for service, start, address in ((made.shop, 0.0, "broker"), (second, later, broker)):
        for turn in range(10):
            service.send("orders", start + turn * 0.1, 500 + turn, said={"server.address": address})
    finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
    assert (finding.verdict, finding.count) == (verdict, 10)
