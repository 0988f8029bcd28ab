"""One library: what its adapter says about it, and whether it is instrumented."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.clients.instances import client_of, forget_clients
from otel_eda.core.message import Identity
from otel_eda.core.patching.patch import ImportHook, Patch, changing, patch, resolve
from otel_eda.core.patching.takeover import Takeover
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.hooks import NO_HOOKS, Hooks
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Self

    from otel_eda.core.message import Attributes, Message, Position
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.patching.takeover import Official


_log = logging.getLogger("otel_eda")
enabled: dict[str, Library] = {}
"""The libraries that are switched on, by name."""


Version = tuple[int, ...]


class Place(Protocol):
    """One function of a library that is wrapped."""

    @property
    def target(self) -> str:
        """The place of the function, as `module:Class.method`."""

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the wrapper of the function there."""


class Shape(Protocol):
    """A way in which a library handles a message, at one place or at several."""

    def places(self) -> Iterable[Place]:
        """Return the places of the shape."""


class SinglePlace:
    """A shape that is its own single place."""

    def places(self) -> tuple[Self]:
        """Return the shape itself, which is the place."""
        return (self,)


def _no_message(_: Any) -> None:
    """Return None: the library has no messages."""


def _empty_identity(_: Any) -> Identity:
    return Identity()


def _no_positions(_: Any) -> Iterable[Position]:
    return ()


def _no_more(_: Any) -> Attributes:
    return {}


def _no_code(_: BaseException) -> str | None:
    """Return no code: an exception's class is its type."""
    return None


def _no_hooks(_: Mapping[str, Any]) -> Hooks:
    return NO_HOOKS


def _is_no_empty_pull(_: BaseException) -> bool:
    return False


def _do_nothing() -> None:
    """Do nothing: the adapter keeps no state."""


