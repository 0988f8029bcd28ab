from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.settings import Settings
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis

    from .telemetry import Telemetry


class Diagnose(Protocol):
    """Diagnoses some telemetry with some settings, by some checks."""

    def __call__(self, world: Telemetry, *codes: str, **settings: Any) -> Diagnosis: ...


def diagnosed(path: Path, *codes: str, **settings: Any) -> Diagnosis:
    with Store() as store:
        store.read([Files(str(path))])
        return engine.diagnose(store, catalog.chosen(list(codes), []), Settings(**settings))


@pytest.fixture
def diagnose(tmp_path: Path) -> Diagnose:
    def run(world: Telemetry, *codes: str, **settings: Any) -> Diagnosis:
        return diagnosed(world.write(tmp_path), *codes, **settings)

    return run
