"""What EDA301 (consumed out of order) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import Telemetry, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, counted_by_ledger, only, processed

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def turned(key_a: str, key_b: str) -> Telemetry:
    made = flow()
    first, second = made.shop.send("orders", 5.0, 60), made.shop.send("orders", 5.1, 61)
    made.billing.process(second, 5.2, took=1.0, said={"eda.message.key.hash": key_b})
    made.billing.process(first, 5.3, took=1.0, said={"eda.message.key.hash": key_a})
    return made.world


def test_within_a_key(diagnose: Diagnose) -> None:
    finding = only(diagnose(turned("k", "k"), "EDA301").findings, "EDA301")
    assert (finding.verdict, finding.offsets, finding.key) == (CONFIRMED, (61, 61), "k")


def test_keys_may_overtake_each_other(diagnose: Diagnose) -> None:
    assert diagnose(turned("k", "other"), "EDA301").findings == ()


def test_by_the_ledger_if_spans_begin_before_the_work_does(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.out_of_order.messages", 1)
    for number, late in enumerate((False, True, False)):
        sent = made.shop.send("orders", 5.0 + number, 60 + number)
        said = {"eda.message.key.hash": "k", "eda.message.out_of_order": late or None}
        made.billing.process(sent, 9.0 + number, took=5.0, said=said)
    finding = only(diagnose(made.world, "EDA301").findings, "EDA301")
    assert (finding.verdict, finding.offsets, finding.key, finding.count) == (CONFIRMED, (61, 61), "k", 1)


def test_what_times_and_the_ledger_tell_counts_once(diagnose: Diagnose) -> None:
    made = flow()
    first, second = made.shop.send("orders", 5.0, 60), made.shop.send("orders", 5.1, 61)
    made.billing.process(second, 5.2, said={"eda.message.key.hash": "k"})
    made.billing.process(first, 5.3, said={"eda.message.key.hash": "k", "eda.message.out_of_order": True})
    assert only(diagnose(made.world, "EDA301").findings, "EDA301").count == 1


def test_by_the_ledger_if_no_span_was_kept(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.out_of_order.messages", 4)
    finding = only(diagnose(made.world).findings, "EDA301")
    assert (finding.verdict, finding.count) == (CONFIRMED, 4)


def test_by_the_senders_numbers(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, screen = world.service("shop", system="zeromq"), world.service("screen", system="zeromq")
    for turn, number in enumerate((0, 2, 1)):
        said = {"eda.sender.id": "aa", "eda.sender.sequence": number}
        late = {"eda.message.out_of_order": True} if number == 1 else {}
        screen.process(shop.send("prices", number / 10, said=said), 0.5 + turn / 10, said={**said, **late})
    finding = only(diagnose(world, "EDA301").findings, "EDA301")
    assert (finding.verdict, finding.count, finding.destination) == (CONFIRMED, 1, "prices")


def test_what_comes_long_after_may_be_another_attempt_where_attempts_are_missing(diagnose: Diagnose) -> None:
    made, key = flow(), {"eda.message.key.hash": "k"}
    first, second = made.shop.send("orders", 5.0, 60), made.shop.send("orders", 5.1, 61)
    made.billing.process(second, 5.2, said=key)
    made.billing.process(first, 30.0, said=key)
    assert only(diagnose(made.world, "EDA301").findings, "EDA301").verdict is LIKELY
    processed(made, 43)
    assert only(diagnose(made.world, "EDA301").findings, "EDA301").verdict is SUSPECT


def test_a_log_that_was_made_anew_has_another_order(diagnose: Diagnose) -> None:
    made = flow(0)
    for start, offset in ((0.0, 10), (10.0, 0)):  # the first messages of the first log are not in the window
        for turn in range(10):
            at = start + turn * 0.1
            message = made.shop.send("orders", at, offset + turn)
            made.billing.process(message, at + 0.05, said={"eda.message.key.hash": "k"})
    assert only(diagnose(made.world, "EDA301").findings, "EDA301").verdict is SUSPECT


def test_a_clock_that_is_set_back_says_nothing_of_order(diagnose: Diagnose) -> None:
    made = flow(0)
    for offset, skew in ((7, 0.0), (8, -20.0)):
        made.billing.skew = skew
        sent = made.shop.send("orders", offset, offset, said={"eda.message.key.hash": "k"})
        made.billing.process(sent, offset + 0.01, said={"eda.message.key.hash": "k"})
    assert only(diagnose(made.world, "EDA301").findings, "EDA301").verdict is SUSPECT


def test_two_brokers_that_one_process_reads_have_an_order_each(diagnose: Diagnose) -> None:
    made = flow(0)
    for turn in range(10):
        for broker, offset in (("old", 7 + turn), ("new", 3 + turn)):
            said = {"eda.message.key.hash": "k", "server.address": broker}
            made.billing.process(made.shop.send("orders", turn, offset, said=said), turn + 0.01, said=said)
    assert diagnose(made.world, "EDA301").findings == ()
