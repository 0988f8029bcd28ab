from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis

    from .telemetry import Telemetry


# Those that are here, and those that they say they come from.
SPANS = """SELECT trace_id, span_id FROM operations UNION SELECT origin_trace, origin_span FROM operations
           UNION SELECT trace_id, span_id FROM events"""


class Diagnose(Protocol):
    """Diagnoses some telemetry with some settings, by some checks."""

    def __call__(self, world: Telemetry, *codes: str, **settings: Any) -> Diagnosis: ...


def diagnosed(path: Path, *codes: str, **settings: Any) -> Diagnosis:
    with Store() as store:
        store.read([Files(str(path))])
        found = engine.diagnose(store, catalog.chosen(list(codes), []), Bounds(**settings))
        assert shown(found) <= set(store.ask(SPANS))
        assert all(finding.first_time or finding.last_time for finding in found.findings)  # each says when
        return found


def shown(diagnosis: Diagnosis) -> set[tuple[str | None, str | None]]:
    """Give the spans that findings name as evidence."""
    evidence = [item for finding in diagnosis.findings for item in finding.evidence]
    pairs = {(item.trace_id, item.span_id) for item in evidence}
    pairs |= {(item.other_trace_id, item.other_span_id) for item in evidence}
    return pairs - {(None, None)}


@pytest.fixture
def diagnose(tmp_path: Path) -> Diagnose:
    def run(world: Telemetry, *codes: str, **settings: Any) -> Diagnosis:
        return diagnosed(world.write(tmp_path), *codes, **settings)

    return run
