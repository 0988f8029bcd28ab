"""What the telemetry cannot tell is said, and what is too young to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis.blindness import NO_LOGS

from . import telemetry
from .checks.helpers import counted_by_ledger
from .telemetry import BEGIN, Telemetry, scoped

if TYPE_CHECKING:
    from .conftest import Diagnose
    from .telemetry import Flow


def flow(skip: set[int] | None = None) -> Flow:
    """Return a flow with traces, metrics and logs."""
    made = telemetry.flow(skip=skip)
    record = {"timeUnixNano": str(BEGIN), "severityNumber": 9, "body": {"stringValue": "started"}}
    made.world.extra = [scoped(made.billing, "resourceLogs", "scopeLogs", "logRecords", [record])]
    return made


def without(made: Flow, *names: str) -> None:
    """Take attributes from all spans of the consumer."""
    for span in made.billing.spans:
        span.json["attributes"] = [pair for pair in span.json["attributes"] if pair["key"] not in names]


def test_of_whole_telemetry_everything_is_asked(diagnose: Diagnose) -> None:
    found = diagnose(flow().world)
    assert (found.unasked, dict(found.young)) == ((), {})


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("messaging.kafka.offset", "offsets"),
        ("messaging.consumer.group.name", "consumer group"),
    ],
)
def test_what_spans_do_not_name_is_said(diagnose: Diagnose, name: str, word: str) -> None:
    made = flow()
    without(made, name)
    (said,) = diagnose(made.world).unasked
    assert word in said
    assert "orders" in said


def test_a_failure_after_which_nothing_is_here_is_said(diagnose: Diagnose) -> None:
    made = flow(skip={39})
    assert diagnose(made.world).unasked == ()
    made.billing.process(made.messages[39], 60, error="KeyError")
    (said,) = diagnose(made.world).unasked
    assert said.startswith(
        "the last attempt at orders failed, and its service processes and settles nothing here after"
    )
    made.billing.commit("orders", 61, 40)
    assert diagnose(made.world).unasked == ()


def test_what_is_only_received_is_said(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(40)))
    for turn, message in enumerate(made.messages):
        made.billing.receive([message], turn * 0.1 + 0.01)
    (said,) = diagnose(made.world).unasked
    assert said == "messages of orders are only received: how the work on them ended cannot be told"


def test_who_names_no_messaging_system_is_said(diagnose: Diagnose) -> None:
    made = flow()
    without(made, "messaging.system", "messaging.operation.type")
    assert diagnose(made.world).unasked == (
        "PRODUCER or CONSUMER spans of billing name no messaging system: they are not understood",
    )


def test_that_no_sends_are_here_is_said(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.spans[:] = [span for span in made.shop.spans if "still" in span.json["name"]]
    (said,) = diagnose(made.world).unasked
    assert "no sends to orders are here" in said


def test_who_was_killed_before_any_of_its_spans_came_out_is_named(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(40)))
    counted_by_ledger(made, "eda.consumer.in_flight", 2, "gauge")
    del made.billing.spans[-1]
    made.world.service("billing", group="billing").other("still here", 300.0, 0.1)
    said = "processes ended, or were killed, with messages in hand: billing (2 of orders)"
    assert said in diagnose(made.world).unasked


def test_who_was_killed_with_messages_in_hand_is_named(diagnose: Diagnose) -> None:
    made = flow(skip={39})
    counted_by_ledger(made, "eda.consumer.in_flight", 2, "gauge")
    del made.billing.spans[-1]
    heir = made.world.service("billing", group="billing")
    assert diagnose(made.world).unasked == ()
    heir.other("still here", 300.0, 0.1)
    assert diagnose(made.world).unasked == (
        "processes ended, or were killed, with messages in hand: billing (2 of orders)",
    )


def test_who_closed_its_consumer_after_that_had_none_in_hand(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.consumer.in_flight", 2, "gauge")
    made.world.service("billing", group="billing").other("still here", 300.0, 0.1)
    assert diagnose(made.world).unasked == ()  # its counters were read after that


def test_that_no_logs_are_here_is_said(diagnose: Diagnose) -> None:
    assert diagnose(telemetry.flow().world).unasked == (NO_LOGS,)


def test_who_hands_messages_on_is_named(diagnose: Diagnose) -> None:
    made = flow()
    made.billing.other("POST /charge", 1.0125, 0.2, made.works[10])
    assert diagnose(made.world).unasked == ()
    made.billing.other("POST /charge", 1.3, 0.2, made.works[10])
    (said,) = diagnose(made.world).unasked
    assert said.startswith("billing went on with messages after their process spans")


def test_what_is_younger_than_the_grace_is_counted(diagnose: Diagnose) -> None:
    made = flow(skip={5, 6})
    assert diagnose(made.world).young == {}
    assert diagnose(made.world, grace=1000.0).young == {"EDA104": 2}


def test_messages_behind_the_last_one_that_a_group_had_are_counted_until_it_has_had_time_for_them(
    diagnose: Diagnose,
) -> None:
    made = flow()
    for offset in (20, 21, 22):
        made.shop.send("orders", 2.0 + offset / 100, offset, 0)
    assert diagnose(made.world).young == {"EDA504": 3}
    assert diagnose(made.world).findings == ()
    made.billing.other("still here", 900.0, 0.01)
    found = diagnose(made.world)
    assert (dict(found.young), {finding.code for finding in found.findings}) == ({}, {"EDA504"})


def test_messages_behind_the_last_one_of_a_queue_are_counted_until_there_was_time_for_them(diagnose: Diagnose) -> None:
    world = Telemetry(1)
    shop, billing = (world.service(name, system="rabbitmq") for name in ("shop", "billing"))
    for turn in range(10):
        message = shop.send("orders", turn * 1.0)
        if turn < 7:
            billing.process(message, turn + 0.01)
    assert dict(diagnose(world).young) == {"EDA504": 3}
    for service in (shop, billing):
        service.other("still here", 900.0, 0.01)
    found = diagnose(world)
    assert (dict(found.young), "EDA504" in {finding.code for finding in found.findings}) == ({}, True)


def test_each_destination_has_its_own_grace(diagnose: Diagnose) -> None:
    made = flow(skip={5, 6})
    archive = made.world.service("archive", group="archive")
    archive.process(made.shop.send("nightly", 1.0, 0), 45.0)
    found = diagnose(made.world)
    assert ("orders", 2) in {(finding.destination, finding.count) for finding in found.findings}
    assert found.young == {}
