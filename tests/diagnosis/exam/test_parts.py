"""What is missing never makes a proof: of a part of the telemetry nothing is CONFIRMED that is not of the whole."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.times import times

from otel_eda.diagnosis import UnusableError, catalog, engine
from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .expectations import ALL, CASES, HERE, Expectation, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Item = tuple[str, dict[str, Any], dict[str, Any]]  # the signal, its resource, and a span, a metric's point or a log
    Keep = Callable[[Item], bool]

SIGNALS = {
    "resourceSpans": ("scopeSpans", "spans"),
    "resourceMetrics": ("scopeMetrics", "metrics"),
    "resourceLogs": ("scopeLogs", "logRecords"),
}
TIMES = ("endTimeUnixNano", "timeUnixNano", "observedTimeUnixNano")
# Incomplete telemetry is what this one speaks of.
EXEMPT = {"EDA703"}


@cache
def lines(name: str) -> tuple[dict[str, Any], ...]:
    with gzip.open(HERE / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file if line.startswith("{") and line.endswith("}\n"))


def items(name: str) -> Iterator[Item]:
    for line in lines(name):
        for signal, (scopes, kind) in SIGNALS.items():
            for group in line.get(signal, ()):
                for scope in group.get(scopes, ()):
                    yield from ((kind, group.get("resource", {}), item) for item in scope.get(kind, ()))


def part(name: str, keep: Keep) -> Iterator[str]:
    """Yield the lines of a file with those items that are to be kept."""
    for line in lines(name):
        kept: dict[str, Any] = {}
        for signal, (scopes, kind) in SIGNALS.items():
            for group in line.get(signal, ()):
                resource = group.get("resource", {})
                inner = [
                    {**scope, kind: [item for item in scope.get(kind, ()) if keep((kind, resource, item))]}
                    for scope in group.get(scopes, ())
                ]
                kept.setdefault(signal, []).append({**group, scopes: inner})
        if kept:
            yield json.dumps(kept)


def service(resource: dict[str, Any]) -> str:
    return str([one["value"] for one in resource.get("attributes", ()) if one["key"] == "service.name"])


def time(item: dict[str, Any]) -> int:
    # A metric is cut with its last reading.
    points = [point for value in item.values() if isinstance(value, dict) for point in value.get("dataPoints", ())]
    return max((int(one.get(name, 0) or 0) for one in (item, *points) for name in TIMES), default=0)


def confirmed(path: Path, expected: Expectation) -> set[tuple[Any, ...]]:
    """Return what is CONFIRMED of a file: each piece of evidence, by what it says of which message."""
    with Store() as store:
        try:
            store.read([Files(str(path))])
        except UnusableError:
            return set()  # nothing of it is left
        findings = engine.diagnose(store, catalog.checks(), Bounds(grace=expected.grace), evidence=ALL).findings
    return {
        (finding.code, finding.system, finding.destination, finding.group, *_message(item))
        for finding in findings
        if finding.verdict is Verdict.CONFIRMED and finding.code not in EXEMPT
        for item in finding.evidence
    }


def _message(item: Any) -> tuple[Any, ...]:
    if item.offset is not None:
        return item.partition, item.offset
    return item.message, None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], set[tuple[Any, ...]]]:
    @cache
    def told(name: str) -> set[tuple[Any, ...]]:
        path = tmp_path_factory.mktemp("whole") / "telemetry.jsonl"
        path.write_text("\n".join(part(name, lambda _: True)), "utf-8")
        return confirmed(path, read(name))

    return told


@st.composite
def keeps(draw: st.DrawFn, name: str) -> Keep:
    """Draw what is lost: a share of the spans, a signal, a service, a span of time, or several of these."""
    chance = draw(st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.1]))
    drawn = draw(st.randoms(use_true_random=False))
    lost_kinds = draw(st.sets(st.sampled_from(sorted(kind for _, kind in SIGNALS.values())), max_size=2))
    names = Counter(service(resource) for _, resource, _ in items(name))
    lost_services = draw(st.sets(st.sampled_from(sorted(names)), max_size=1))
    moments = sorted(time(item) for _, _, item in items(name))
    first, last = sorted(draw(st.tuples(st.sampled_from(moments), st.sampled_from(moments))))
    lost_time = draw(st.booleans())

    def keep(item: Item) -> bool:
        kind, resource, what = item
        inside = lost_time and first <= time(what) <= last
        gone = kind in lost_kinds or service(resource) in lost_services or inside
        return not gone and (kind != "spans" or drawn.random() < chance)

    return keep


@pytest.mark.timeout(times(300))
@settings(max_examples=times(10), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_of_a_part_nothing_more_is_confirmed(
    data: st.DataObject, whole: Callable[[str], set[tuple[Any, ...]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = data.draw(st.sampled_from(CASES))
    path = tmp_path_factory.mktemp("part") / "telemetry.jsonl"
    path.write_text("\n".join(part(name, data.draw(keeps(name)))), "utf-8")
    # What is true and withheld of the whole, as by a clock that is far ahead, may be told of a part without that.
    true = {(code, wanted.place) for wanted in read(name).wanted for code in wanted.codes}
    found = confirmed(path, read(name))
    assert {one for one in found if not {(one[0], None), (one[0], one[-2:])} & true} <= whole(name)
