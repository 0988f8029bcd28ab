"""Observability for event-driven Python systems: every event in one trace, from the producer's call to its handler.

The public API consists of eight names:

- `enable` and `disable` switch the instrumentation on and off.
- `Hooks` names functions of yours that `enable` has called with the spans of messages.
- `with process(message):` records the processing of a message where otel-eda cannot see it, for example in a thread.
- `inject` and `extract` carry the context in headers of your own.
- `registry` and `handler` record the calls of event handlers in the process.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_eda.core.inprocess.handlers import handler
    from otel_eda.core.inprocess.registries import registry
    from otel_eda.core.process.manual import Process as process  # noqa: N813  # used like a function
    from otel_eda.core.process.manual import extract, inject
    from otel_eda.core.telemetry.hooks import Hooks

    from .suite import disable, enable

__all__ = ["Hooks", "disable", "enable", "extract", "handler", "inject", "process", "registry"]

# Each is imported when it is asked for: the command `otel-eda` has this module, too, and does not need them.
_MODULES = {
    "Hooks": "core.telemetry.hooks",
    "disable": "suite",
    "enable": "suite",
    "extract": "core.process.manual",
    "handler": "core.inprocess.handlers",
    "inject": "core.process.manual",
    "registry": "core.inprocess.registries",
}


def __getattr__(name: str) -> Any:
    if name == "process":
        return _process()
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


def _process() -> Any:
    from otel_eda.core.process import deferral, manual

    deferral.set_uses_manual()  # from now on a loop's process span waits as long as the application holds its message
    return manual.Process
