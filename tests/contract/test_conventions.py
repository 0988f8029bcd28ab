"""Spans and metrics carry exactly what the messaging conventions ask for, see `support.conventions`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.sdk.metrics.export import Histogram, Sum
from support.conventions import broken_metric, conventions, metric_rule, named, span_rule, wrong_name, wrong_values
from support.spans import attribute, traceparent

from otel_eda import config
from otel_eda.hashed import keyed_hash

if TYPE_CHECKING:
    from drivers.base import Driver
    from opentelemetry.sdk.trace import ReadableSpan
    from support.bus import Bus
    from support.recorder import Recorder

SYSTEM, NAME, TYPE = "messaging.system", "messaging.operation.name", "messaging.operation.type"
DESTINATION, PARTITION = "messaging.destination.name", "messaging.destination.partition.id"
OFFSET, TOMBSTONE = "messaging.kafka.offset", "messaging.kafka.message.tombstone"
CLIENT, GROUP, COUNT, ERROR = (
    "messaging.client.id",
    "messaging.consumer.group.name",
    "messaging.batch.message_count",
    "error.type",
)
ADDRESS, PORT = "server.address", "server.port"
ALWAYS = {SYSTEM, NAME, TYPE, DESTINATION}
ONE = {PARTITION, OFFSET}  # what is said of one message
DURATIONS = {"messaging.client.operation.duration", "messaging.process.duration"}
COUNTS = {"messaging.client.sent.messages", "messaging.client.consumed.messages"}


def check(span: ReadableSpan, driver: Driver, expected: set[str], optional: set[str] | None = None) -> None:
    """Hold a span against the conventions: it carries what is expected, perhaps what is optional, and nothing else."""
    attributes = dict(span.attributes or {})
    rule = span_rule(driver.system, str(attributes[TYPE]), span.kind.name.lower())
    assert wrong_values(attributes) == []
    assert wrong_name(span) == []
    assert rule.level("required") <= set(attributes)
    own = driver.own.get(str(attributes[TYPE]), frozenset())
    assert named(attributes) <= set(rule.attributes) | own
    assert named(attributes) - (optional or set()) == expected | own
    assert not set(attributes) & rule.level("opt_in")


def consumed(driver: Driver) -> set[str]:
    """Name what a span of a consumer carries that is in no group, if there is one in no group."""
    return ALWAYS | driver.known | (set() if Can.ALONE in driver.can else {GROUP})


def grouped(driver: Driver) -> set[str]:
    """Name what a span of a consumer in a group carries more, if there are groups."""
    return {GROUP} if Can.GROUPS in driver.can else set()


def check_values(span: ReadableSpan, bus: Bus, operation: str, name: str) -> None:
    """Check the values that do not depend on the message."""
    host, _, port = bus.driver.server(bus.address, bus.destination).rpartition(":")
    wanted = {SYSTEM: bus.driver.system, TYPE: operation, NAME: name, DESTINATION: bus.destination, CLIENT: "client-7"}
    wanted |= {ADDRESS: host, PORT: port}
    found = {key: attribute(span, key) for key in wanted}
    assert {**found, PORT: str(found[PORT])} == wanted


def test_a_send_span(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.producer(client="client-7").send(Message(key=b"key")).wait()
    [send] = recorder.sends(1)
    check(send, driver, ALWAYS | driver.known)
    check_values(send, bus, "send", driver.verbs.send)


@pytest.mark.needs(Can.HEADERS)
def test_a_send_span_of_a_message_with_a_context(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send(bus.message(("traceparent", traceparent((1, 2)))))
    check(recorder.sends(1)[0], driver, ALWAYS | driver.known)


@pytest.mark.needs(Can.TOMBSTONES, Can.KEYS)
def test_spans_of_a_tombstone(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> None:
    bus.send(Message(None, b"key"))
    bus.received(shape)
    check(recorder.sends(1)[0], driver, ALWAYS | driver.known | {TOMBSTONE})
    check(recorder.processes(1)[0], driver, consumed(driver) | {TOMBSTONE})


@pytest.mark.needs(Can.REFUSALS)
def test_a_failed_send_span(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    pending = bus.producer().send(driver.refused())
    with pytest.raises(Exception):  # noqa: B017, PT011 (the library's affair)
        pending.wait()
    check(recorder.sends(1)[0], driver, (ALWAYS | driver.known | {ERROR}) - ONE, {PARTITION})


def test_a_process_span(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> None:
    bus.send()
    bus.received(shape, client="client-7")
    [process] = recorder.processes(1)
    check(process, driver, consumed(driver))
    check_values(process, bus, "process", driver.verbs.process)


@pytest.mark.needs(Can.GROUPS)
def test_a_process_span_in_a_group(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> None:
    bus.send()
    bus.received(shape, group="group-7")
    [process] = recorder.processes(1)
    check(process, driver, ALWAYS | driver.known | {GROUP})
    assert attribute(process, GROUP) == "group-7"


@pytest.mark.shapes(Shape.LOOP, Shape.BATCH, Shape.CALLBACK)
def test_a_failed_process_span(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> None:
    def body(_: object) -> None:
        raise RuntimeError

    bus.send()
    with pytest.raises(RuntimeError):
        bus.consumer().consume(shape, body)
    check(recorder.processes(1)[0], driver, consumed(driver) | {ERROR})


@pytest.mark.needs(Can.GROUPS)
@pytest.mark.shapes(Shape.BATCH)
def test_a_receive_span(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send(*[Message()] * 2)
    bus.consumer(group="group-8", client="client-7").batch(2)
    [receive] = recorder.receives(1)
    check(receive, driver, (ALWAYS | driver.known | {COUNT, GROUP}) - ONE, {PARTITION})
    check_values(receive, bus, "receive", driver.verbs.receive)
    for link in receive.links:
        assert wrong_values(link.attributes or {}) == []
        assert named(link.attributes or {}) == driver.known & ONE


@pytest.mark.needs(Can.SETTLE)
def test_a_settle_span(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send()
    consumer = bus.consumer(group=bus.destination, client="client-7")
    consumer.consume(driver.shapes[0], lambda _: None)
    consumer.settle()
    [settle] = recorder.settles(1)
    check(settle, driver, (ALWAYS | driver.known | grouped(driver)) - ONE, ONE)
    check_values(settle, bus, "settle", driver.verbs.settle)


@pytest.mark.needs(Can.HEADERS)
def test_nothing_of_a_message_is_recorded(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    key = b"secret" if Can.KEYS in bus.driver.can else None
    bus.send(Message(b"secret", key, bus.headers(("header", b"secret"))))
    bus.received(shape)
    told = " ".join(span.to_json() for span in recorder.ours())
    assert bus.destination in told
    assert "secret" not in told
    assert "secret" not in str(recorder.metrics())


@pytest.mark.needs(Can.KEYS)
def test_a_key_that_is_asked_for_is_on_both_sides(
    bus: Bus, recorder: Recorder, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_current", replace(config.config(), capture_key="hash"))
    bus.send(Message(b"body", b"c-17"))
    bus.received(shape)
    told = [attribute(span, "eda.message.key.hash") for span in (*recorder.sends(1), *recorder.processes(1))]
    assert told == [keyed_hash("c-17", "")] * 2


def test_spans_say_whose_and_which_conventions(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send()
    bus.received(shape)
    scopes = [span.instrumentation_scope for span in recorder.ours()]
    assert scopes
    for scope in scopes:
        assert scope is not None
        assert scope.name.startswith("otel_eda")
        assert scope.version
        assert scope.schema_url == conventions()["_meta"]["schema_url"]


@pytest.fixture
def measured(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> Recorder:
    """Everything there is a metric for has happened once, in a group."""
    bus.send(destination=bus.destination)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(shape, lambda _: None)
    if Can.SETTLE in driver.can:
        consumer.settle()
    consumer.close()
    return recorder


def test_metrics_are_those_of_the_conventions(measured: Recorder, shape: Shape) -> None:
    wanted, found = conventions()["metrics"], measured.metrics()
    assert set(found) >= DURATIONS | COUNTS
    for name in found:
        for point in measured.points(name):
            assert broken_metric(name, dict(point.attributes or {})) == []
    for name in named(found):
        assert not wanted[name]["deprecated"]
        assert found[name].unit == wanted[name]["unit"]
        data = found[name].data
        if wanted[name]["instrument"] == "histogram":
            assert isinstance(data, Histogram)
            bounds = wanted[name]["explicit_bucket_boundaries_advisory"]
            assert all(list(point.explicit_bounds) == bounds for point in data.data_points)
        else:
            assert isinstance(data, Sum)
            assert data.is_monotonic
            assert all(type(point.value) is int for point in data.data_points)


def test_metrics_have_exact_attributes(measured: Recorder, bus: Bus, driver: Driver, shape: Shape) -> None:
    for name in sorted(DURATIONS | COUNTS):
        points = measured.points(name, bus.destination)
        assert points
        for point in points:
            attributes = dict(point.attributes or {})
            sent = attributes[NAME] == driver.verbs.send
            expected = {NAME, SYSTEM, DESTINATION, ADDRESS, PORT, *([] if sent else grouped(driver))}
            assert wrong_values(attributes) == []
            assert named(attributes) - {TYPE} == expected
            assert (TYPE in attributes) == (TYPE in metric_rule(name).attributes)
            assert metric_rule(name).level("required") <= set(attributes)


def test_operations_have_their_names_in_metrics(measured: Recorder, driver: Driver, shape: Shape) -> None:
    verbs = driver.verbs
    wanted = {
        "messaging.client.sent.messages": {verbs.send},
        "messaging.client.consumed.messages": {verbs.receives(shape)},
        "messaging.process.duration": {verbs.process},
        "messaging.client.operation.duration": {
            verbs.send,
            *([verbs.receives(shape)] if shape is Shape.PULL or Shape.BATCH in driver.shapes else []),
            *([verbs.settle] if Can.SETTLE in driver.can else []),
        },
    }
    for metric, names in wanted.items():
        found = {(point.attributes or {})[NAME] for point in measured.points(metric)}
        assert found == names


@pytest.mark.needs(Can.TIMES)
def test_queue_time_is_in_seconds(measured: Recorder, bus: Bus, shape: Shape) -> None:
    queue = measured.metrics()["eda.queue.duration"]
    assert isinstance(queue.data, Histogram)
    assert queue.unit == "s"
    assert all(wrong_values(dict(point.attributes or {})) == [] for point in queue.data.data_points)
