"""The end of a child process that `multiprocessing` forked, or another pool of processes.

It ends by `os._exit`, so no handler of `atexit` runs there: neither ours nor the SDK's. What it did since the last
export would be lost, and its last messages would look as if nobody had finished them.
"""

from __future__ import annotations

import sys
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from otel_eda.core.lifecycle.shutdown import end_everything
from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry.exporters import providers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch

_LAST = -(10**6)  # after the application's own finalizers, and after it has waited for its own children
_PATIENCE = 10.0  # seconds


def _on_import(module: ModuleType) -> Iterable[Patch]:
    _watch(module)
    return ()


@cache  # once: a child that is forked has the registration from its parent, and it asks whether it is wanted
def _watch(module: Any) -> None:
    module.register_after_fork(module, _in_child)


def _in_child(module: Any) -> None:
    if children.on:
        module.Finalize(None, end_child, (sys.exc_info()[1],), exitpriority=_LAST)


children = ModulePatches(["multiprocessing.util"], _on_import)
on_reset(children.disable)


def leaving_by(module: str, kind: str, method: str) -> ModulePatches:
    """Return the patch of a method by which a pool's worker leaves without the finalizers of `multiprocessing`."""

    def patched(loaded: ModuleType) -> list[Patch]:
        owner = getattr(loaded, kind, None)
        return [patch(owner, method, _wrap_exit)] if hasattr(owner, method) else []

    made = ModulePatches([module], patched)
    on_reset(made.disable)
    return made


def _wrap_exit(original: Function, switch: Switch) -> Function:
    def leave(*args: Any, **kwargs: Any) -> Any:
        try:
            if switch.on:
                end_child(None)
        finally:  # also if a signal's handler raises meanwhile: it is by the original that the worker leaves
            result = original(*args, **kwargs)
        return result

    return leave


@guarded
def end_child(handled: BaseException | None) -> None:
    """End what is open, and export what there is; the child does not wait for a receiver longer than ten seconds.

    `handled` is what the parent handled when it forked: it is still on the stack, and did not end the child.
    """
    error = sys.exc_info()[1]
    end_everything(error if isinstance(error, Exception) and error is not handled else None)
    # A lock that was held when the child was forked is never released.
    flushing = threading.Thread(target=_flush, name="otel-eda-flush", daemon=True)
    flushing.start()
    flushing.join(_PATIENCE)


@guarded
def _flush() -> None:
    for provider in providers():
        flush = getattr(provider, "force_flush", None)  # only the SDK's have it
        if flush is not None:
            flush()
