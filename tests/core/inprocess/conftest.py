from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.inprocess.application import ByClass, Static
from otel_eda.core.inprocess import registries
from otel_eda.core.patching.patch import originals

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def unregistered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget every registry and handler after the test."""
    monkeypatch.setattr(registries, "registries", registries.Registries())
    yield
    registries.registries.disable()
    ByClass.handlers = {}
    Static.handlers = {}
    left = [*originals.values()]
    originals.clear()  # no later test is to find them
    assert not left
