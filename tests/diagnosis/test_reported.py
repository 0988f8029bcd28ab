"""What has been told is not told again, where the same telemetry is judged again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.reported import Reported
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import Telemetry, flow

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = 3
SURE, UNSURE = Verdict.CONFIRMED, Verdict.LIKELY


def judged(world: Telemetry, folder: Path, reported: Reported, code: str) -> list[tuple[Verdict, object, int]]:
    """Give the verdicts, offsets and counts of what is told anew of some telemetry."""
    with Store() as store:
        store.read([Files(str(world.write(folder)))])
        reported.begin(store)
        found = engine.diagnose(store, catalog.chosen([code], []), Bounds(), only_news=True).findings
        reported.remember(store)
    return [(finding.verdict, finding.offsets, finding.count) for finding in found]


def test_each_message_is_told_once_and_again_when_it_is_surer(tmp_path: Path) -> None:
    made, reported = flow(40, 1, skip={12, 20}), Reported(MEMORY)
    made.world.metrics = False
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.process(made.messages[20], 2.01)
    assert judged(made.world, tmp_path, reported, "EDA104") == [(UNSURE, (12, 12), 1)]
    assert judged(made.world, tmp_path, reported, "EDA104") == []
    made.billing.spans.pop()
    made.billing.process(made.messages[20], 2.01, error="KeyError")
    assert judged(made.world, tmp_path, reported, "EDA104") == [(UNSURE, (20, 20), 1)]
    made.world.metrics = True
    assert judged(made.world, tmp_path, reported, "EDA104") == [(SURE, (12, 20), 2)]
    made.world.metrics = False
    assert judged(made.world, tmp_path, reported, "EDA104") == []


def test_of_how_things_go_the_place_is_told_once(tmp_path: Path) -> None:
    made, reported = flow(skip={12, 20}), Reported(MEMORY)
    made.billing.process(made.messages[12], 1.21, took=8.0)
    assert len(judged(made.world, tmp_path, reported, "EDA502")) == 1
    made.billing.process(made.messages[20], 2.01, took=8.0)
    assert judged(made.world, tmp_path, reported, "EDA502") == []


def test_what_is_not_found_for_long_is_forgotten(tmp_path: Path) -> None:
    made, reported = flow(skip={12}), Reported(MEMORY)
    slow = made.billing.process(made.messages[12], 1.21, took=8.0)
    assert len(judged(made.world, tmp_path, reported, "EDA502")) == 1
    made.billing.spans.remove(slow)
    for _ in range(MEMORY):
        assert judged(made.world, tmp_path, reported, "EDA502") == []
    made.billing.spans.append(slow)
    assert len(judged(made.world, tmp_path, reported, "EDA502")) == 1
