"""A message that no adapter knows has the application's hook too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.recorder import recording

import otel_eda
from otel_eda import Hooks

if TYPE_CHECKING:
    from otel_eda.core import Library


def test_the_hook_is_called_with_the_message(library: Library) -> None:
    called: list[Any] = []
    hooks = Hooks(process=lambda _, message: called.append(message))
    with recording(hooks=hooks) as recorder, otel_eda.process({"a": 1}, destination="tasks"):
        pass
    assert called == [{"a": 1}]
    recorder.processes(1)
