"""Settles: offsets committed by the application."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import errors, keys
from .busy import SETTLE, busy, idle
from .client import client_of
from .contexts import current, with_span
from .guard import guarded
from .loops import Pull
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .client import Client
    from .library import Library
    from .patching import Function, Switch, Wrap


@dataclass(frozen=True)
class Settle:
    """A call that commits offsets: `offsets` reads them as `{(destination, partition): offset}`.

    `report`, if the outcome comes later, has it reported to two callbacks.
    """

    target: str
    takes: tuple[str, ...]
    offsets: Callable[..., Mapping[tuple[str, str], int]]
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object] | None = None
    operation: str = "commit"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes)

            def settle(*args: Any, **kwargs: Any) -> Any:
                if not switch.on or idle(library, SETTLE):
                    return original(*args, **kwargs)
                settling = self._start(library, arguments, args, kwargs)
                if settling is None:
                    return original(*args, **kwargs)
                entered = busy.set(busy.get() | SETTLE)
                try:
                    result = original(*args, **kwargs)
                except BaseException as error:
                    settling.failed(error)
                    raise
                finally:
                    busy.reset(entered)
                    settling.client.settling -= 1
                self._called(settling, result)
                return result

            return settle

        return make

    @guarded
    def _start(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Settling | None:
        try:
            taken = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        client = client_of(args[0], library)
        settling = Settling(client, self.operation, self.offsets(args[0], *taken))
        Pull.over(client)
        client.settling += 1
        return settling

    @guarded
    def _called(self, settling: Settling, result: Any) -> None:
        if self.report is None or result is None:
            settling.done(result)
        else:
            self.report(result, settling.done, settling.failed)


class Settling:
    """A commit between its call and the broker's answer."""

    def __init__(self, client: Client, operation: str, offsets: Mapping[tuple[str, str], int]) -> None:
        topics = {topic for topic, _ in offsets}
        self.client = client
        self.offsets = offsets
        self.scope = client.scope
        self.route = client.route(operation, "settle", topics.pop() if len(topics) == 1 else None)
        self.start = time.time_ns()
        attributes = self.route.attributes.copy()
        if len(offsets) == 1:
            (((_, partition), offset),) = offsets.items()
            attributes |= {keys.PARTITION: partition, keys.COMMITTED: offset}
        self.base = current()
        self.span = self.scope.tracer.start_span(
            self.route.name, self.base, self.route.kind, attributes, (), self.start
        )

    @guarded
    def done(self, _: Any) -> None:
        """End: the broker has the offsets."""
        self._end(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the broker has not."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        end = time.time_ns()
        context = with_span(self.base, self.span)
        kind = errors.record(self.span, error, "settle", context) if error is not None else None
        self.span.end(end)
        taken = max(end - self.start, 0) / 1e9
        self.scope.metrics.operation_duration.record(taken, self.route.measures(None, kind))
        self.client.committed(self.offsets, automatic=False, error=error)
