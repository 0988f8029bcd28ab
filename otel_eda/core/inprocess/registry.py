"""One registry: its registrations make handlers known, its dispatches know their event."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from otel_eda.core.inprocess.dispatched import DispatchedEvent, dispatching, event_type_of, type_name
from otel_eda.core.inprocess.handlers import telemetry, unhandled, watch
from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Patch, patch
from otel_eda.core.runtime.contexts import get_current, suppressed
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_eda.core.patching.patch import Function, Switch


@dataclass(frozen=True)
class Registry:
    """A class whose method `register` takes handlers and whose method `dispatch` takes events."""

    owner: type
    register: str
    dispatch: str
    event_type: str

    def check(self) -> None:
        """Raise `AttributeError` if a method is missing."""
        for name in (self.register, self.dispatch):
            if not callable(getattr(self.owner, name, None)):
                raise AttributeError(f"{self.owner.__qualname__} has no method {name!r}: name it in otel_eda.registry")

    def patch(self) -> list[Patch]:
        """Patch both methods."""
        return [
            patch(self.owner, self.register, self._registering),
            patch(self.owner, self.dispatch, self._dispatching),
        ]

    def _registering(self, original: Function, switch: Switch) -> Function:
        typed = _position(original, self.event_type)

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Registration:
            event = kwargs.get(self.event_type, args[typed] if typed is not None and typed < len(args) else None)
            known_handlers(_whose(args, self.owner))
            return _Registration(self, _whose(args, self.owner), event, args, kwargs)

        return around(original, switch, begin)

    def _dispatching(self, original: Function, switch: Switch) -> Function:
        typed = _position(original, self.event_type)

        def read(args: tuple[Any, ...], kwargs: dict[str, Any]) -> DispatchedEvent:
            if typed is not None and typed < len(args):
                return DispatchedEvent(type_name(args[typed]))
            given = [item for item in args if item is not self.owner and not isinstance(item, self.owner)]
            event = kwargs.get(self.event_type) or event_type_of(self.event_type, (*given, *kwargs.values()))
            return DispatchedEvent(type_name(event))

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _RegistryDispatch | None:
            if telemetry.find_scope() is None or suppressed(get_current()):
                return None
            return _RegistryDispatch(args, kwargs, self, read(args, kwargs))

        return around(original, switch, begin)

    @guarded
    def check_handled(self, found: DispatchedEvent, registry: Any) -> None:
        """Record an event that had no handler, if every handler of the registry is known."""
        known = known_handlers(registry)
        scope = telemetry.scope
        if found.handled or known is None or scope is None:
            return
        if known.complete and not known.all_events and found.type not in known.events:
            unhandled(scope, found.type)


_DEPTH = 3


class _RegistryDispatch(Call):
    """One call that dispatches an event."""

    __slots__ = ("event", "registry", "token")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], registry: Registry, event: DispatchedEvent
    ) -> None:
        super().__init__(args, kwargs)
        self.registry = registry
        self.event = event
        self.token = dispatching.set(event)

    def exited(self, error: BaseException | None) -> None:  # noqa: ARG002  # whatever it is, the event is dispatched
        """End the dispatch."""
        dispatching.reset(self.token)
        self.registry.check_handled(self.event, _whose(self.args, self.registry.owner))


class _Registration(Call):
    """One call that registers handlers, or returns a decorator that will."""

    def __init__(
        self, registry: Registry, whose: Any, event: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        super().__init__(args, kwargs)
        self.registry = registry
        self.handlers = [*_handlers_in((*args, *kwargs.values()), registry.owner)]
        if event is None:
            event = next((item for item in args if _is_type(item, registry.owner)), None)
        self.event = event
        self._note(whose)
        for handler in self.handlers:
            watch(handler, registry.event_type, event)

    @guarded
    def _note(self, whose: Any) -> None:
        known = known_handlers(whose)
        if known is not None:
            known.all_events |= self.event is None
            known.events.add(type_name(self.event))

    def returned(self, result: Any) -> Any:
        """Return the result, or, if it is a decorator, one that registers what it decorates."""
        if self.handlers or not (inspect.isfunction(result) or inspect.ismethod(result)):
            return result
        return lambda function: self._decorated(result, function)

    def _decorated(self, decorator: Function, function: Function) -> Any:
        self._watch(function)
        return decorator(function)

    @guarded
    def _watch(self, function: Function) -> None:
        watch(function, self.registry.event_type, self.event)


def _handlers_in(given: Iterable[Any], owner: type, depth: int = _DEPTH) -> Iterator[Any]:
    """Yield the handlers among what a call is given, also those in lists and mappings."""
    for item in given:
        if _is_handler(item, owner):
            yield item
        elif type(item) in _CONTAINERS and depth:
            yield from _handlers_in([*(item.values() if isinstance(item, dict) else item)], owner, depth - 1)


def _is_handler(item: Any, owner: type) -> bool:
    return callable(item) and not isinstance(item, (type, owner))


def _is_type(item: Any, owner: type) -> bool:
    return item is not owner and not isinstance(item, owner) and (isinstance(item, type) or not callable(item))


def _position(function: Function, name: str) -> int | None:
    names = list(inspect.signature(function).parameters)
    return names.index(name) if name in names else None


def _whose(args: tuple[Any, ...], owner: type) -> Any:
    return args[0] if args and (isinstance(args[0], owner) or args[0] is owner) else owner


@dataclass
class KnownHandlers:
    """The event types that a registry has handlers for; `complete` if it had none before we looked."""

    complete: bool
    events: set[str] = field(default_factory=set)
    all_events: bool = False


_seen: WeakKeyDictionary[Any, KnownHandlers] = WeakKeyDictionary()


@guarded
def known_handlers(registry: Any) -> KnownHandlers | None:
    """Return what is known of a registry's handlers, or None for a registry that cannot be a weak key.

    At first sight, every object is searched in which it may have handlers already.
    """
    try:
        known = _seen.get(registry)
        if known is None:
            # Of two threads that look at once, the first is right: what the other finds may be the first one's handler.
            known = _seen.setdefault(registry, KnownHandlers(not any(map(_may_hold, _state(registry)))))
    except TypeError:
        return None  # it can't be referenced weakly or hashed
    return known


def _state(registry: Any) -> Iterator[object]:
    """Yield everything in which a registry can have handlers: its own, its class's, what its methods name."""
    kind = registry if isinstance(registry, type) else type(registry)
    if registry is not kind:
        yield from list(getattr(registry, "__dict__", {"unknown": _state}).values())
    for item in [item for base in kind.__mro__ for item in list(vars(base).values())]:
        function = getattr(item, "__func__", item)
        found = [item]
        if inspect.isfunction(function):
            function = inspect.unwrap(function)
            found = [function.__globals__.get(name) for name in function.__code__.co_names]
        yield from (each for each in found if isinstance(each, _CONTAINERS))


_CONTAINERS = (dict, list, set, frozenset, tuple, deque)


_PLAIN = (str, bytes, int, float, type, Enum, type(None))


def _may_hold(item: object, depth: int = _DEPTH) -> bool:
    """Return whether handlers may be in an object; of the standard library's only those that can be called."""
    if isinstance(item, _CONTAINERS):
        inner = (*item, *item.values()) if isinstance(item, dict) else (*item,)  # other threads may add some
        return any(depth == 0 or _may_hold(each, depth - 1) for each in inner)
    if isinstance(item, _PLAIN):
        return False
    return callable(item) or type(item).__module__.partition(".")[0] not in sys.stdlib_module_names
