"""What a library has around the processing of a message: its own `with`, its handling of what a handler raises."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.context import get_current

from otel_eda.core.clients.instances import ATTRIBUTE, client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Switch
from otel_eda.core.process import per_task
from otel_eda.core.process.manual import Process
from otel_eda.core.runtime.contexts import PROCESSING
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import passes_through

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.process.processing import Processing


def _current_processing() -> Processing | None:
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    return processing


class _EnteredBlock(Protocol):
    """A block that was entered."""

    def before_exit(self, error: BaseException | None) -> None:
        """Note by which exception it is left, before the library does anything about it."""

    def after_exit(self, error: BaseException | None) -> None:
        """End what is to end with it."""


class _BlockInProcessing:
    """A block within its message's own processing: it only tells how that ends."""

    def __init__(self, processing: Processing) -> None:
        self.processing = processing

    @guarded
    def before_exit(self, error: BaseException | None) -> None:
        """Note the exception, since what the library does now may end the processing."""
        self.processing.failure = error

    @guarded
    def after_exit(self, _: BaseException | None) -> None:
        """End a processing that is over but for this block, or that has no other end."""
        if self.processing.body_ended_at:
            self.processing.end()
        else:
            per_task.finish_block(self.processing)


class _BlockAsProcessing:
    """A block that is the processing, since the message has none here."""

    def __init__(self, library: Library, record: Any) -> None:
        client_of(record, library)  # by which it will be known
        self.process = Process(record)
        self.process.__enter__()

    def before_exit(self, error: BaseException | None) -> None:
        """Note nothing: what the library does now is part of the processing."""

    def after_exit(self, error: BaseException | None) -> None:
        """End the processing."""
        self.process.__exit__(None, error, None)


@dataclass(frozen=True)
class Block:
    """A block of the library's, sync or async, around the processing of a message, which `record` gives.

    `begin` and `end` are its two calls; `error` names the argument of `end` that is the exception it is left by.
    """

    begin: str
    end: str
    record: Callable[[Any], Any]
    error: str

    def places(self) -> tuple[Place, ...]:
        """Return both ends."""
        return _BlockBegin(self.begin, self.record), _BlockEnd(self.end, self.error)


@dataclass(frozen=True)
class _BlockBegin(SinglePlace):
    """The call that enters a block."""

    target: str
    record: Callable[[Any], Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, after which the message is in processing."""

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BlockEntry | None:
            return _BlockEntry(args, kwargs, library, self.record) if args else None

        return around(original, switch, begin)


class _BlockEntry(Call):
    """A call that enters a block."""

    __slots__ = ("library", "record")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], library: Library, record: Callable[[Any], Any]
    ) -> None:
        super().__init__(args, kwargs)
        self.library = library
        self.record = record

    def returned(self, result: Any) -> Any:
        """Have the message be in processing."""
        if not passes_through(self.library.telemetry):
            self._begin(self.args[0])
        return result

    @guarded
    def _begin(self, block: Any) -> None:
        if ATTRIBUTE in block.__dict__:
            return  # the library enters by another of its ways
        record, processing = self.record(block), _current_processing()
        inner = processing is not None and processing.record is record and not processing.body_ended_at
        block.__dict__[ATTRIBUTE] = (
            _BlockInProcessing(processing)
            if processing is not None and inner
            else _BlockAsProcessing(self.library, record)
        )


@dataclass(frozen=True)
class _BlockEnd(SinglePlace):
    """The call that leaves a block; `error` names the argument that is the exception it is left by."""

    target: str
    error: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call; what was entered is left, though we are switched off meanwhile."""
        return around(original, Switch(), partial(self._begin, Arguments(original, (self.error,))))

    @guarded
    def _begin(self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BlockExit | None:
        block: _EnteredBlock | None = args[0].__dict__.pop(ATTRIBUTE, None)
        taken = None if block is None else arguments.take(args, kwargs)
        if block is None or taken is None:
            return None
        block.before_exit(taken[0])
        return _BlockExit(args, kwargs, block, taken[0])


class _BlockExit(Call):
    """A call that leaves a block, by an exception or without."""

    __slots__ = ("block", "error")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], block: _EnteredBlock, error: BaseException | None
    ) -> None:
        super().__init__(args, kwargs)
        self.block = block
        self.error = error

    def left(self, error: BaseException | None) -> None:  # noqa: ARG002  # that is the library's own
        """End what is to end with the block."""
        self.block.after_exit(self.error)


@dataclass(frozen=True)
class Handle(SinglePlace):
    """A call, sync or async, of the application's handler, by a library that handles what it raises.

    The message's processing has failed then, though nothing leaves it; it ends with the call if that is its `end`.
    """

    target: str
    end: bool = False

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, whose exception is that of the message's processing."""
        return around(original, switch, _LastHandlerCall if self.end else _HandlerErrorCall)


class _HandlerErrorCall(Call):
    """A call of the application's handler."""

    __slots__ = ()

    def left(self, error: BaseException | None) -> None:
        """Note why the processing has failed."""
        if isinstance(error, Exception):
            self._record_failure(error)

    @guarded
    def _record_failure(self, error: Exception) -> None:
        processing = _current_processing()
        if processing is not None and not processing.done:
            processing.failure = error


class _LastHandlerCall(_HandlerErrorCall):
    """A call of the application's handler that ends the processing of a message that was pulled singly."""

    __slots__ = ()

    def left(self, error: BaseException | None) -> None:
        """End the processing, and note why it has failed if it has."""
        super().left(error)
        self._end()

    @guarded
    def _end(self) -> None:
        processing = _current_processing()
        if processing is not None:
            per_task.finish_block(processing)
