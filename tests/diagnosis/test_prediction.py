"""Whatever is missing of telemetry, no prediction becomes surer by that; and none is ever CONFIRMED."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis.finding import Verdict

from .checks.metrics import PLACE, around, hours, levels, rising, sent, worked

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Diagnose
    from .telemetry import Telemetry

GROUP = {"messaging.system": "kafka", "messaging.consumer.group.name": "billing"}
BOUNDS: dict[str, Any] = {"lag_bound": 6000, "depth_bound": 6000}


def everything(*, faulty: bool) -> Telemetry:
    """Return two members with all that predictions go by, in trouble or not."""
    made = hours()
    other = made.world.service("billing", group="billing")
    growth = rising(40, 50, 10) if faulty else around(10, 40)
    burst = rising(20, 50, 10)
    lag = [*around(10, 60), *burst, *burst[::-2], *around(10, 30), *growth]
    number = len(lag)
    for service, part in ((made.billing, "0"), (other, "1")):
        levels(service, "eda.consumer.lag", lag, {**PLACE, "messaging.destination.partition.id": part})
        levels(service, "eda.consumer.partition.count", [1.0] * number, GROUP)
        levels(service, "eda.consumer.poll.age", around(5, number, 0.3), GROUP)
        levels(service, "eda.consumer.poll.limit", [300.0] * number, GROUP)
        levels(service, "eda.queue.depth", [2 * value for value in lag])
        worked(service, around(600, number), [*around(13, number - 20), *around(40 if faulty else 13, 20)])
    sent(made.shop, around(1200, number))
    return made.world


def verdicts(diagnose: Diagnose, world: Telemetry) -> dict[str, Verdict]:
    found = diagnose(world, "EDA8", **BOUNDS).findings
    return {finding.code: finding.verdict for finding in found}


def each_point(world: Telemetry, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Leave only some readings, where something keeps them."""
    for request in world.extra:
        for resource in request["resourceMetrics"]:
            for metric in resource["scopeMetrics"][0]["metrics"]:
                kind = next(metric[name] for name in ("gauge", "sum", "histogram") if name in metric)
                kind["dataPoints"] = [point for point in kind["dataPoints"] if keep(point)]


def by_chance(luck: random.Random) -> Callable[[dict[str, Any]], bool]:
    share = luck.choice((0.05, 0.3, 0.6))
    return lambda _: luck.random() > share


def stretches(luck: random.Random) -> Callable[[dict[str, Any]], bool]:
    times = [(begin := luck.randrange(200), begin + luck.randrange(3, 30)) for _ in range(3)]
    return lambda point: not any(begin <= _minute(point) < end for begin, end in times)


def beginning(luck: random.Random) -> Callable[[dict[str, Any]], bool]:
    first = luck.randrange(120, 160)
    return lambda point: _minute(point) >= first


def _minute(point: dict[str, Any]) -> float:
    return float((int(point["timeUnixNano"]) - 1_790_000_000_000_000_000) / 60e9)


def test_there_is_something_to_lose(diagnose: Diagnose) -> None:
    found = verdicts(diagnose, everything(faulty=True))
    assert {"EDA801", "EDA804", "EDA806"} <= set(found)
    assert set(found.values()) <= {Verdict.LIKELY, Verdict.SUSPECT}
    assert verdicts(diagnose, everything(faulty=False)) == {}


@pytest.mark.parametrize("missing", [by_chance, stretches, beginning], ids=lambda how: str(how.__name__))
@pytest.mark.parametrize("faulty", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_missing_readings_never_make_it_surer(
    missing: Callable[[random.Random], Any], faulty: bool, seed: int, diagnose: Diagnose
) -> None:
    whole = verdicts(diagnose, everything(faulty=faulty))
    damaged = everything(faulty=faulty)
    each_point(damaged, missing(random.Random(seed)))
    for code, verdict in verdicts(diagnose, damaged).items():
        assert verdict <= max(whole.get(code, Verdict.SUSPECT), Verdict.SUSPECT)


def test_a_member_that_is_missing_never_makes_it_surer(diagnose: Diagnose) -> None:
    whole, damaged = everything(faulty=True), everything(faulty=True)
    damaged.extra = [request for request in damaged.extra if "billing-1" not in str(request)]
    assert verdicts(diagnose, damaged).keys() <= verdicts(diagnose, whole).keys()
