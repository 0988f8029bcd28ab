"""Observability for event-driven Python systems: every event in one trace, from the producer's call to its handler.

The public API consists of eight names:

- `enable` and `disable` switch the instrumentation on and off.
- `Hooks` names functions of yours that `enable` has called with the spans of messages.
- `with process(message):` records the processing of a message where otel-eda cannot see it, for example in a thread.
- `inject` and `extract` carry the context in headers of your own.
- `registry` and `handler` record the calls of event handlers in the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core.inprocess.handlers import handler
from otel_eda.core.inprocess.registries import registry
from otel_eda.core.process.manual import extract, inject
from otel_eda.core.telemetry.hooks import Hooks

from .suite import disable, enable

if TYPE_CHECKING:
    from otel_eda.core.process.manual import Process as process  # noqa: N813  # used like a function

__all__ = ["Hooks", "disable", "enable", "extract", "handler", "inject", "process", "registry"]


def __getattr__(name: str) -> Any:
    if name != "process":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from otel_eda.core.process import deferral, manual

    deferral.set_uses_manual()  # from now on a loop's process span waits as long as the application holds its message
    return manual.Process
