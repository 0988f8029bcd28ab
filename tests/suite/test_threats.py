"""Every line of docs/threats.md, tested."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest
from core.propagation.test_headers import propagating
from core.tinyqueue import Consumer, Producer, Queue, Record
from docs.pages import ROOT
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter, default_setter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from support.recorder import recording
from support.spans import attribute

import otel_eda
from otel_eda import config, hashed
from otel_eda.config import Config
from otel_eda.core import propagation

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from otel_eda.core import Library

PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
TRACE = 0x0AF7651916CD43DD8448EB211C80319C
HEADERS = [
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("baggage", b"tenant=mallory,role=admin"),
]


@pytest.fixture(autouse=True)
def known(library: Library) -> None:
    """Have the suite know the library."""


def processed(
    headers: Any = tuple(HEADERS), key: bytes | None = None, topic: str = "orders", sampler: Any = None, **settings: Any
) -> tuple[list[ReadableSpan], list[dict[str, object]]]:
    """Read one message under these settings; give the process spans, and the baggage in the body."""
    queue = Queue()
    queue.fill(topic, 1, headers=list(headers))
    with pytest.MonkeyPatch.context() as patch, recording(**({"sampler": sampler} if sampler else {})) as recorder:
        patch.setattr(config, "_current", dataclasses.replace(Config(strict=True), **settings))
        patch.setattr(Record, "key", key, raising=False)
        consumer = Consumer(queue, topic)
        bags = [dict(baggage.get_all()) for _ in consumer]
        consumer.close()
        spans = [span for span in recorder.ours() if attribute(span, "messaging.operation.type") == "process"]
    return spans, bags


def one(*args: Any, **settings: Any) -> ReadableSpan:
    """Give the only process span."""
    (span,), _ = processed(*args, **settings)
    return span


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    found: int = span.context.trace_id
    return found


@pytest.mark.parametrize("trust", config.TRUST)
@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", None), (None, b"1"), (b"\xff", b"\xff" * 100_000), ("baggage", 7)],
        [("traceparent", b"00-" + b"f" * 1_000_000)],
        [("tracestate", b"a=" + b"b" * 1_000_000), *HEADERS],
    ],
)
def test_cannot_fail_the_application(headers: Any, trust: str) -> None:
    _, bags = processed(headers, trust=trust, capture_headers=("*",))
    assert len(bags) == 1


def test_cannot_have_a_payload_key_or_header_recorded() -> None:
    span = one([("x-name", b"mallory"), *HEADERS], key=b"mallory")
    assert "mallory" not in str(dict(span.attributes or {}))


def test_cannot_have_a_secret_recorded_by_its_headers_name() -> None:
    span = one([("Authorization", b"s3cret"), ("x-Api-Key", b"s3cret"), ("x-kind", b"order")], capture_headers=("*",))
    assert "s3cret" not in str(dict(span.attributes or {}))
    assert attribute(span, "eda.message.header.x-kind") == "order"


def test_cannot_flood_a_span_with_headers() -> None:
    span = one([(f"x-{number}", b"a" * 10_000) for number in range(500)], capture_headers=("x-*",))
    found = {name: value for name, value in (span.attributes or {}).items() if name.startswith("eda.message.header.")}
    assert (len(found), {len(str(value)) for value in found.values()}) == (64, {256})


class Unbounded(TextMapPropagator):
    """Carries text of any length, as OpenTelemetry's own propagator of baggage did until it had limits itself."""

    def inject(self, carrier: Any, context: Any = None, setter: Any = default_setter) -> None:
        setter.set(carrier, "any", context["any"])

    def extract(self, carrier: Any, context: Any = None, getter: Any = default_getter) -> Context:
        found = getter.get(carrier, "any")
        return Context({**context, "any": found[0]} if found else context)

    @property
    def fields(self) -> set[str]:
        return {"any"}


def test_cannot_make_reading_headers_expensive() -> None:
    many: list[Any] = [(f"x-{number}", b"a") for number in range(1000)]
    assert propagation.extract([HEADERS[0], *many])[1] is None
    assert propagation.extract([HEADERS[0], *many[1:]])[1] is not None
    assert propagation.extract([*many, HEADERS[0]])[1] is not None
    with propagating(Unbounded()):
        for size, read in ((8192, {"any": "b" * 8192}), (8193, {})):
            assert propagation.extract([("any", "b" * size)])[0] == read
            assert propagation.extract([("any", b"b" * size)])[0] == read


