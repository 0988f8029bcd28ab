"""Each check finds its fault, in its place, no further than it is proven, and leaves alone what only looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis.finding import Finding, Verdict

from .telemetry import BEGIN, SECOND, Flow, Service, Telemetry, flow, metric, pairs, scoped

if TYPE_CHECKING:
    from .conftest import Diagnose

CONFIRMED, LIKELY, SUSPECT = Verdict.CONFIRMED, Verdict.LIKELY, Verdict.SUSPECT


def only(findings: tuple[Finding, ...], code: str) -> Finding:
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, findings
    return found[0]


def ledger(made: Flow, name: str, number: int, kind: str = "sum") -> None:
    """Have the consumer itself count or measure."""
    said = {
        "messaging.system": "kafka",
        "messaging.destination.name": "orders",
        "messaging.consumer.group.name": "billing",
    }
    times = {"startTimeUnixNano": str(BEGIN), "timeUnixNano": str(BEGIN + 59 * SECOND)}
    points = {"dataPoints": [{**times, "asInt": str(number), "attributes": pairs(said)}]}
    counted = {"name": name, kind: points if kind == "gauge" else {**points, "aggregationTemporality": 2}}
    made.world.extra.append(scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [counted]))


def told(
    made: Flow, name: str, at: float, service: Service | None = None, client: str | None = None, **position: int
) -> None:
    """Have a consumer tell of itself."""
    said = {
        "messaging.client.id": client,
        "messaging.system": "kafka",
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": "0",
        "messaging.consumer.group.name": "billing",
        **{f"eda.partition.{name}": offset for name, offset in position.items()},
    }
    record = {"eventName": name, "timeUnixNano": str(BEGIN + round(at * SECOND)), "attributes": pairs(said)}
    made.world.extra.append(scoped(service or made.billing, "resourceLogs", "scopeLogs", "logRecords", [record]))


def stood(made: Flow, at: float = 59.0, client: str | None = None, **position: int) -> None:
    """Have the consumer tell where it stands."""
    told(made, "eda.consumer.position", at, None, client, **position)


def measured(made: Flow, name: str, *values: float) -> None:
    """Have the consumer measure, each 10 seconds."""
    said = pairs(
        {
            "messaging.system": "kafka",
            "messaging.destination.name": "orders",
            "messaging.consumer.group.name": "billing",
        }
    )
    points = [
        {"timeUnixNano": str(BEGIN + turn * 10 * SECOND), "asDouble": value, "attributes": said}
        for turn, value in enumerate(values, 1)
    ]
    gauge = {"name": name, "gauge": {"dataPoints": points}}
    made.world.extra.append(scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [gauge]))


def processed(made: Flow, number: int) -> None:
    """Have the consumer's metrics count so many messages."""
    counted = metric("process", number, BEGIN + 100 * SECOND, {"messaging.destination.name": "orders"})
    made.world.extra.append(scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [counted]))


def opened(finding: Finding) -> set[str]:
    return {gate.code for gate in finding.gates if not gate.held}


def test_a_flow_without_a_fault_has_no_finding(diagnose: Diagnose) -> None:
    assert diagnose(flow().world).findings == ()


def test_a_finding_about_several_spans_shows_one_that_is_there(diagnose: Diagnose) -> None:
    made = flow(skip={12, 14})
    for turn in range(60):
        made.billing.process(made.messages[12], 1.21 + turn * 0.01, error="KeyError")
        made.billing.process(made.messages[14], 5.0 - turn * 0.01, said={"eda.message.key.hash": "a"})
        made.billing.process(made.messages[16], 4.0 - turn * 0.01, said={"eda.message.key.hash": "a"})
        lost = made.billing.other("orphan", 3.0, 0.1, made.messages[0].span)
        lost.json["parentSpanId"] = "00" * 7 + "01"
        said = pairs({"eda.event.type": "day.closed"})
        lost.json["events"] = [
            {"name": "eda.event.unhandled", "timeUnixNano": str(BEGIN + turn * SECOND), "attributes": said}
        ]
    made.billing.other("process", 9.0, 0.1, said={"eda.event.type": "day.opened", "code.function.name": "f"})
    for span in made.billing.spans:  # each in a trace of its own
        span.json["traceId"] = made.world.id(16)
    cut = [made.billing.process(made.messages[18], 2.0 + turn) for turn in range(5)]
    for span in cut:
        del span.json["links"], span.json["parentSpanId"]
        span.json["traceId"] = made.world.id(16)
    sent = made.messages[1].span
    for _ in range(5):
        copied = made.shop.send("orders", 5.0, 53)
        copied.span.json |= {"kind": 3, "links": [{"traceId": sent.trace, "spanId": sent.id}]}
    codes = {"EDA104", "EDA201", "EDA301", "EDA402", "EDA403", "EDA406", "EDA701", "EDA703"}
    assert codes <= {finding.code for finding in diagnose(made.world, *codes, grace=1.0).findings}


class TestProduceFailed:
    CODE = "EDA101"

    @pytest.mark.parametrize(
        ("error", "cause"),
        [
            ("kafka.errors.MessageSizeTooLargeError", "larger"),
            ("kafka.errors.KafkaTimeoutError", "in time"),
            ("TopicAuthorizationFailedError", "may not write"),
            ("NotEnoughReplicasError", "replicas"),
            ("BufferError", "own queue"),
            ("NoBrokersAvailable", "reached"),
            ("ValueError", "error says why"),
        ],
    )
    def test_a_final_delivery_error_is_proof(self, diagnose: Diagnose, error: str, cause: str) -> None:
        made = flow()
        lost = made.shop.send("orders", 5.0, error=error)
        finding = only(diagnose(made.world).findings, "EDA101")
        assert (finding.verdict, finding.service, finding.destination, finding.count) == (
            CONFIRMED,
            "shop",
            "orders",
            1,
        )
        assert finding.trace_ids == (lost.span.trace,)
        assert cause in finding.cause

    def test_a_message_sent_again_with_its_context_was_not_lost(self, diagnose: Diagnose) -> None:
        made = flow()
        lost = made.shop.send("orders", 5.0, error="KafkaTimeoutError")
        again = made.shop.send("orders", 6.0, 20)
        again.span.json |= {"kind": 3, "links": [{"traceId": lost.span.trace, "spanId": lost.span.id}]}
        made.billing.process(again, 6.1)
        assert diagnose(made.world, "EDA101").findings == ()


