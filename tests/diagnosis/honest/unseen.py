"""Sound systems that do what their telemetry does not show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnosis.telemetry import BEGIN, SECOND, Telemetry, counted, flow, scoped

from .world import honest

if TYPE_CHECKING:
    from diagnosis.telemetry import Flow, Service

EXPORTS = [(0, 3), (3, 6), (6, 9), (9, 12)]  # from when to when, in seconds


def counted_from_export_to_export(service: Service, exports: list[tuple[int, int]], *, alive: bool) -> None:
    """Have a service count its messages from each export to the next one, and say with each that it is alive."""
    for begin, end in exports:
        times = {"startTimeUnixNano": str(BEGIN + begin * SECOND), "timeUnixNano": str(BEGIN + end * SECOND)}
        spans = [one for one in service.spans if begin <= (int(one.json["endTimeUnixNano"]) - BEGIN) / SECOND < end]
        request = counted(replace(service, spans=spans)) if spans else scoped(service, *METRICS, [])
        metrics: list[dict[str, Any]] = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
        for points in (one.get("sum") or one["histogram"] for one in metrics):
            points.update(aggregationTemporality=1, dataPoints=[{**one, **times} for one in points["dataPoints"]])
        age = {"name": "eda.consumer.poll.age", "gauge": {"dataPoints": [{**times, "asDouble": 0.1}]}}
        service.world.extra.append(scoped(service, *METRICS, [*metrics, age] if alive else metrics))


METRICS = "resourceMetrics", "scopeMetrics", "metrics"


def failed_before_a_pause(*, alive: bool, lost: bool) -> Telemetry:
    """Have what fails be followed by a pause, of which the consumer's exports may have been lost."""
    made = flow(30, 1, skip={20}, committed=20)
    made.billing.process(made.messages[20], 2.01, error="ConnectionError")
    made.billing.process(made.shop.send("orders", 10.0, 30), 10.01)
    made.billing.commit("orders", 10.02, 31)
    made.world.metrics = False
    counted_from_export_to_export(made.shop, EXPORTS, alive=alive)
    counted_from_export_to_export(made.billing, EXPORTS[:1] + EXPORTS[3:] if lost else EXPORTS, alive=alive)
    return made.world


def _tried_again_unseen(read: float, failures: int = 1) -> Telemetry:
    """Have what failed be done 18 s later, by an attempt whose span is lost, after metrics were read the last time."""
    made = flow(40, 1, skip={20}, committed=20)
    for turn in range(failures):
        made.billing.process(made.messages[20], 2.01 + turn * 0.1, error="ConnectionError")
    made.billing.commit("orders", 20.1, 40)
    early = [span for span in made.billing.spans if int(span.json["endTimeUnixNano"]) < BEGIN + (read - 1) * SECOND]
    made.world.metrics = False
    made.world.extra += [counted(made.shop), counted(replace(made.billing, spans=early))]
    return made.world


@honest("EDA104")
def a_second_try_when_telemetry_is_away_for_a_while() -> Telemetry:
    return _tried_again_unseen(3.5)


@honest("EDA104")
def a_second_try_after_the_last_span_of_the_topic() -> Telemetry:
    return _tried_again_unseen(5.5)


@honest("EDA402")
def a_fourth_try_when_telemetry_is_away_for_a_while() -> Telemetry:
    return _tried_again_unseen(5.5, 3)


@honest("EDA104")
def a_second_try_that_one_outage_took_with_its_count() -> Telemetry:
    return failed_before_a_pause(alive=True, lost=True)


@honest("EDA104")
def a_second_try_that_one_outage_took_where_there_are_only_counts() -> Telemetry:
    return failed_before_a_pause(alive=False, lost=False)


def counted_in_runs(made: Flow, runs: list[tuple[float, float]]) -> Telemetry:
    """Have the consumer's metrics begin anew with each of its runs; what it did between them is not counted."""
    made.world.metrics = False
    made.world.extra.append(counted(made.shop))
    for start, read in ((BEGIN + round(begin * SECOND), BEGIN + round(end * SECOND)) for begin, end in runs):
        spans = [one for one in made.billing.spans if start < int(one.json["endTimeUnixNano"]) <= read]
        request = counted(replace(made.billing, spans=spans))
        for one in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
            for point in one["histogram"]["dataPoints"]:
                point.update(startTimeUnixNano=str(start), timeUnixNano=str(read))
        made.world.extra.append(request)
    return made.world


def failed_before_a_start(*, again: bool) -> Telemetry:
    """Have what fails be followed by a start of the process under its old name, or by nothing of the kind."""
    made = flow(40, 1, skip={20})
    made.billing.process(made.messages[20], 2.01, error="ConnectionError")
    return counted_in_runs(made, [(0.0, 2.05), (2.05, 5.0)] if again else [(0.0, 5.0)])


@honest("EDA104")
def a_second_try_by_a_run_that_left_nothing() -> Telemetry:
    return failed_before_a_start(again=True)


@honest("EDA104")
def a_second_try_by_a_run_where_the_clock_is_behind() -> Telemetry:
    made = flow(40, 1, skip={20})
    made.billing.process(made.messages[20], 2.01, error="ConnectionError")
    return counted_in_runs(made, [(0.0, 2.05), (2.04, 5.0)])


@honest("EDA104")
def a_second_try_by_a_run_that_left_only_its_commit() -> Telemetry:
    made = flow(40, 1, skip=set(range(20, 40)))
    made.billing.process(made.messages[20], 2.01, error="ConnectionError")
    made.billing.commit("orders", 2.6, 21)
    for turn, message in enumerate(made.messages[21:]):
        made.billing.process(message, 4.0 + turn * 0.1)
        made.billing.commit("orders", 4.01 + turn * 0.1, turn + 22)
    return counted_in_runs(made, [(0.0, 2.1), (3.9, 7.0)])
