"""Headers of any content, in the spellings of every transport."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from otel_eda.adapters.pyzmq import trailer

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = "00-0000000000000000000000000000000a-000000000000000b-01"
LARGEST = 2**63 - 1  # what AMQP and OTLP have room for
FIELDS = ("traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "uber-trace-id")
CLOUDEVENTS = ("ce_", "ce-", "cloudEvents:", "cloudEvents_")
BROKERS = ("x-death", "x-delivery-count", "x-first-death-reason", "timestamp_in_ms", "x-retry-count", "content-type")
SPELLINGS = [*FIELDS, *BROKERS, *(prefix + name for prefix in CLOUDEVENTS for name in FIELDS[:2])]

NAMES = st.one_of(
    st.sampled_from(SPELLINGS),
    st.sampled_from(SPELLINGS).map(str.upper),
    st.sampled_from(SPELLINGS).map(str.title),
    st.text(max_size=12),
)
CONTEXTS = st.sampled_from(
    [
        GOOD,
        GOOD.upper(),
        "ff-" + GOOD[3:],
        GOOD + "-more",
        GOOD[:-1],
        GOOD.replace("a", "0").replace("b", "0"),
        "who=me",
    ]
)
PIECES = st.lists(
    st.sampled_from(["00", "-", "=", ",", ";", "%", "%zz", "%00", " ", "\t", "a" * 40, "vendor@t=1", "k=v"]),
    max_size=12,
).map("".join)
TEXTS = st.one_of(CONTEXTS, PIECES, st.text(max_size=40))
OCTETS = st.one_of(TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=60))


def pairs(names: st.SearchStrategy[Any] = NAMES) -> st.SearchStrategy[list[tuple[Any, Any]]]:
    """Give headers as Kafka has them: pairs of text and bytes or nothing, each name as often as you like."""
    return st.lists(st.tuples(names, st.one_of(st.none(), OCTETS)), max_size=8)


INTEGERS = st.one_of(
    st.integers(-(2**63), LARGEST), st.sampled_from([0, -1, LARGEST, -(2**63), 2**31, 1_700_000_000_000])
)
FIELDS_OF_TABLES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        INTEGERS,
        st.floats(),
        st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000),
        st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2100, 1, 1)),
        TEXTS.filter(lambda text: text.isprintable()),
        OCTETS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
DEATHS = st.lists(
    st.one_of(
        FIELDS_OF_TABLES,
        st.fixed_dictionaries({}, optional={"count": FIELDS_OF_TABLES, "reason": FIELDS_OF_TABLES, "queue": TEXTS}),
        st.fixed_dictionaries({"count": INTEGERS, "reason": st.sampled_from(["rejected", "expired"])}),
    ),
    max_size=3,
)
TABLES = st.one_of(
    st.dictionaries(NAMES, FIELDS_OF_TABLES, max_size=6),
    st.fixed_dictionaries(
        {},
        optional={
            "x-death": DEATHS,
            "x-delivery-count": FIELDS_OF_TABLES,
            "timestamp_in_ms": FIELDS_OF_TABLES,
            "traceparent": FIELDS_OF_TABLES,
            "ce_traceparent": TEXTS,
        },
    ),
)
"""Headers as AMQP has them: a table of numbers, texts, bytes, times, lists and tables."""


@st.composite
def trailers(draw: st.DrawFn) -> bytes:
    """Give frames that are trailers of ZeroMQ messages, or nearly."""
    headers = draw(st.dictionaries(NAMES, TEXTS, max_size=5))
    whole = trailer.pack(
        headers, "0123456789abcdef", draw(st.integers(0, 10**18 - 1)), draw(st.integers(0, 10**18 - 1))
    )
    start, end = sorted(draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    damage = draw(st.one_of(st.just(None), st.binary(max_size=20), st.just(b"\0"), st.just(b"\0" * 200)))
    return whole if damage is None else whole[:start] + damage + whole[end:]


def turned(headers: Any, times: int) -> Iterator[Any]:
    """Give headers several times: each time the values are moved on to the next names, and a byte is another."""
    for turn in range(times):
        if isinstance(headers, dict):
            yield dict(zip(headers, moved([*headers.values()], turn, times), strict=True))
        elif isinstance(headers, list):
            values = moved([value for _, value in headers], turn, times)
            yield [(name, value) for (name, _), value in zip(headers, values, strict=True)]
        else:
            yield changed(headers, turn, times)


def moved(values: list[Any], turn: int, times: int) -> list[Any]:
    """Give a list that begins further on, with its first item changed."""
    start = turn % len(values) if values else 0
    return [changed(value, turn, times) for value in values[start : start + 1]] + values[start + 1 :] + values[:start]


def changed(value: Any, turn: int, times: int) -> Any:
    """Give bytes or a text with one of them another, and anything else as it is."""
    if not turn or not value or not isinstance(value, (bytes, str)):
        return value
    place = len(value) * turn // times
    if isinstance(value, bytes):
        return value[:place] + bytes([value[place] ^ 1 << turn % 8]) + value[place + 1 :]
    return value[:place] + chr(ord(value[place]) ^ 1 << turn % 5) + value[place + 1 :]


ODD: list[Any] = [None, 7, 1.5, Decimal(1), b"traceparent", "traceparent", ("a",), {"a": object()}, [None], [("a",)]]
"""What are no headers at all."""