class TestProduceUnresolved:
    def test_a_send_without_an_answer_is_told(self, diagnose: Diagnose) -> None:
        made = flow()
        lost = made.shop.send("orders", 5.0, error="eda.unresolved")
        finding = only(diagnose(made.world).findings, "EDA102")
        assert (finding.verdict, finding.trace_ids, finding.count) == (CONFIRMED, (lost.span.trace,), 1)

    def test_a_message_that_arrived_is_not_unresolved(self, diagnose: Diagnose) -> None:
        made = flow()
        made.billing.process(made.shop.send("orders", 5.0, error="eda.unresolved"), 5.1)
        assert diagnose(made.world, "EDA102").findings == ()


class TestLostByBroker:
    def test_two_messages_at_one_offset(self, diagnose: Diagnose) -> None:
        made = flow()
        first, second = made.shop.send("orders", 5.0, 77), made.shop.send("orders", 6.0, 77)
        finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
        assert (finding.verdict, finding.partition, finding.offsets) == (CONFIRMED, "0", (77, 77))
        assert finding.trace_ids == (first.span.trace, second.span.trace)

    def test_a_topic_made_anew_is_less_certain(self, diagnose: Diagnose) -> None:
        made = flow()
        for offset in range(3):
            made.shop.send("orders", 50.0 + offset, offset)
        finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
        assert (finding.verdict, finding.offsets) == (LIKELY, (0, 2))

    def test_two_clusters_open_the_gate(self, diagnose: Diagnose) -> None:
        made = flow()
        made.shop.send("orders", 5.0, 77)
        made.shop.send("orders", 6.0, 77, said={"server.address": "elsewhere"})
        finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
        assert (finding.verdict, opened(finding)) == (LIKELY, {"G4"})

    @pytest.mark.parametrize(("start", "cause"), [(1, "replica"), (0, "made anew")])
    def test_a_log_that_ends_earlier_than_it_did(self, diagnose: Diagnose, start: int, cause: str) -> None:
        made = flow(40, 1)
        stood(made, 20.0, end=40, start=start)
        stood(made, 30.0, end=37, start=start)
        finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
        assert (finding.verdict, finding.partition, finding.offsets, finding.count) == (LIKELY, "0", (37, 39), 3)
        assert cause in finding.cause
        assert finding.trace_ids == tuple(message.span.trace for message in made.messages[37:])

    def test_a_log_that_ends_earlier_and_nobody_saw_what_was_sent(self, diagnose: Diagnose) -> None:
        made = flow(40, 1)
        made.shop.spans = []
        stood(made, 20.0, end=40, start=1)
        stood(made, 30.0, end=37, start=1)
        finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
        assert (finding.verdict, finding.offsets) == (LIKELY, (37, 37))

    def test_what_another_took_the_place_of_is_told_once(self, diagnose: Diagnose) -> None:
        made = flow(40, 1)
        stood(made, 20.0, end=40, start=1)
        stood(made, 30.0, end=37, start=1)
        for offset in range(37, 40):
            made.shop.send("orders", float(offset), offset)
        finding = only(diagnose(made.world, "EDA103").findings, "EDA103")
        assert (finding.verdict, finding.offsets, finding.count) == (CONFIRMED, (37, 39), 3)

    def test_a_second_consumer_that_knows_of_an_earlier_end_is_none(self, diagnose: Diagnose) -> None:
        made = flow(40, 1)
        stood(made, 20.0, "one", end=40, start=1)
        stood(made, 30.0, "two", end=37, start=1)
        assert diagnose(made.world, "EDA103").findings == ()

    def test_a_log_that_grows_has_lost_nothing(self, diagnose: Diagnose) -> None:
        made = flow(40, 1)
        stood(made, 20.0, end=37, start=1)
        stood(made, 30.0, end=40, start=1)
        assert diagnose(made.world, "EDA103").findings == ()


