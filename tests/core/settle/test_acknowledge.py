"""Messages that are settled one by one, or up to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, current, failed, ids, links, parent

from core.deliveries import FIRST, SECOND, SETTLED, TAG, run
from otel_eda.core.clients import in_flight
from otel_eda.core.clients.instances import ATTRIBUTE, client_of

if TYPE_CHECKING:
    from support.recorder import Recorder

    from core.tinyqueue import Channel, Delivery
    from otel_eda.core import Library


def test_settling_is_a_span_linked_to_the_message(channel: Channel, recorder: Recorder) -> None:
    run(channel, lambda channel, delivery, _: channel.ack(delivery.tag))
    first, second = recorder.settles(2)
    assert (first.name, first.kind) == ("ack orders", SpanKind.CLIENT)
    assert (links(first), links(second)) == ([FIRST], [SECOND])
    assert [parent(span) for span in (first, second)] == [ids(span) for span in recorder.processes(2)]
    assert [attribute(span, TAG) for span in (first, second)] == [1, 2]
    assert attribute(first, "messaging.batch.message_count") is None
    recorder.counted(SETTLED, 2, "orders")
    assert not client_of(channel, recorder_library(channel)).unsettled


def recorder_library(channel: Channel) -> Any:
    return channel.__dict__[ATTRIBUTE].library


def test_settling_does_not_end_the_call(channel: Channel, recorder: Recorder) -> None:
    def callback(channel: Channel, delivery: Delivery, _: object) -> None:
        channel.ack(delivery.tag)
        assert len(recorder.open("process")) == 1
        with recorder.tracer.start_as_current_span("after"):
            pass

    run(channel, callback)
    assert [parent(span) for span in recorder.own("after")] == [ids(span) for span in recorder.processes(2)]


@pytest.mark.parametrize("tag", [2, 0], ids=["up to a tag", "all"])
def test_several_are_settled_at_once(channel: Channel, recorder: Recorder, tag: int) -> None:
    run(channel, lambda *_: None)
    channel.nack(tag, multiple=True, requeue=False)
    (span,) = recorder.settles(1)
    assert (span.name, links(span)) == ("nack orders", [FIRST, SECOND])
    assert attribute(span, "messaging.batch.message_count") == 2
    assert attribute(span, "eda.settle.requeue") is False
    assert attribute(span, TAG) == (tag or None)
    recorder.counted(SETTLED, 2, "orders")


def test_each_attempt_is_a_span_of_its_own(channel: Channel, recorder: Recorder) -> None:
    run(
        channel,
        lambda channel, delivery, _: channel.ack(delivery.tag) if delivery.tries else channel.nack(delivery.tag),
    )
    spans = recorder.processes(4)
    assert [links(span) for span in spans] == [[FIRST], [SECOND], [FIRST], [SECOND]]
    assert [attribute(span, "eda.message.redelivered") for span in spans] == [None, None, True, True]
    assert [attribute(span, "eda.message.delivery_count") for span in spans] == [0, 0, 1, 1]
    assert [span.name for span in recorder.settles(4)] == ["nack orders"] * 2 + ["ack orders"] * 2


def test_a_message_that_was_never_seen_is_settled_without_links(library: Library, channel: Channel) -> None:
    run(channel, lambda *_: None)
    with recording() as recorder:
        channel.ack(1)
        channel.ack(2, multiple=True)
    one, rest = recorder.settles(2)
    assert [(span.name, links(span)) for span in (one, rest)] == [("ack", []), ("ack", [])]
    recorder.counted(SETTLED, 1)


def test_what_is_settled_by_itself_is_not_remembered(channel: Channel, recorder: Recorder) -> None:
    run(channel, lambda *_: None, auto=True)
    assert not client_of(channel, recorder_library(channel)).unsettled


def test_a_failure_to_settle_is_recorded(channel: Channel, recorder: Recorder) -> None:
    with pytest.raises(KeyError):
        channel.ack(7)
    (span,) = recorder.settles(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "KeyError")
    (point,) = recorder.counted(SETTLED, 1)
    assert (point.attributes or {})["error.type"] == "KeyError"


def test_an_ack_before_the_work_does_not_end_the_processing(channel: Channel, recorder: Recorder) -> None:
    channel.get("orders")
    channel.get(topic="orders", auto=False)
    recorder.processes(1)
    channel.ack(1)
    channel.ack(2)
    assert len(recorder.open("process")) == 1
    channel.close()
    processed = recorder.processes(2)
    assert [parent(span) for span in recorder.settles(2)] == [ids(processed[1])] * 2
    assert current() == (0, 0)


def test_what_is_never_settled_is_forgotten_one_day(
    channel: Channel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "MAX_UNSETTLED", 1)
    run(channel, lambda *_: None)
    assert [*client_of(channel, recorder_library(channel)).unsettled] == [2]


def test_a_message_that_is_refused_while_an_exception_is_handled_has_failed_by_it(
    channel: Channel, recorder: Recorder
) -> None:
    def callback(channel: Channel, delivery: Delivery, _: object) -> None:
        try:
            raise KeyError(delivery.tag)
        except KeyError:
            channel.nack(delivery.tag, requeue=False)

    run(channel, callback)
    assert all(failed(span) and attribute(span, "error.type") == "KeyError" for span in recorder.processes(2))


def test_a_message_that_is_acknowledged_while_an_exception_is_handled_may_be_done(
    channel: Channel, recorder: Recorder
) -> None:
    def callback(channel: Channel, delivery: Delivery, _: object) -> None:
        try:
            raise KeyError(delivery.tag)  # it is known already, for instance
        except KeyError:
            channel.ack(delivery.tag)

    run(channel, callback)
    assert not any(failed(span) for span in recorder.processes(2))


def test_what_was_handled_before_a_message_came_is_none_of_its_own(channel: Channel, recorder: Recorder) -> None:
    try:
        raise KeyError
    except KeyError:
        run(channel, lambda channel, delivery, _: channel.nack(delivery.tag, requeue=False))
    assert not any(failed(span) for span in recorder.processes(2))
