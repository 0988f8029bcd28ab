"""One library: what its adapter says about it, and whether it is instrumented."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.clients.instances import forget_clients
from otel_eda.core.message import Identity
from otel_eda.core.patching.patch import ImportHook, Patch, patch, resolve
from otel_eda.core.patching.takeover import Takeover
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Self

    from otel_eda.core.message import Message, Position
    from otel_eda.core.patching.patch import Function, Switch


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


def _same_object(instance: Any) -> Any:
    return instance


def _no_message(_: Any) -> None:
    """Return None: the library has no messages."""


def _empty_identity(_: Any) -> Identity:
    return Identity()


def _no_positions(_: Any) -> Iterable[Position]:
    return ()


def _is_no_empty_pull(_: BaseException) -> bool:
    return False


def _do_nothing() -> None:
    """Do nothing: the adapter keeps no state."""


@dataclass(kw_only=True)
class Library:
    """A library as its adapter describes it.

    `supported` is the first version that works and the first that does not; `official` is the class of the official
    instrumentation that ours replaces.

    A client library also has its `system`; `message` reads a message and returns None for any other object; `identify`
    reads a client; `owner` returns the client that an object belongs to whose methods are called; `positions` returns
    how far a consumer is, from what it knows without asking the broker; `empty` says whether an exception only means
    that a pull has found no message; `forget` is called once the originals are restored; `signatures` holds, by
    qualified name, those that functions of an extension module lack.
    """

    name: str
    package: str
    distribution: str
    supported: tuple[Version, Version]
    shapes: Iterable[Shape]
    official: str | None = None
    system: str = ""
    message: Callable[[Any], Message | None] = _no_message
    identify: Callable[[Any], Identity] = _empty_identity
    owner: Callable[[Any], Any] = _same_object
    signatures: Mapping[str, str] = field(default_factory=dict)
    positions: Callable[[Any], Iterable[Position]] = _no_positions
    empty: Callable[[BaseException], bool] = _is_no_empty_pull
    forget: Callable[[], None] = _do_nothing
    on: bool = False
    patches: dict[str, Patch] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.telemetry = Telemetry(self.name)
        self.takeover = Takeover(self.official, self._unpatch) if self.official else None
        modules = dict.fromkeys(place.target.partition(":")[0] for place in self.places())
        self.hooks = [ImportHook(module, self._on_import) for module in modules]

    def places(self) -> list[Place]:
        """Return every place of the library's shapes."""
        return [place for shape in self.shapes for place in shape.places()]

    def enable(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        """Patch what is imported now, and the rest when the application imports it; a second call does nothing."""
        if self.on:
            return
        self.on = True
        enabled[self.name] = self
        self.telemetry.set_providers(tracer_provider, meter_provider)
        if self.takeover is not None:
            self.takeover.start()
        for hook in self.hooks:
            hook.arm()

    def disable(self) -> None:
        """Restore every original; a second call does nothing."""
        if self.on:
            self._unpatch()
        if self.takeover is not None:
            self.takeover.stop()

    def _unpatch(self) -> None:
        self.on = False
        enabled.pop(self.name, None)
        for patch_ in reversed(self.patches.values()):
            patch_.undo()
        self.patches.clear()
        self.refused.clear()
        forget_clients(self)
        self.forget()

    def _on_import(self, module: ModuleType) -> None:
        if not self.on:
            return
        version = self.version
        if version is not None and not self.supported[0] <= version < self.supported[1]:
            self._refuse(self.package, f"version {_dotted(version)} is not supported ({self.range})")
            return
        for place in self.places():
            if place.target.partition(":")[0] == module.__name__ and place.target not in self.patches:
                self._patch(module, place)

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
