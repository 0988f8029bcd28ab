"""Settles: offsets committed, messages acknowledged or rejected by the application."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.process import per_task
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SETTLE, idle
from otel_eda.core.settle.settlement import Settling, Tags, _Acknowledgement, _Commit, _unsettled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap


class _Settle:
    """A call, sync or async, that settles; `report`, if the outcome comes later, has it reported to two callbacks."""

    target: str
    takes: tuple[str, ...]
    operation: str
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object] | None = None

    def settling(self, library: Library, instance: Any, taken: tuple[Any, ...]) -> Settling | None:
        """Start the span; None for a call that is none of the application's."""
        raise NotImplementedError

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes, library.signatures)

            def settle(*args: Any, **kwargs: Any) -> Any:
                if not switch.on or idle(library.telemetry, SETTLE):
                    return original(*args, **kwargs)
                settling = self._start(library, arguments, args, kwargs)
                if settling is None:
                    return original(*args, **kwargs)
                with settling:
                    result = original(*args, **kwargs)
                self._called(settling, result)
                return result

            async def settle_async(*args: Any, **kwargs: Any) -> Any:
                if not switch.on or idle(library.telemetry, SETTLE):
                    return await original(*args, **kwargs)
                settling = self._start(library, arguments, args, kwargs)
                if settling is None:
                    return await original(*args, **kwargs)
                with settling:
                    result = await original(*args, **kwargs)
                self._called(settling, result)
                return result

            return settle_async if inspect.iscoroutinefunction(original) else settle

        return make

    @guarded
    def _start(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Settling | None:
        try:
            taken = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        return self.settling(library, args[0], taken)

    @guarded
    def _called(self, settling: Settling, result: Any) -> None:
        if result is None and settling.client.listening:
            settling.client.unanswered.append(settling)
        elif self.report is None or result is None:
            settling.done(result)
        else:
            self.report(result, settling.done, settling.failed)


@dataclass(frozen=True)
class Settle(_Settle):
    """A call that commits offsets: `offsets` reads them as `{(destination, partition): offset}`.

    `settled` reads them from the result, where the call need not name them.
    """

    target: str
    takes: tuple[str, ...]
    offsets: Callable[..., Mapping[tuple[str, str], int]]
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object] | None = None
    operation: str = "commit"
    settled: Callable[[Any], Mapping[tuple[str, str], int]] | None = None

    def settling(self, library: Library, instance: Any, taken: tuple[Any, ...]) -> Settling:
        """Start a commit's span, and end the turn of a pull."""
        client = client_of(instance, library)
        settling = _Commit(client, self.operation, self.offsets(instance, *taken), self.settled)
        per_task.over(client)
        return settling


@dataclass(frozen=True)
class Acknowledge(_Settle):
    """A call that acknowledges or rejects messages: `tags` reads which, None for one that is not the application's."""

    target: str
    takes: tuple[str, ...]
    tags: Callable[..., Tags | None]
    operation: str = "ack"

    def settling(self, library: Library, instance: Any, taken: tuple[Any, ...]) -> Settling | None:
        """Start the span, linked to where the messages come from, and end the turn of a pull that brought one."""
        tags = self.tags(instance, *taken)
        if tags is None:
            return None
        client = client_of(instance, library)
        found = _unsettled(client, tags)
        settling = _Acknowledgement(client, self.operation, tags, list(found.values()))
        per_task.settled(client, found)
        return settling
