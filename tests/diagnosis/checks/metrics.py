"""What a service's metrics show over hours: levels, counters and durations, one reading a minute."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from diagnosis.telemetry import BEGIN, SECOND, Flow, Service, flow, pairs, scoped

from .helpers import BILLING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

EVERY = 60 * SECOND
PLACE = BILLING


def hours(seed: int = 1) -> Flow:
    """Return a flow whose processes say nothing but metrics."""
    made = flow(2, 1, seed=seed)
    made.world.metrics = False
    return made


def say(service: Service, *metrics: dict[str, Any]) -> None:
    """Have a service export metrics."""
    service.world.extra.append(scoped(service, "resourceMetrics", "scopeMetrics", "metrics", list(metrics)))


def levels(
    service: Service, name: str, values: Iterable[float | None], said: Mapping[str, Any] = PLACE, first: int = 1
) -> None:
    """Have a service report levels, one a minute; None is a minute in which nothing came."""
    points = [
        {"timeUnixNano": str(BEGIN + turn * EVERY), "asDouble": float(value), "attributes": pairs(dict(said))}
        for turn, value in enumerate(values, first)
        if value is not None
    ]
    say(service, {"name": name, "gauge": {"dataPoints": points}})


def sent(service: Service, counts: Sequence[float], *, delta: bool = False, restarts: Sequence[int] = ()) -> None:
    """Have a service count so many sends in each minute; where it starts anew it counts from nothing."""
    points = [
        {**times, "asInt": str(round(number)), "attributes": pairs({"messaging.destination.name": "orders"})}
        for times, (number,) in _runs([counts], delta=delta, restarts=restarts)
    ]
    say(
        service,
        {"name": "messaging.client.sent.messages", "sum": {**_kind(delta), "isMonotonic": True, "dataPoints": points}},
    )


def worked(
    service: Service, counts: Sequence[float], seconds: Sequence[float], error: str | None = None, **more: Any
) -> None:
    """Have a service count so many attempts in each minute, and the seconds that they took."""
    said = pairs({**PLACE, "error.type": error})
    points = [
        {**times, "count": str(round(number)), "sum": total, "attributes": said}
        for times, (number, total) in _runs([counts, seconds], **more)
    ]
    delta = bool(more.get("delta"))
    say(service, {"name": "messaging.process.duration", "histogram": {**_kind(delta), "dataPoints": points}})


def _kind(delta: bool) -> dict[str, Any]:
    return {"aggregationTemporality": 1 if delta else 2}


def _runs(
    each: Sequence[Sequence[float]], *, delta: bool = False, restarts: Sequence[int] = (), first: int = 1
) -> Iterator[tuple[dict[str, str], tuple[float, ...]]]:
    """Yield the times and values of the readings."""
    begin, totals = first - 1, [0.0] * len(each)
    for turn, values in enumerate(zip(*each, strict=True), first):
        if delta or turn in restarts:
            begin, totals = turn - 1, [0.0] * len(each)
        totals = [total + value for total, value in zip(totals, values, strict=True)]
        times = {"startTimeUnixNano": str(BEGIN + begin * EVERY), "timeUnixNano": str(BEGIN + turn * EVERY)}
        yield times, tuple(totals)


def around(mean: float, number: int, noise: float = 0.05, seed: int = 1) -> list[float]:
    """Return so many values around a mean."""
    luck = random.Random(seed)
    return [max(mean * luck.gauss(1, noise), 0.0) for _ in range(number)]


def rising(number: int, step: float, begin: float = 0.0, seed: int = 1) -> list[float]:
    """Return so many values, each higher than the one before by about a step."""
    return list(accumulate(around(step, number, 0.2, seed), initial=begin))[1:]
