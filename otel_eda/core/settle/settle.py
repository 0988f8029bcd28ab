"""Shapes of calls that settle: the application commits offsets, acknowledges or rejects messages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import around
from otel_eda.core.runtime.contexts import PROCESSING, get_current
from otel_eda.core.runtime.operations import SETTLE, enter, passes_through
from otel_eda.core.settle.settlement import Acknowledgement, Commit, Settlement, Tags, take_unsettled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.process.processing import Processing
    from otel_eda.core.settle.settlement import SettleCall

    Offsets = Mapping[tuple[str, str], int]
    Report = Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]


class _Settle(SinglePlace):
    """A call, sync or async, that settles; the base of the shapes."""

    target: str
    takes: tuple[str, ...]

    def settlement(self, library: Library, taken: tuple[Any, ...], call: SettleCall) -> Settlement | None:
        """Return the settlement of a call, with its span started, or None if the call is not the application's."""
        raise NotImplementedError

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a CLIENT span from its begin to the broker's answer."""
        arguments = Arguments(original, self.takes, library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Settlement | None:
        taken = None if passes_through(library.telemetry, SETTLE) else arguments.take(args, kwargs)
        settlement = None if taken is None else self.settlement(library, taken, (args, kwargs))
        if settlement is not None:
            settlement.operation = enter(SETTLE)
            settlement.client.settle_calls += 1
        return settlement


@dataclass(frozen=True)
class Settle(_Settle):
    """A call that commits offsets; `offsets` reads them as `{(destination, partition): offset}`.

    If the outcome comes later, `report` calls one of two callbacks with it. Where the call need not name the offsets,
    `settled` reads them from its result.
    """

    target: str
    takes: tuple[str, ...]
    offsets: Callable[..., Offsets]
    report: Report | None = None
    operation: str = "commit"
    settled: Callable[[Any], Offsets] | None = None

    def settlement(self, library: Library, taken: tuple[Any, ...], call: SettleCall) -> Settlement:
        """Return the commit, with its span started, and end the process span of what was pulled before."""
        instance = call[0][0]
        client = client_of(instance, library)
        offsets = self.offsets(instance, *taken)
        return Commit(client, self.operation, call, offsets=offsets, settled=self.settled, report=self.report)


@dataclass(frozen=True)
class Acknowledge(_Settle):
    """A call that acknowledges or rejects messages.

    `tags` reads which messages, or returns None for a call that is not the application's.
    """

    target: str
    takes: tuple[str, ...]
    tags: Callable[..., Tags | None]
    operation: str = "ack"

    def settlement(self, library: Library, taken: tuple[Any, ...], call: SettleCall) -> Settlement | None:
        """Return the settlement, with its span linked to the messages' producers.

        If the message that was pulled last is among them, its process span ends.
        """
        instance = call[0][0]
        tags = self.tags(instance, *taken)
        if tags is None:
            return None
        client = client_of(instance, library)
        messages = take_unsettled(client, tags)
        if tags.requeue is not None:
            _blame_handled_error(client)
        return Acknowledgement(client, self.operation, call, tags, messages)


def _blame_handled_error(client: Client) -> None:
    """Let the message at work fail by the exception that is being handled while it is refused, as frameworks do."""
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    error = sys.exc_info()[1]
    if processing is not None and processing.client is client and isinstance(error, Exception):
        # One that was handled before the message came is none of its own.
        processing.failure = None if error is processing.pending_error else error
