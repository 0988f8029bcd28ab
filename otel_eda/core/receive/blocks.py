"""The shape of a library's own `with` block around the processing of a message."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.clients.instances import ATTRIBUTE, client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Switch
from otel_eda.core.process import per_task, queues
from otel_eda.core.process.hand_over import current_processing
from otel_eda.core.process.manual import Process
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import passes_through

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.process.processing import Processing


class _EnteredBlock(Protocol):
    """A block that was entered."""

    def before_exit(self, error: BaseException | None) -> None:
        """Record the exception that leaves the block, before the library handles it."""

    def after_exit(self, error: BaseException | None) -> None:
        """End what ends with the block."""


class _BlockInProcessing:
    """A block inside of its message's process span; it only adds the exception."""

    def __init__(self, processing: Processing) -> None:
        self.processing = processing

    @guarded
    def before_exit(self, error: BaseException | None) -> None:
        """Record the exception, since the library's exit may end the process span."""
        self.processing.failure = error

    @guarded
    def after_exit(self, _: BaseException | None) -> None:
        """End a processing that is over but for this block, or that has no other end."""
        queues.finish_block(self.processing)
        if self.processing.body_ended_at:
            self.processing.end()
        else:
            per_task.finish_block(self.processing)


class _BlockAsProcessing:
    """A block that has the process span of its message, since nothing else here does."""

    def __init__(self, library: Library, record: Any) -> None:
        client_of(record, library)  # makes the client, of which `Process` then finds the message
        self.process = Process(record)
        self.process.__enter__()

    def before_exit(self, error: BaseException | None) -> None:
        """Do nothing: the library's exit is part of the processing."""

    def after_exit(self, error: BaseException | None) -> None:
        """End the process span."""
        self.process.__exit__(None, error, None)


@dataclass(frozen=True)
class Block:
    """A block of the library, sync or async, around the processing of a message, which `record` returns.

    `begin` and `end` are its two calls; `error` names the argument of `end` that is the exception by which it is left.
    """

    begin: str
    end: str
    record: Callable[[Any], Any]
    error: str

    def places(self) -> tuple[Place, ...]:
        """Return the two calls."""
        return _BlockBegin(self.begin, self.record), _BlockEnd(self.end, self.error)


@dataclass(frozen=True)
class _BlockBegin(SinglePlace):
    """The call that enters a block."""

    target: str
    record: Callable[[Any], Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, after which the message has a process span."""

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BlockEntry | None:
            return _BlockEntry(args, kwargs, library, self.record) if args else None

        return around(original, switch, begin)


class _BlockEntry(Call):
    """One call that enters a block."""

    __slots__ = ("library", "record")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], library: Library, record: Callable[[Any], Any]
    ) -> None:
        super().__init__(args, kwargs)
        self.library = library
        self.record = record

    def returned(self, result: Any) -> Any:
        """Return the result, once the message has a process span."""
        if not passes_through(self.library.telemetry):
            self._begin(self.args[0])
        return result

    @guarded
    def _begin(self, block: Any) -> None:
        if ATTRIBUTE in block.__dict__:
            return  # the library enters the block by two of its calls
        record, processing = self.record(block), current_processing()
        inner = (
            processing is not None
            and processing.record is record
            and (
                not processing.body_ended_at or processing.taken > 0  # a worker has got it from a queue
            )
        )
        block.__dict__[ATTRIBUTE] = (
            _BlockInProcessing(processing)
            if processing is not None and inner
            else _BlockAsProcessing(self.library, record)
        )


@dataclass(frozen=True)
class _BlockEnd(SinglePlace):
    """The call that leaves a block; `error` names the argument that is the exception by which it is left."""

    target: str
    error: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, which ends the process span even if otel-eda is switched off meanwhile."""
        return around(original, Switch(), partial(self._begin, Arguments(original, (self.error,))))

    def _begin(self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BlockExit | None:
        block: _EnteredBlock | None = args[0].__dict__.pop(ATTRIBUTE, None)
        taken = None if block is None else arguments.take(args, kwargs)
        if block is None or taken is None:
            return None
        block.before_exit(taken[0])
        return _BlockExit(args, kwargs, block, taken[0])


class _BlockExit(Call):
    """One call that leaves a block, by an exception or without."""

    __slots__ = ("block", "error")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], block: _EnteredBlock, error: BaseException | None
    ) -> None:
        super().__init__(args, kwargs)
        self.block = block
        self.error = error

    def exited(self, error: BaseException | None) -> None:  # noqa: ARG002  # the block's or call's own error is the library's
        """End what ends with the block."""
        self.block.after_exit(self.error)
