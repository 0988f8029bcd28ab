"""What EDA101 (produce failed) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import counted, flow

from .helpers import CONFIRMED, LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("kafka.errors.MessageSizeTooLargeError", "larger"),
        ("kafka.errors.KafkaTimeoutError", "in time"),
        ("TopicAuthorizationFailedError", "may not write"),
        ("NotEnoughReplicasError", "replicas"),
        ("BufferError", "own queue"),
        ("NoBrokersAvailable", "reached"),
        ("kafka.errors.CorruptRecordError", "error says why"),
    ],
)
def test_a_final_delivery_error_is_proof(diagnose: Diagnose, error: str, cause: str) -> None:
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


@pytest.mark.parametrize(
    ("error", "text", "cause"),
    [
        ("pika.exceptions.ConnectionClosedByBroker", "(403, 'ACCESS_REFUSED - user may not')", "may not write"),
        ("pika.exceptions.ConnectionClosedByBroker", "(530, 'NOT_ALLOWED - vhost / is down')", "may not write"),
        ("pika.exceptions.ConnectionClosedByBroker", "(501, 'FRAME_ERROR - type 8')", "error says why"),
        ("pika.exceptions.ConnectionClosedByBroker", "(320, 'CONNECTION_FORCED - shutdown')", "reached"),
        ("pika.exceptions.StreamLostError", "Stream connection lost: ConnectionResetError(104)", "reached"),
        ("aiormq.exceptions.ChannelAccessRefused", "no", "may not write"),
        ("botocore.errorfactory.QueueDoesNotExist", "The specified queue does not exist.", "there is no such"),
    ],
)
def test_what_a_broker_says_is_the_cause(diagnose: Diagnose, error: str, text: str, cause: str) -> None:
    made = flow()
    made.shop.send("orders", 5.0, error=error).span.json["status"]["message"] = text
    assert cause in only(diagnose(made.world, "EDA101").findings, "EDA101").cause


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Failed to update metadata after 0.5 secs.", "in time"),
        ("Failed to allocate memory within the configured max blocking time 0.5 secs.", "own queue"),
    ],
)
def test_a_refused_call_says_what_the_client_had_waited_for(diagnose: Diagnose, text: str, cause: str) -> None:
    made = flow()
    span = made.shop.send("orders", 5.0, error="kafka.errors.KafkaTimeoutError", said={"eda.send.refused": True}).span
    span.json["status"]["message"] = text
    assert cause in only(diagnose(made.world, "EDA101").findings, "EDA101").cause


@pytest.mark.parametrize(
    ("error", "text", "cause"),
    [
        ("Azure.Messaging.ServiceBus.ServiceBusException", "no 'sb://x/orders' (MessagingEntityNotFound)", "no such"),
        ("*sarama.ProducerError", "kafka server: Request was for a topic or partition that does not exist", "no such"),
        ("KafkaJSProtocolError", "This server does not host this topic-partition", "no such"),
        ("KafkaJSProtocolError", "Not authorized to access topics: [Topic authorization failed]", "may not write"),
    ],
)
def test_what_a_client_with_one_error_for_all_says_is_proof(
    diagnose: Diagnose, error: str, text: str, cause: str
) -> None:
    made = flow()
    made.shop.send("orders", 5.0, error=error).span.json["status"]["message"] = text
    finding = only(diagnose(made.world, "EDA101").findings, "EDA101")
    assert finding.verdict is CONFIRMED
    assert cause in finding.cause


def test_any_other_error_may_be_of_what_came_after_the_send(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("orders", 5.0, error="ValueError")
    assert only(diagnose(made.world, "EDA101").findings, "EDA101").verdict is LIKELY


def test_a_message_sent_again_with_its_context_was_not_lost(diagnose: Diagnose) -> None:
    made = flow()
    lost = made.shop.send("orders", 5.0, error="KafkaTimeoutError")
    again = made.shop.send("orders", 6.0, 20)
    again.span.json |= {"kind": 3, "links": [{"traceId": lost.span.trace, "spanId": lost.span.id}]}
    made.billing.process(again, 6.1)
    assert diagnose(made.world, "EDA101").findings == ()


def test_a_refused_call_that_was_repeated_was_not_lost(diagnose: Diagnose) -> None:
    made = flow()
    refused = made.shop.send("orders", 5.0, error="BufferError", said={"eda.send.refused": True})
    again = {"eda.send.refused": True, "eda.send.repeats": refused.span.id}
    refused = made.shop.send("orders", 5.1, error="BufferError", said=again)
    assert only(diagnose(made.world, "EDA101").findings, "EDA101").trace_ids == (refused.span.trace,)
    taken = made.shop.send("orders", 5.2, 20, said={"eda.send.repeats": refused.span.id})
    made.billing.process(taken, 5.3)
    assert diagnose(made.world, "EDA101").findings == ()


@pytest.mark.parametrize(
    ("which", "verdict"),
    [
        ("an attempt at another message", CONFIRMED),
        ("a send", LIKELY),  # it may be of the same message
        ("an attempt at the message", LIKELY),
        ("an attempt at another message, while one more is missing", LIKELY),
    ],
)
def test_spans_without_usable_times_are_not_missing(diagnose: Diagnose, which: str, verdict: Verdict) -> None:
    made = flow()
    lost = made.shop.send("orders", 5.0, error="kafka.errors.KafkaTimeoutError")
    if which == "an attempt at the message":
        damaged = made.billing.process(lost, 5.1)
    else:
        damaged = made.messages[3].span if which == "a send" else made.works[3]
    damaged.json["startTimeUnixNano"] = str(-9 * 10**18)
    if which.endswith("missing"):
        made.world.extra.append(counted(made.billing))
        made.billing.spans.remove(made.works[5])
    finding = only(diagnose(made.world, "EDA101").findings, "EDA101")
    assert (finding.verdict, finding.count) == (verdict, 1)


@pytest.mark.parametrize(
    ("keys", "verdict"), [(("a", "a"), LIKELY), (("a", "a", "a"), CONFIRMED), (("a", "b"), CONFIRMED)]
)
def test_a_reference_may_be_sent_in_place_of_what_is_too_large(
    diagnose: Diagnose, keys: tuple[str, ...], verdict: Verdict
) -> None:
    made = flow()
    for turn, key in enumerate(keys):
        error = None if turn else "MessageSizeTooLargeError"
        made.shop.send(
            "orders", 5.0 + turn, 20 + turn if turn else None, error=error, said={"eda.message.key.hash": key}
        )
    assert only(diagnose(made.world, "EDA101").findings, "EDA101").verdict is verdict


def test_another_service_may_send_it_again(diagnose: Diagnose) -> None:
    made, said = flow(), {"messaging.message.id": "event-7"}
    made.shop.send("orders", 5.0, error="TOPIC_AUTHORIZATION_FAILED", said=said)
    made.world.service("retry-job").send("orders", 6.0, 20, said=said)
    assert only(diagnose(made.world, "EDA101").findings, "EDA101").verdict is LIKELY
