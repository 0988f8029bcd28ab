"""pyee 9 to 16."""

from __future__ import annotations

import inspect
from typing import Any

from otel_eda.core import Dispatch, Event, Library, Run

EMITTER = "pyee.base:EventEmitter"
QUEUED = {
    "pyee.asyncio": "AsyncIOEventEmitter",
    "pyee.executor": "ExecutorEventEmitter",
    "pyee.trio": "TrioEventEmitter",
    "pyee.twisted": "TwistedEventEmitter",
}


def event(emitter: Any, name: Any, args: tuple[Any, ...]) -> Event:
    """Return the event that is emitted; an uplifted emitter hands it on, so it needs no listeners."""
    queued = type(emitter)._emit_run.__module__ in QUEUED
    failure = args[0] if name == "error" and args and isinstance(args[0], BaseException) else None
    return Event(name, queued, name == "new_listener" or "emit" in vars(emitter), failure)


def application_listener(receiver: Any) -> Any:
    """Return the application's listener inside of the wrapper that `once` makes."""
    if getattr(receiver, "__module__", None) == "pyee.base" and inspect.isfunction(receiver):
        return inspect.getclosurevars(receiver).nonlocals.get("f", receiver)
    return receiver


LIBRARY = Library(
    name="pyee",
    package="pyee",
    distribution="pyee",
    supported=((9,), (17,)),
    shapes=(
        Dispatch(f"{EMITTER}._call_handlers", ("event", "args"), event, "emit"),
        Run(f"{EMITTER}._emit_run", "f", application_listener),
        *(Run(f"{module}:{kind}._emit_run", "f", application_listener) for module, kind in QUEUED.items()),
    ),
)