@dataclass(kw_only=True)
class Library:
    """A library as its adapter describes it.

    `supported` is the first version that works and the first that does not; `official` is the official instrumentation
    that ours replaces, and `official_hooks` makes hooks of its settings.

    A client library also has its `system`; `message` reads a message and returns None for any other object; `identify`
    reads a client; `owner` returns the client that an object belongs to whose methods are called, where that is another
    object; `positions` returns how far a consumer is, from what it knows without asking the broker; `confined` says
    that only a thread that uses a consumer may ask for that, since the consumer's calls are not safe beside its close;
    `learnt` returns attributes of spans that a client knows once it has met its broker, None before.

    `empty` says whether an exception only means that a pull has found no message; `code` returns the `error.type` of an
    exception whose class says too little, None for any other; `forget` is called once the originals are restored;
    `signatures` holds, by qualified name, those that functions of an extension module lack.
    """

    name: str
    package: str
    distribution: str
    supported: tuple[Version, Version]
    shapes: Iterable[Shape]
    official: Official | None = None
    official_hooks: Callable[[Mapping[str, Any]], Hooks] = _no_hooks
    system: str = ""
    message: Callable[[Any], Message | None] = _no_message
    identify: Callable[[Any], Identity] = _empty_identity
    owner: Callable[[Any], Any] | None = None
    signatures: Mapping[str, str] = field(default_factory=dict)
    positions: Callable[[Any], Iterable[Position]] = _no_positions
    confined: bool = False
    empty: Callable[[BaseException], bool] = _is_no_empty_pull
    learnt: Callable[[Any], Attributes | None] = _no_more
    code: Callable[[BaseException], str | None] = _no_code
    forget: Callable[[], None] = _do_nothing
    on: bool = False
    hooks: Hooks = NO_HOOKS
    patches: dict[str, Patch] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    newer: str = ""

    def __post_init__(self) -> None:
        if self.code is not _no_code:
            errors.codes[self.name] = self.code
        self.telemetry = Telemetry(self.name)
        self.takeover = Takeover(self.official, self) if self.official else None
        self._given: tuple[TracerProvider | None, MeterProvider | None, Hooks] = (None, None, NO_HOOKS)
        modules = dict.fromkeys(place.target.partition(":")[0] for place in self.places())
        self.import_hooks = [ImportHook(module, self._on_import) for module in modules]

    def places(self) -> list[Place]:
        """Return every place of the library's shapes."""
        return [place for shape in self.shapes for place in shape.places()]

    def enable(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        """Patch what is imported now, and the rest when the application imports it; a second call does nothing."""
        with changing.held():
            if self.on:
                return
            self.on = True
        enabled[self.name] = self
        self._given = tracer_provider, meter_provider, hooks
        self.follow({})
        if self.takeover is not None:
            self.takeover.start()
        for hook in self.import_hooks:
            hook.arm()

    def disable(self) -> None:
        """Restore every original; a second call does nothing."""
        if self.on:
            self.give_way()
        if self.takeover is not None:
            self.takeover.stop()
        self._given, self.hooks = (None, None, NO_HOOKS), NO_HOOKS

    def follow(self, settings: Mapping[str, Any]) -> None:
        """Use the providers and hooks that the official instrumentation was given, those of `enable` in their lack."""
        tracers, meters, hooks = self._given
        self.telemetry.set_providers(
            settings.get("tracer_provider") or tracers, settings.get("meter_provider") or meters
        )
        self.hooks = self.official_hooks(settings).over(hooks)

    def follow_client(self, instance: Any, settings: Mapping[str, Any]) -> None:
        """Use them for one client alone; without any, those of the library."""
        hooks = self.official_hooks(settings)
        own = None if hooks == NO_HOOKS else hooks.over(self.hooks)
        client_of(instance, self).follow(settings.get("tracer_provider"), own)

    def give_way(self) -> None:
        """Put every original back."""
        self.on = False
        enabled.pop(self.name, None)
        self._restore_originals()
        self.newer = ""
        forget_clients(self)
        self.forget()

    def _restore_originals(self) -> None:
        with changing.held():
            done, self.patches = self.patches, {}
            for patch_ in reversed([*done.values()]):
                patch_.undo()
        self.refused.clear()

    def _on_import(self, module: ModuleType) -> None:
        if not self.on:
            return
        version = self.version
        if version is not None and version < self.supported[0]:
            self._refuse(self.package, f"version {_dotted(version)} is not supported ({self.range})")
        if self.package in self.refused:
            return
        for place in self.places():
            if place.target.partition(":")[0] == module.__name__ and place.target not in self.patches:
                self._patch(module, place)
        if version is not None and version >= self.supported[1]:
            self._check_newer(version)

    def _check_newer(self, version: Version) -> None:
        # Nobody has tried it. Where each place is as in the versions that were tried, it works as they do.
        text = f"version {_dotted(version)} is newer than the versions that are tested ({self.range})"
        if not self.refused:
            if not self.newer:
                self.newer = text
                _log.info("%s: %s; it is instrumented, since every place is as it was", self.package, text)
            return
        place, why = next(iter(self.refused.items()))
        self._restore_originals()
        self.newer = ""
        self._refuse(self.package, f"{text}, and {place} is not as it was: {why}")

    def _patch(self, module: ModuleType, place: Place) -> None:
        try:
            owner_and_name = resolve(module, place.target.partition(":")[2])
            if owner_and_name is not None:
                self.patches[place.target] = patch(*owner_and_name, partial(place.wrap, self))
        except (AttributeError, TypeError, ValueError) as error:
            self._refuse(place.target, str(error))

    def _refuse(self, what: str, why: str) -> None:
        if what not in self.refused:
            self.refused[what] = why
            _log.warning("%s is not instrumented: %s", what, why)

    @property
    def version(self) -> Version | None:
        """The version of the loaded module, or None if it is not loaded or does not say."""
        module = sys.modules.get(self.package)
        if module is None:
            return None
        text = vars(module).get("__version__")  # `getattr` may run a module's `__getattr__`, which may warn
        return _numbers(text if isinstance(text, str) else _installed(self.distribution)) or None

    @property
    def range(self) -> str:
        """The supported versions in words."""
        return f"from {_dotted(self.supported[0])}, before {_dotted(self.supported[1])}"


def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(text: str) -> Version:
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