def test_cannot_have_endless_baggage_passed_on() -> None:
    with propagating(Unbounded()):
        assert propagation.inject(Context({"any": "b" * 8192})) == {"any": "b" * 8192}
        assert propagation.inject(Context({"any": "b" * 8193})) == {}


def test_cannot_learn_a_key_from_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = [
        attribute(one(key=b"c-17", capture_key="hash", hash_key=secret), "eda.message.key.hash") for secret in "ab"
    ]
    again = attribute(one(key=b"c-17", capture_key="hash", hash_key="a"), "eda.message.key.hash")
    assert hashes[0] == again != hashes[1]
    own = attribute(one(key=b"c-17", capture_key="hash"), "eda.message.key.hash")
    monkeypatch.setattr(hashed, "_process_secret", b"another process's")
    assert own != attribute(one(key=b"c-17", capture_key="hash"), "eda.message.key.hash")


def test_can_join_any_trace() -> None:
    assert trace_of(one(trust="parent")) == TRACE


@pytest.mark.parametrize(("trust", "sampled"), [("parent", 1), ("link", 0), ("drop", 0)])
def test_can_decide_what_is_sampled(trust: str, sampled: int) -> None:
    spans, _ = processed(trust=trust, sampler=ParentBased(ALWAYS_OFF))
    assert len(spans) == sampled


def test_can_set_baggage() -> None:
    assert processed(trust="parent")[1] == [{"tenant": "mallory", "role": "admin"}]


def test_cannot_join_a_trace() -> None:
    for trust in ("link", "drop"):
        span = one(trust=trust)
        assert (trace_of(span) != TRACE, span.parent) == (True, None)


def test_cannot_decide_what_is_sampled() -> None:
    assert processed(trust="link", sampler=ParentBased(ALWAYS_OFF))[0] == []


def test_cannot_set_baggage() -> None:
    assert processed(trust="link")[1] == [{}]
    assert processed(trust="link", baggage=("tenant",))[1] == [{"tenant": "mallory"}]


def test_can_point_to_any_trace() -> None:
    assert [link.context.trace_id for link in one(trust="link").links] == [TRACE]


def test_cannot_point_to_a_trace() -> None:
    (span,), bags = processed(trust="drop", baggage=("tenant",))
    assert (list(span.links), bags) == ([], [{}])


def test_cannot_choose_another_destinations_rule() -> None:
    rule = "link,internal.*=parent,internal.partner=drop"
    assert trace_of(one(topic="internal.orders", trust=rule)) == TRACE
    assert len(one(topic="public", trust=rule).links) == 1
    assert len(one(topic="internal.partner", trust=rule).links) == 0


def test_a_batch_is_no_way_around() -> None:
    queue = Queue()
    queue.fill("orders", 1, headers=HEADERS)
    with pytest.MonkeyPatch.context() as patch, recording() as recorder:
        patch.setattr(config, "_current", Config(strict=True, trust="drop"))
        for message in Consumer(queue, "orders").poll()["orders"]:
            assert message
        assert [len(span.links) for span in recorder.ours()] == [0, 0]
        assert {trace_of(span) for span in recorder.ours()}.isdisjoint({TRACE})


def test_what_we_send_is_not_what_came_in() -> None:
    queue = Queue()
    queue.fill("orders", 1, headers=HEADERS)
    with pytest.MonkeyPatch.context() as patch, recording():
        patch.setattr(config, "_current", Config(strict=True, trust="link"))
        for _ in Consumer(queue, "orders"):
            Producer(queue).send("bills")
        ((_, headers),) = queue.topics["bills"]
    assert "0af7651916cd43dd" not in str(headers)
    assert "mallory" not in str(headers)


def test_every_line_of_the_page_has_its_test() -> None:
    lines = re.findall(r"^\| (cannot?[^|]*?) \|", PAGE, re.MULTILINE)
    wanted = {"test_" + re.sub(r"[^a-z]+", "_", line.replace("'", "")) for line in lines}
    assert wanted
    assert wanted <= set(globals())
    assert otel_eda.__name__