class TestLostInConsumer:
    def test_jumped_over(self, diagnose: Diagnose) -> None:
        finding = only(diagnose(flow(skip={12}).world).findings, "EDA104")
        assert (finding.service, finding.group, finding.partition, finding.offsets) == (
            "billing",
            "billing",
            "0",
            (6, 6),
        )
        assert "no member received it" in finding.cause
        assert (finding.verdict, opened(finding)) == (LIKELY, {"G8"})
        assert finding.evidence[0].before == 5
        assert finding.evidence[0].after == 7

    def test_swallowed(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError")
        finding = only(diagnose(made.world).findings, "EDA104")
        assert (finding.verdict, finding.offsets, opened(finding)) == (CONFIRMED, (6, 6), set())
        assert finding.error == "KeyError"
        assert "committed all the same" in finding.cause
        assert made.messages[12].span.trace in finding.trace_ids

    def test_not_begun(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.receive([made.messages[12]], 1.21)
        finding = only(diagnose(made.world).findings, "EDA104")
        assert finding.verdict is SUSPECT  # or filtered
        assert "dropped it, and went on" in finding.cause

    def test_died_with_what_it_had_been_handed(self, diagnose: Diagnose) -> None:
        made = flow(40, 1, skip=set(range(19, 40)))
        made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
        stood(made, next=20)
        heir = made.world.service("billing", group="billing")
        for turn in range(20, 40):
            heir.process(made.messages[turn], turn * 0.1 + 0.5)
            heir.commit("orders", turn * 0.1 + 0.51, turn + 1)
        heir.other("still here", 60.0, 0.01)
        finding = only(diagnose(made.world).findings, "EDA104")
        assert (finding.verdict, finding.offsets, opened(finding)) == (LIKELY, (19, 19), {"G6"})
        assert "stopped before it was done" in finding.cause

    def test_died_with_it_and_another_member_goes_on(self, diagnose: Diagnose) -> None:
        made = flow(40, 1, skip=set(range(19, 40)))
        made.billing.receive([made.messages[19]], 1.91)
        made.billing.commit("orders", 1.92, 20)
        made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
        heir = made.world.service("billing", group="billing")
        for turn in range(20, 40):
            heir.process(made.messages[turn], turn * 0.1 + 0.5)
            heir.commit("orders", turn * 0.1 + 0.51, turn + 1)
        heir.other("still here", 60.0, 0.01)
        finding = only(diagnose(made.world).findings, "EDA104")
        assert (finding.verdict, finding.offsets, opened(finding)) == (LIKELY, (19, 19), set())
        assert "stopped before it was done" in finding.cause
        made.billing.spans = [span for span in made.billing.spans if span.json["kind"] != 3]
        finding = only(diagnose(made.world).findings, "EDA104")  # who had it, and who committed past it, is not known
        assert (finding.verdict, opened(finding)) == (SUSPECT, {"G6", "G8"})

    def test_of_an_aborted_transaction(self, diagnose: Diagnose) -> None:
        made = flow(20, 1, skip={7, 8, 9})
        for turn, message in enumerate(made.messages[20:] + made.messages[10:]):
            message.offset = None if message.offset is None else message.offset + 1
            place = {"messaging.kafka.offset": 11 + turn}
            for span in (message.span, made.works[7 + turn]):
                said = [pair for pair in span.json["attributes"] if pair["key"] not in place]
                span.json["attributes"] = [*said, *pairs(place)]
        assert only(diagnose(made.world).findings, "EDA104").verdict is SUSPECT

    @pytest.mark.parametrize(("keys", "verdict"), [("abcdefgxyzxyzklmnopq", SUSPECT), ("abcdefaxyzxyzklmnopq", LIKELY)])
    def test_compacted(self, diagnose: Diagnose, keys: str, verdict: Verdict) -> None:
        made = flow(20, 1, skip={7, 8, 9})
        for message, key in zip(made.messages, keys, strict=True):
            message.span.json["attributes"] += pairs({"eda.message.key.hash": key})
        assert only(diagnose(made.world).findings, "EDA104").verdict is verdict

    @pytest.mark.parametrize(("at", "open_"), [(0.5, set()), (1.215, {"G6"}), (1.9, set())])
    def test_who_had_the_partition_tells(self, diagnose: Diagnose, at: float, open_: set[str]) -> None:
        made = flow(skip={12})
        told(made, "eda.consumer.revoked", at)
        told(made, "eda.consumer.assigned", at + 0.001)
        finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
        assert opened(finding) & {"G6"} == open_

    def test_without_metrics_nobody_knows_whether_spans_are_missing(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError")
        made.world.metrics = False
        finding = only(diagnose(made.world).findings, "EDA104")
        assert (finding.verdict, opened(finding)) == (SUSPECT, {"G1", "G2"})

    def test_a_message_that_is_young_is_in_flight(self, diagnose: Diagnose) -> None:
        assert diagnose(flow(skip={12}).world, "EDA104", grace=3600.0).findings == ()

    def test_a_dead_letter_is_no_loss(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        failed = made.billing.process(made.messages[12], 1.21, error="KeyError")
        made.billing.send("orders.dlq", 1.211, 0, parent=failed)
        assert diagnose(made.world, "EDA104").findings == ()

    @pytest.mark.parametrize("which", range(4))
    def test_whichever_attempt_or_handler_sent_it_on(self, diagnose: Diagnose, which: int) -> None:
        made = flow(skip={12})
        failed = [made.billing.process(made.messages[12], 1.21 + turn / 10, error="KeyError") for turn in range(3)]
        handler = {"eda.event.type": "order", "code.function.name": "charge", "error.type": "KeyError"}
        failed.append(made.billing.other("process order", 1.411, 0.001, failed[2], said=handler))
        made.billing.send("orders.dlq", 1.5, 0, parent=failed[which])
        assert diagnose(made.world, "EDA104").findings == ()

    def test_a_retry_that_went_well_is_no_loss(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError")
        made.billing.process(made.messages[12], 1.3)
        assert diagnose(made.world, "EDA104").findings == ()

    def test_what_is_before_the_groups_first_message_was_never_for_it(self, diagnose: Diagnose) -> None:
        assert diagnose(flow(skip={0, 1, 2}).world, "EDA104").findings == ()

    def test_what_is_behind_its_last_message_is_lag(self, diagnose: Diagnose) -> None:
        assert diagnose(flow(skip={36, 37, 38, 39}).world, "EDA104").findings == ()

    def test_without_a_commit_it_is_likely_at_most(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError")
        made.billing.spans = [span for span in made.billing.spans if not span.json["name"].startswith("commit")]
        assert only(diagnose(made.world).findings, "EDA104").verdict is LIKELY

    @pytest.mark.parametrize(("number", "verdict"), [(1, CONFIRMED), (0, LIKELY)])
    def test_automatic_commits_are_known_by_the_ledger(self, diagnose: Diagnose, number: int, verdict: Verdict) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError")
        made.billing.spans = [span for span in made.billing.spans if not span.json["name"].startswith("commit")]
        ledger(made, "eda.skipped.messages", number)
        finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
        assert (finding.verdict, finding.count, finding.offsets) == (verdict, 1, (6, 6))

    def test_by_the_ledger_on_the_span(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError", said={"eda.message.skipped": True})
        made.world.metrics = False
        made.shop.spans = []
        finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
        assert (finding.verdict, finding.partition, finding.offsets) == (CONFIRMED, "0", (6, 6))

    def test_by_the_ledger_but_done_later(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, error="KeyError", said={"eda.message.skipped": True})
        made.billing.process(made.messages[12], 2.0, said={"eda.message.skipped": False})
        assert diagnose(made.world, "EDA104").findings == ()

    def test_by_the_ledger_if_no_span_was_kept(self, diagnose: Diagnose) -> None:
        made = flow()
        ledger(made, "eda.skipped.messages", 9)
        ledger(made, "eda.recovered.messages", 2)
        finding = only(diagnose(made.world, grace=1.0).findings, "EDA104")
        assert (finding.verdict, finding.count, finding.group) == (LIKELY, 7, "billing")


class TestExpiredUnread:
    @pytest.mark.parametrize(
        ("reason", "cause", "verdict"), [("expired", "longer than", LIKELY), ("maxlen", "maximum length", CONFIRMED)]
    )
    def test_says_the_broker(self, diagnose: Diagnose, reason: str, cause: str, verdict: Verdict) -> None:
        world = Telemetry()
        shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
        died = {"eda.message.death_count": 1, "eda.message.death_reason": reason}
        mail.process(shop.send("orders", 0.0), 9.0, said=died)
        found = diagnose(world).findings
        assert [finding.code for finding in found] == ["EDA105"]
        assert found[0].verdict is verdict
        assert cause in found[0].cause

    @pytest.mark.parametrize(("start", "found"), [(10, {"EDA105"}), (0, {"EDA104"})])
    def test_thrown_out_by_retention(self, diagnose: Diagnose, start: int, found: set[str]) -> None:
        made = flow(40, 1, skip=set(range(5, 10)))
        stood(made, next=40, start=start)
        likely = [finding for finding in diagnose(made.world).findings if finding.verdict > SUSPECT]
        assert {finding.code for finding in likely} == found
        assert {(finding.verdict, finding.offsets, finding.count) for finding in likely} == {(LIKELY, (5, 9), 5)}

    def test_what_retention_threw_out_may_have_been_read_where_spans_are_missing(self, diagnose: Diagnose) -> None:
        made = flow(40, 1)
        made.billing.spans.remove(made.works[7])
        processed(made, 40)
        stood(made, next=40, start=10)
        finding = only(diagnose(made.world, grace=1.0).findings, "EDA105")
        assert (finding.verdict, finding.offsets, opened(finding)) == (SUSPECT, (7, 7), {"G1", "G2"})


class TestUnroutable:
    @pytest.mark.parametrize(
        ("error", "cause"), [("eda.returned", "no queue is bound"), ("pika.exceptions.NackError", "take care")]
    )
    def test_returned_or_refused(self, diagnose: Diagnose, error: str, cause: str) -> None:
        world = Telemetry()
        shop = world.service("shop", system="rabbitmq")
        shop.send("orders", 0.0, error=error)
        finding = only(diagnose(world).findings, "EDA106")
        assert (finding.verdict, finding.count) == (CONFIRMED, 1)
        assert cause in finding.cause

    def test_numbers_that_never_came(self, diagnose: Diagnose) -> None:
        world = Telemetry()
        shop, screen = world.service("shop", system="zeromq"), world.service("screen", system="zeromq")
        for turn in range(30):
            said = {"eda.sender.id": "aa", "eda.sender.sequence": turn}
            sent = shop.send("prices", turn * 0.1, said=said)
            if turn > 2 and turn not in {10, 11}:
                screen.process(sent, turn * 0.1 + 0.01, said=said)
        shop.other("still here", 60.0, 0.1)
        found = {finding.cause: finding for finding in diagnose(world, "EDA106").findings}
        assert {cause.split(" ")[1]: finding.count for cause, finding in found.items()} == {"receiver": 3, "queue": 2}
        assert {finding.verdict for finding in found.values()} == {LIKELY}


def test_a_finding_names_those_behind_it(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for turn in range(3):
        made.billing.process(made.messages[12], 1.21 + turn * 0.1, error="KeyError")
    found = only(diagnose(made.world).findings, "EDA104")
    assert found.because == ("poison message (EDA402, CONFIRMED): the handler cannot cope with what is in the message",)


class TestUnconsumed:
    def test_nobody_reads(self, diagnose: Diagnose) -> None:
        made = flow()
        for turn in range(5):
            made.shop.send("audit", turn, turn)
        finding = only(diagnose(made.world).findings, "EDA107")
        assert (finding.verdict, finding.destination, finding.count, opened(finding)) == (LIKELY, "audit", 5, {"G9"})

    def test_a_queue_of_another_name_is_known_by_its_messages(self, diagnose: Diagnose) -> None:
        world = Telemetry()
        shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
        sent = shop.send("orders:placed", 0.0)
        sent.destination = "orders:placed:mail"
        mail.process(sent, 0.1)
        shop.other("still here", 60.0, 0.1)
        assert diagnose(world, "EDA107").findings == ()


class TestDuplicateProduced:
    def test_a_retry_of_the_client(self, diagnose: Diagnose) -> None:
        made = flow()
        stamp = {"eda.message.timestamp": 1_790_000_005_000}
        sent = made.shop.send("orders", 5.0, 50, said=stamp)
        made.billing.process(sent, 5.1, said=stamp)
        sent.offset = 51
        made.billing.process(sent, 5.2, said=stamp)
        finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
        assert (finding.verdict, finding.service, finding.partition, finding.offsets) == (
            CONFIRMED,
            "shop",
            "0",
            (50, 50),
        )
        assert "0@51" in str(finding.detail)

    def test_a_forwarder_to_another_topic_makes_no_duplicate(self, diagnose: Diagnose) -> None:
        made = flow()
        sent = made.shop.send("orders", 5.0, 50)
        copied = made.shop.send("archive", 5.5, 3)
        copied.span.json |= {"kind": 3, "links": [{"traceId": sent.span.trace, "spanId": sent.span.id}]}
        assert diagnose(made.world, "EDA201").findings == ()

    def test_a_replay_is_not_sure(self, diagnose: Diagnose) -> None:
        made = flow()
        sent = made.shop.send("orders", 5.0, 50)
        copied = made.shop.send("orders", 5.5, 53)
        copied.span.json |= {"kind": 3, "links": [{"traceId": sent.span.trace, "spanId": sent.span.id}]}
        assert only(diagnose(made.world, "EDA201").findings, "EDA201").verdict is LIKELY

    def test_a_relay_that_publishes_what_another_service_stored(self, diagnose: Diagnose) -> None:
        made = flow()
        created = made.shop.send("orders", 5.0)
        created.span.json |= {"attributes": pairs({"messaging.operation.type": "create"})}
        relay = made.world.service("relay")
        for offset in (50, 51):
            sent = relay.send("orders", 5.0 + offset, offset)
            sent.span.json |= {"kind": 3, "links": [{"traceId": created.span.trace, "spanId": created.span.id}]}
        finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
        assert (finding.verdict, finding.service, finding.offsets) == (LIKELY, "relay", (50, 50))
        assert "outbox" in finding.cause


class TestReprocessed:
    def test_by_the_same_member(self, diagnose: Diagnose) -> None:
        made = flow()
        again = made.billing.process(made.messages[6], 10.0)
        finding = only(diagnose(made.world).findings, "EDA202")
        assert (finding.verdict, finding.partition, finding.offsets) == (LIKELY, "0", (3, 3))
        assert again.id in finding.span_ids
        assert "had committed the message" in finding.cause

    def test_by_another_member_before_it_was_committed(self, diagnose: Diagnose) -> None:
        made = flow(committed=12)
        other = made.world.service("billing", group="billing")
        for message in made.messages[30:]:
            other.process(message, 10.0 + (message.offset or 0))
        finding = only(diagnose(made.world, "EDA202").findings, "EDA202")
        assert (finding.verdict, finding.count, finding.instances) == (CONFIRMED, 10, ("billing-0", "billing-1"))

    def test_by_the_ledger_if_no_span_was_kept(self, diagnose: Diagnose) -> None:
        made = flow()
        ledger(made, "eda.reprocessed.messages", 7)
        finding = only(diagnose(made.world).findings, "EDA202")
        assert (finding.verdict, finding.count, finding.service) == (LIKELY, 7, "billing")

    def test_by_another_machine(self, diagnose: Diagnose) -> None:
        made = flow(committed=3)
        other = made.world.service("billing", group="billing", host="host-2")
        other.process(made.messages[6], 10.0)
        finding = only(diagnose(made.world, "EDA202").findings, "EDA202")
        assert (finding.verdict, opened(finding)) == (LIKELY, {"G5"})
        assert finding.instances == ("billing-0", "billing-1")
        assert "another member" in finding.cause

    def test_a_retry_after_an_error_is_none(self, diagnose: Diagnose) -> None:
        made = flow(skip={6})
        made.billing.process(made.messages[6], 0.61, error="KeyError")
        made.billing.process(made.messages[6], 0.7)
        assert diagnose(made.world, "EDA202").findings == ()

    def test_another_group_has_its_own_copy(self, diagnose: Diagnose) -> None:
        made = flow()
        mail = made.world.service("mail", group="mail")
        for turn, message in enumerate(made.messages):
            mail.process(message, turn * 0.1 + 0.05)
        assert diagnose(made.world).findings == ()


class TestDoubleOwner:
    def test_two_instances_at_once(self, diagnose: Diagnose) -> None:
        made = flow(skip={6})
        other = made.world.service("billing", group="billing")
        made.billing.process(made.messages[6], 1.0, took=2.0)
        other.process(made.messages[6], 2.0, took=2.0)
        finding = only(diagnose(made.world, "EDA203").findings, "EDA203")
        assert (finding.verdict, finding.offsets, finding.instances) == (CONFIRMED, (3, 3), ("billing-0", "billing-1"))

    def test_one_after_the_other_is_none(self, diagnose: Diagnose) -> None:
        made = flow(skip={6})
        other = made.world.service("billing", group="billing")
        made.billing.process(made.messages[6], 1.0, took=1.0)
        other.process(made.messages[6], 2.0, took=1.0)
        assert diagnose(made.world, "EDA203").findings == ()


class TestOutOfOrderConsumed:
    @staticmethod
    def turned(key_a: str, key_b: str) -> Telemetry:
        made = flow()
        first, second = made.shop.send("orders", 5.0, 60), made.shop.send("orders", 5.1, 61)
        made.billing.process(second, 5.2, took=1.0, said={"eda.message.key.hash": key_b})
        made.billing.process(first, 5.3, took=1.0, said={"eda.message.key.hash": key_a})
        return made.world

    def test_within_a_key(self, diagnose: Diagnose) -> None:
        finding = only(diagnose(self.turned("k", "k"), "EDA301").findings, "EDA301")
        assert (finding.verdict, finding.offsets, finding.key) == (CONFIRMED, (61, 61), "k")

    def test_keys_may_overtake_each_other(self, diagnose: Diagnose) -> None:
        assert diagnose(self.turned("k", "other"), "EDA301").findings == ()

    def test_by_the_ledger_if_spans_begin_before_the_work_does(self, diagnose: Diagnose) -> None:
        made = flow()
        ledger(made, "eda.out_of_order.messages", 1)
        for number, late in enumerate((False, True, False)):
            sent = made.shop.send("orders", 5.0 + number, 60 + number)
            said = {"eda.message.key.hash": "k", "eda.message.out_of_order": late or None}
            made.billing.process(sent, 9.0 + number, took=5.0, said=said)
        finding = only(diagnose(made.world, "EDA301").findings, "EDA301")
        assert (finding.verdict, finding.offsets, finding.key, finding.count) == (CONFIRMED, (61, 61), "k", 1)

    def test_what_times_and_the_ledger_tell_counts_once(self, diagnose: Diagnose) -> None:
        made = flow()
        first, second = made.shop.send("orders", 5.0, 60), made.shop.send("orders", 5.1, 61)
        made.billing.process(second, 5.2, said={"eda.message.key.hash": "k"})
        made.billing.process(first, 5.3, said={"eda.message.key.hash": "k", "eda.message.out_of_order": True})
        assert only(diagnose(made.world, "EDA301").findings, "EDA301").count == 1

    def test_by_the_ledger_if_no_span_was_kept(self, diagnose: Diagnose) -> None:
        made = flow()
        ledger(made, "eda.out_of_order.messages", 4)
        finding = only(diagnose(made.world).findings, "EDA301")
        assert (finding.verdict, finding.count) == (CONFIRMED, 4)


class TestOutOfOrderProduced:
    def test_by_a_running_number(self, diagnose: Diagnose) -> None:
        made = flow()
        made.shop.send("clicks", 5.0, 11, said={"eda.sender.sequence": 1})
        made.shop.send("clicks", 5.0, 10, said={"eda.sender.sequence": 2})
        finding = only(diagnose(made.world, "EDA302").findings, "EDA302")
        assert (finding.verdict, finding.offsets) == (CONFIRMED, (10, 10))

    def test_by_the_times_of_the_calls(self, diagnose: Diagnose) -> None:
        made = flow()
        made.shop.send("clicks", 5.0, 11)
        made.shop.send("clicks", 5.5, 10)
        assert only(diagnose(made.world, "EDA302").findings, "EDA302").verdict is LIKELY

    def test_two_producers_have_no_order(self, diagnose: Diagnose) -> None:
        made = flow()
        made.shop.send("clicks", 5.0, 11)
        made.world.service("shop").send("clicks", 5.5, 10)
        assert diagnose(made.world, "EDA302").findings == ()


class TestLagVerdict:
    def test_stopped(self, diagnose: Diagnose) -> None:
        made = flow(400, 2, skip=set(range(100, 400)))
        found = diagnose(made.world, "EDA504").findings
        assert {(finding.verdict, finding.partition) for finding in found} == {(LIKELY, None)}
        assert found[0].count == 300
        assert "ended, hangs" in found[0].cause

    def test_growing(self, diagnose: Diagnose) -> None:
        made = flow(200, 1, skip=set(range(200)))
        for turn in range(80):
            made.billing.process(made.messages[turn], turn * 0.25, took=0.249)
        finding = only(diagnose(made.world, "EDA504").findings, "EDA504")
        assert (finding.verdict, finding.count) == (LIKELY, 121)
        assert "work all the time" in finding.cause

    def test_stalled(self, diagnose: Diagnose) -> None:
        made = flow(100, 1, skip=set(range(50, 100)), committed=0)
        for turn in range(30):
            made.billing.commit("orders", 5.0 + turn, 50)
        assert "does not get past" in only(diagnose(made.world, "EDA504").findings, "EDA504").cause

    def test_stalled_after_it_had_got_on(self, diagnose: Diagnose) -> None:
        made = flow(100, 1, skip=set(range(50, 100)), committed=50)
        for turn in range(30):
            made.billing.commit("orders", 5.0 + turn, 50)
        assert "does not get past" in only(diagnose(made.world, "EDA504").findings, "EDA504").cause

    def test_stopped_for_good(self, diagnose: Diagnose) -> None:
        made = flow(400, 2, skip=set(range(100, 400)))
        made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
        assert only(diagnose(made.world, "EDA504").findings, "EDA504").verdict is LIKELY

    def test_went_back(self, diagnose: Diagnose) -> None:
        made = flow()
        back = made.billing.commit("orders", 30.0, 3)
        back.json["attributes"] += pairs({"eda.commit.regressed": True})
        finding = only(diagnose(made.world, "EDA504").findings, "EDA504")
        assert finding.trace_ids == (back.trace,)

    def test_by_what_the_consumer_measures(self, diagnose: Diagnose) -> None:
        made = flow()
        measured(made, "eda.consumer.lag", 0, 40, 90, 120, 300)
        finding = only(diagnose(made.world).findings, "EDA504")
        assert (finding.verdict, finding.destination, finding.count) == (LIKELY, "orders", 300)
        assert "faster than" in finding.cause

    @pytest.mark.parametrize("lag", [(0, 40, 90, 20, 300), (1, 2, 3, 4, 5), (0, 40, 300)])
    def test_lag_that_comes_and_goes_is_none(self, diagnose: Diagnose, lag: tuple[float, ...]) -> None:
        made = flow()
        measured(made, "eda.consumer.lag", *lag)
        assert diagnose(made.world).findings == ()

    @pytest.mark.parametrize(("age", "found"), [(301.0, 1), (299.0, 0)])
    def test_not_polling(self, diagnose: Diagnose, age: float, found: int) -> None:
        made = flow()
        measured(made, "eda.consumer.poll.age", 1.0, age, 0.5)
        measured(made, "eda.consumer.poll.limit", 300.0)
        findings = diagnose(made.world).findings
        assert [(item.code, item.service, item.group) for item in findings] == [
            ("EDA504", "billing", "billing")
        ] * found


class TestRebalanceStorm:
    def test_by_what_members_tell(self, diagnose: Diagnose) -> None:
        made = flow(40, 1, skip=set(range(40)))
        other = made.world.service("billing", group="billing")
        for turn, message in enumerate(made.messages):
            owner = made.billing if turn // 4 % 2 else other
            owner.process(message, turn * 0.1)
            if not turn % 4:
                told(made, "eda.consumer.assigned", turn * 0.1 - 0.01, owner)
        finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
        assert (finding.verdict, finding.count, len(finding.instances)) == (LIKELY, 1, 2)
        assert "10 times a member was given" in str(finding.detail)

    def test_a_deploy_that_members_tell_of_is_none(self, diagnose: Diagnose) -> None:
        made = flow()
        for turn in range(3):
            told(made, "eda.consumer.assigned", float(turn), made.world.service("billing", group="billing"))
        assert diagnose(made.world, "EDA602").findings == ()

    def test_a_deploy_that_stops_the_whole_group_each_time_is_not_sure(self, diagnose: Diagnose) -> None:
        made = flow()
        members = [made.world.service("billing", group="billing") for _ in range(3)]
        for turn in range(7):  # each goes and comes, and each time all are given theirs anew
            told(made, "eda.consumer.assigned", turn * 2.0, members[turn % 3])
        finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
        assert (finding.verdict, finding.gates) == (LIKELY, ())

    def test_partitions_change_hands_again_and_again(self, diagnose: Diagnose) -> None:
        made = flow(40, 1, skip=set(range(40)))
        other = made.world.service("billing", group="billing")
        for turn, message in enumerate(made.messages):
            (made.billing if turn // 4 % 2 else other).process(message, turn * 0.1)
        finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
        assert (finding.verdict, finding.count) == (LIKELY, 9)

    @pytest.mark.parametrize(("number", "found"), [(24, 1), (4, 0)])
    def test_by_the_consumers_own_count(self, diagnose: Diagnose, number: int, found: int) -> None:
        made = flow()
        ledger(made, "eda.consumer.assignments", number)
        assert len(diagnose(made.world, "EDA602").findings) == found

    def test_a_deploy_is_none(self, diagnose: Diagnose) -> None:
        made = flow(40, 2, skip=set(range(20, 40)))
        other = made.world.service("billing", group="billing")
        for message in made.messages[20:]:
            other.process(message, 5.0)
        assert diagnose(made.world, "EDA602").findings == ()


class TestKeyMoved:
    @pytest.mark.parametrize(
        ("times", "cause"), [((1, 2, 3, 4), "number of partitions"), ((1, 3, 2, 4), "differently")]
    )
    def test_to_another_partition(self, diagnose: Diagnose, times: tuple[int, ...], cause: str) -> None:
        made = flow()
        for turn, at in enumerate(times):
            made.shop.send("clicks", at, at, turn // 2, said={"eda.message.key.hash": "k"})
        finding = only(diagnose(made.world, "EDA303").findings, "EDA303")
        assert (finding.verdict, finding.key) == (CONFIRMED, "k")
        assert cause in finding.cause


class TestHandlerFailing:
    def test_many_messages(self, diagnose: Diagnose) -> None:
        made = flow(skip=set(range(10, 15)))
        for turn in range(10, 15):
            made.billing.process(made.messages[turn], turn * 0.1, error="KeyError")
        finding = only(diagnose(made.world, "EDA401").findings, "EDA401")
        assert (finding.verdict, finding.count, finding.error) == (CONFIRMED, 5, "KeyError")
        assert "own work" in finding.cause

    def test_because_of_what_it_calls(self, diagnose: Diagnose) -> None:
        made = flow(skip=set(range(10, 15)))
        for turn in range(10, 15):
            span = made.billing.process(made.messages[turn], turn * 0.1, error="Timeout")
            made.billing.other("GET", turn * 0.1, 0.001, span, said={"error.type": "Timeout"}, kind=3)
        assert "call that the handler makes" in only(diagnose(made.world, "EDA401").findings, "EDA401").cause

    def test_errors_that_passed_are_less(self, diagnose: Diagnose) -> None:
        made = flow(skip=set(range(10, 15)))
        for turn in range(10, 15):
            made.billing.process(made.messages[turn], turn * 0.1, error="Timeout")
            made.billing.process(made.messages[turn], turn * 0.1 + 0.05)
        assert only(diagnose(made.world, "EDA401").findings, "EDA401").verdict is LIKELY

    def test_one_bad_message_is_another_matter(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        for turn in range(5):
            made.billing.process(made.messages[12], 1.3 + turn, error="KeyError")
        found = diagnose(made.world, "EDA4").findings
        assert [finding.code for finding in found] == ["EDA402"]


class TestPoisonMessage:
    def test_every_attempt_fails_alike(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        for turn in range(3):
            made.billing.process(made.messages[12], 1.3 + turn, error="KeyError")
        finding = only(diagnose(made.world, "EDA402").findings, "EDA402")
        assert (finding.verdict, finding.count, finding.partition, finding.offsets) == (CONFIRMED, 3, "0", (6, 6))

    def test_the_handler_s_error_is_told_where_the_loop_s_is_not_known(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        for turn in range(3):
            failed = made.billing.process(made.messages[12], 1.21 + turn * 0.1, error="_OTHER")
            said = {"eda.event.type": "order", "code.function.name": "charge", "error.type": "KeyError"}
            made.billing.other("process order", 1.21 + turn * 0.1, 0.001, failed, said=said)
        finding = only(diagnose(made.world, "EDA402").findings, "EDA402")
        assert finding.error == "KeyError"
        assert "KeyError it is" in str(finding.detail)

    def test_an_error_that_passed_is_none(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        for turn in range(3):
            made.billing.process(made.messages[12], 1.3 + turn, error="KeyError")
        made.billing.process(made.messages[12], 5.0)
        assert diagnose(made.world, "EDA402").findings == ()

    def test_an_outage_is_none(self, diagnose: Diagnose) -> None:
        made = flow(skip=set(range(20, 40)))
        for turn in range(60):
            made.billing.process(made.messages[20 + turn % 20], 5.0 + turn * 0.1, error="Timeout")
        assert diagnose(made.world, "EDA402").findings == ()


class TestRetryStorm:
    def test_repeats_without_delay(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        for turn in range(100):
            made.billing.process(made.messages[12], 1.3 + turn * 0.01, error="KeyError")
        finding = only(diagnose(made.world, "EDA403").findings, "EDA403")
        assert (finding.verdict, finding.count) == (CONFIRMED, 99)
        assert "put back at once" in finding.cause

    def test_a_replay_of_everything_is_none(self, diagnose: Diagnose) -> None:
        made = flow()
        for turn, message in enumerate(made.messages):
            made.billing.process(message, 20 + turn * 0.1)
        assert diagnose(made.world, "EDA403").findings == ()


class TestRoutingLoop:
    def test_round_and_round(self, diagnose: Diagnose) -> None:
        made = flow()
        message = made.shop.send("retry", 5.0, 0)
        for turn in range(1, 8):
            span = made.billing.process(message, 5.0 + turn * 0.1)
            message = made.billing.send("retry", 5.0 + turn * 0.1, turn, parent=span)
        finding = only(diagnose(made.world, "EDA404").findings, "EDA404")
        assert (finding.verdict, finding.service, finding.destination) == (CONFIRMED, "billing", "retry")
        assert "came back 6 times" in str(finding.detail)

    def test_many_messages_of_one_handler_are_none(self, diagnose: Diagnose) -> None:
        made = flow()
        span = made.billing.process(made.shop.send("orders", 5.0, 50), 5.1)
        for turn in range(20):
            inner = made.billing.other(f"item {turn}", 5.2, 0.1, span)
            made.billing.send("items", 5.2, turn, parent=inner)
        assert diagnose(made.world, "EDA404").findings == ()


class TestDeadLettered:
    def test_by_its_handler(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        failed = made.billing.process(made.messages[12], 1.21, error="KeyError")
        made.billing.send("orders.dlq", 1.211, 0, parent=failed)
        finding = only(diagnose(made.world, "EDA405").findings, "EDA405")
        assert (finding.destination, finding.partition, finding.offsets, finding.error) == (
            "orders",
            "0",
            (6, 6),
            "KeyError",
        )

    def test_from_within_an_events_handler(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        work = made.billing.process(made.messages[12], 1.21)
        said = {"eda.event.type": "placed", "code.function.name": "bill", "error.type": "KeyError"}
        handler = made.billing.other("process placed", 1.21, 0.001, work, said=said)
        made.billing.send("orders.dlq", 1.211, 0, parent=handler)
        assert only(diagnose(made.world, "EDA405").findings, "EDA405").error == "KeyError"

    def test_after_an_events_handler_whose_failure_the_consumer_caught(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        work = made.billing.process(made.messages[12], 1.21, took=0.01)
        said = {"eda.event.type": "placed", "code.function.name": "bill", "error.type": "KeyError"}
        made.billing.other("process placed", 1.21, 0.001, work, said=said)
        made.billing.send("orders.dlq", 1.212, 0, parent=work)
        finding = only(diagnose(made.world, "EDA405").findings, "EDA405")
        assert (finding.error, finding.offsets, finding.count) == ("KeyError", (6, 6), 1)
        assert "the handler failed" in finding.cause

    def test_by_the_broker(self, diagnose: Diagnose) -> None:
        world = Telemetry()
        shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
        died = {"eda.message.death_count": 2, "eda.message.death_reason": "delivery_limit"}
        mail.process(shop.send("orders", 0.0), 9.0, said=died)
        finding = only(diagnose(world, "EDA405").findings, "EDA405")
        assert "delivery_limit" in str(finding.detail)


class TestUnhandledEvent:
    @staticmethod
    def unhandled(made: Flow, *handled: str) -> None:
        """Dispatch `day.closed`, which no handler runs for; those of other events do."""
        said = pairs({"eda.event.type": "day.closed"})
        made.works[3].json["events"] = [
            {"name": "eda.event.unhandled", "timeUnixNano": str(BEGIN + SECOND), "attributes": said}
        ]
        point = {"timeUnixNano": str(BEGIN + 9 * SECOND), "asInt": "2", "attributes": said}
        counted = {"name": "eda.events.unhandled", "sum": {"dataPoints": [point], "aggregationTemporality": 2}}
        made.world.extra.append(scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [counted]))
        for event in handled:
            made.billing.other(f"process {event}", 9.0, 0.1, said={"eda.event.type": event, "code.function.name": "f"})

    @pytest.mark.parametrize(
        ("handled", "verdict", "cause"),
        [
            ("order.placed", SUSPECT, "was ever seen"),
            ("day.closed", LIKELY, "it is gone"),
            ("day.close", LIKELY, "nearly the same name"),
        ],
    )
    def test_by_its_metric_and_its_event_once(
        self, diagnose: Diagnose, handled: str, verdict: Verdict, cause: str
    ) -> None:
        made = flow()
        self.unhandled(made, handled)
        finding = only(diagnose(made.world).findings, "EDA406")
        assert (finding.verdict, finding.service, finding.count) == (verdict, "billing", 2)
        assert finding.trace_ids == (made.works[3].trace,)
        assert cause in finding.cause

    def test_the_nearest_of_two_that_are_called_alike_is_named(self, diagnose: Diagnose) -> None:
        made = flow()
        self.unhandled(made, "day.clos", "day.close")
        assert str(only(diagnose(made.world).findings, "EDA406").detail).endswith("there is one for day.close")

    def test_signals_that_a_framework_offers_are_none(self, diagnose: Diagnose) -> None:
        made = flow()
        self.unhandled(made)
        assert diagnose(made.world).findings == ()


class TestSlowDelivery:
    def test_above_the_usual(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 21.0)
        finding = only(diagnose(made.world, "EDA501").findings, "EDA501")
        assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))

    def test_acknowledged_late(self, diagnose: Diagnose) -> None:
        made = flow()
        slow = made.messages[12].span.json
        slow["endTimeUnixNano"] = str(int(slow["startTimeUnixNano"]) + 3 * SECOND)  # given away before it was
        finding = only(diagnose(made.world, "EDA501").findings, "EDA501")
        assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))
        assert "the broker took longer" in finding.cause

    def test_above_a_bound(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.9)
        assert only(diagnose(made.world, "EDA501", queue_bound=0.5).findings, "EDA501").verdict is CONFIRMED
        assert diagnose(made.world, "EDA501", queue_bound=5.0).findings == ()


class TestSlowHandler:
    def test_because_of_a_child(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        slow = made.billing.process(made.messages[12], 1.21, took=8.0)
        made.billing.other("POST /charge", 1.3, 7.0, slow, kind=3)
        finding = only(diagnose(made.world, "EDA502").findings, "EDA502")
        assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))
        assert "POST /charge" in str(finding.detail)
        assert only(diagnose(made.world, "EDA502", handler_bound=2.0).findings, "EDA502").verdict is CONFIRMED

    def test_a_wait_for_a_worker_is_no_handling(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, took=8.0, said={"eda.process.wait": 7.99})
        assert diagnose(made.world, "EDA502").findings == ()


class TestStuckHandler:
    def test_given_up_after_long(self, diagnose: Diagnose) -> None:
        made = flow(skip={12})
        made.billing.process(made.messages[12], 1.21, took=50.0, said={"eda.process.abandoned": True})
        finding = only(diagnose(made.world, "EDA503").findings, "EDA503")
        assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))

    def test_still_at_work(self, diagnose: Diagnose) -> None:
        made = flow()
        ledger(made, "eda.consumer.in_flight.age", 40, "gauge")
        finding = only(diagnose(made.world, "EDA503").findings, "EDA503")
        assert (finding.verdict, finding.group) == (LIKELY, "billing")
        assert "at work for 40" in str(finding.detail)


class TestHotPartition:
    @staticmethod
    def loaded(hot: int) -> Telemetry:
        world = Telemetry()
        shop = world.service("shop")
        offsets = [0] * 8
        for turn in range(1200):
            partition = 3 if turn % 10 < hot else turn % 8
            shop.send("clicks", turn * 0.001, offsets[partition], partition)
            offsets[partition] += 1
        return world

    def test_most_of_the_messages(self, diagnose: Diagnose) -> None:
        finding = only(diagnose(self.loaded(7), "EDA601").findings, "EDA601")
        assert (finding.verdict, finding.partition) == (LIKELY, "3")

    @pytest.mark.parametrize(("others", "cause"), [(5, "few keys"), (100, "one key")])
    def test_by_one_key(self, others: int, cause: str, diagnose: Diagnose) -> None:
        world = Telemetry()
        shop = world.service("shop")
        for turn in range(1200):
            hot = turn % 10 < 9
            key, partition = ("hot", 3) if hot else (f"key-{turn % others}", turn // 10 % 4)
            shop.send("clicks", turn * 0.001, turn, partition, said={"eda.message.key.hash": key})
        finding = only(diagnose(world, "EDA601").findings, "EDA601")
        assert (finding.verdict, finding.partition, finding.key) == (CONFIRMED, "3", "hot")
        assert cause in finding.cause
        assert str(finding.detail).endswith("1080 of one key")

    def test_an_even_load_is_none(self, diagnose: Diagnose) -> None:
        assert diagnose(self.loaded(0), "EDA601").findings == ()


class TestBrokenPropagation:
    def test_another_trace_without_a_link(self, diagnose: Diagnose) -> None:
        made = flow()
        cut = made.works[12].json
        del cut["links"], cut["parentSpanId"]
        cut["traceId"] = made.world.id(16)
        finding = only(diagnose(made.world, "EDA701").findings, "EDA701")
        assert (finding.verdict, finding.offsets, finding.count) == (CONFIRMED, (6, 6), 1)

    def test_no_context_ever_came(self, diagnose: Diagnose) -> None:
        made = flow()
        made.world.services.remove(made.shop)
        for work in made.works:
            del work.json["links"], work.json["parentSpanId"]
        assert only(diagnose(made.world, "EDA701").findings, "EDA701").verdict is SUSPECT


class TestClockSkew:
    def test_processed_before_it_was_sent(self, diagnose: Diagnose) -> None:
        finding = only(diagnose(flow(skew=-120.0, host="host-2").world, "EDA702").findings, "EDA702")
        assert (finding.verdict, finding.count) == (CONFIRMED, 40)
        assert "119.99 s behind that of shop" in str(finding.detail)


class TestTelemetryIncomplete:
    def test_fewer_spans_than_messages(self, diagnose: Diagnose) -> None:
        made = flow()
        processed(made, 45)
        finding = only(diagnose(made.world).findings, "EDA703")
        assert (finding.verdict, finding.service, finding.count) == (LIKELY, "billing", 5)

    @pytest.mark.parametrize(
        ("results", "verdict", "cause"),
        [
            ([], SUSPECT, "sampled"),
            (["RECORD_AND_SAMPLE", "DROP"], SUSPECT, "sampled"),
            (["RECORD_AND_SAMPLE"], LIKELY, "lost"),
        ],
    )
    def test_what_was_sampled_is_missing_all_the_same(
        self, diagnose: Diagnose, results: list[str], verdict: Verdict, cause: str
    ) -> None:
        made = flow()
        counted = metric("process", 400, BEGIN + 100 * SECOND, {"messaging.destination.name": "orders"})
        points = [
            {"timeUnixNano": str(BEGIN), "asInt": "9", "attributes": pairs({"otel.span.sampling_result": result})}
            for result in results
        ]
        started = {"name": "otel.sdk.span.started", "sum": {"dataPoints": points}}
        made.world.extra.append(
            scoped(
                made.billing, "resourceMetrics", "scopeMetrics", "metrics", [counted, *([started] if points else [])]
            )
        )
        finding = only(diagnose(made.world).findings, "EDA703")
        assert (finding.verdict, finding.count) == (verdict, 360)
        assert cause in finding.cause

    def test_orphans(self, diagnose: Diagnose) -> None:
        made = flow()
        made.works[3].json["parentSpanId"] = "00" * 7 + "01"
        assert "parents of some spans" in only(diagnose(made.world, "EDA703").findings, "EDA703").cause

    def test_our_own_failures(self, diagnose: Diagnose) -> None:
        made = flow()
        ledger(made, "eda.telemetry.failures", 3)
        finding = only(diagnose(made.world, "EDA703").findings, "EDA703")
        assert (finding.verdict, finding.count) == (LIKELY, 3)

    def test_what_the_sdk_dropped(self, diagnose: Diagnose) -> None:
        made = flow()
        point: dict[str, Any] = {
            "timeUnixNano": str(BEGIN + 100 * SECOND),
            "asInt": "7",
            "attributes": pairs({"error.type": "queue_full"}),
        }
        dropped = {"name": "otel.sdk.processor.span.processed", "sum": {"dataPoints": [point]}}
        made.world.extra.append(scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [dropped]))
        finding = only(diagnose(made.world).findings, "EDA703")
        assert (finding.verdict, finding.count) == (LIKELY, 7)
