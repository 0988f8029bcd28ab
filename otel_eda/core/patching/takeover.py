"""Takeover from the official instrumentation of a library: there is one set of spans, never two."""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.config import config
from otel_eda.core.patching.patch import ImportHook, patch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch


_log = logging.getLogger("otel_eda")


@dataclass(frozen=True)
class Official:
    """An official instrumentation: `instrumentor` is its class, `module:Class`.

    `client` are the class's functions that instrument the one client they are given, by name: whether they return it;
    `no_client` are those that undo that. `quiet` are functions `(original, client, …, args, kwargs)` by which those
    clients that it instrumented before call their originals.
    """

    instrumentor: str
    client: Mapping[str, bool] = field(default_factory=dict)
    no_client: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()


class Follower(Protocol):
    """Who does what an official instrumentation would: our instrumentation of the library."""

    def give_way(self) -> None:
        """Leave the library to the official instrumentation."""

    def follow(self, settings: Mapping[str, Any]) -> None:
        """Use the settings that the official instrumentation was given."""

    def follow_client(self, instance: Any, settings: Mapping[str, Any]) -> None:
        """Use them for one client alone; without any, those of the library."""


class Takeover:
    """Keeps one official instrumentation off while ours is on, and has ours do what it was asked for.

    With `OTEL_EDA_TAKEOVER=0` it is the other way round: ours gives way as soon as theirs is on.
    """

    def __init__(self, official: Official, ours: Follower) -> None:
        module, self.name = official.instrumentor.split(":")
        self.official = official
        self.hook = ImportHook(module, self._on_import)
        self.ours = ours
        self.official_options: dict[str, Any] | None = None
        self.on = False
        self.patches: list[Patch] = []

    def start(self) -> None:
        """Replace the official instrumentor now, or when it is imported."""
        self.on = True
        self.hook.arm()

    def stop(self) -> None:
        """Restore the official instrumentor, and switch it on with the options that it would have had without us."""
        self.on = False
        for patch_ in self.patches:
            patch_.undo()
        if self.official_options is not None:
            self.patches[0].owner().instrument(**self.official_options)
        self.patches, self.official_options = [], None

    def _on_import(self, module: ModuleType) -> None:
        if not self.on:
            return
        instrumentor = getattr(module, self.name)
        if not self.patches:
            wrappers = {
                "instrument": self._instrument,
                "uninstrument": self._uninstrument,
                **dict.fromkeys(self.official.client, self._client),
                **dict.fromkeys(self.official.no_client, self._no_client),
                **dict.fromkeys(self.official.quiet, self._quiet),
            }
            present = {name: wrap for name, wrap in wrappers.items() if hasattr(instrumentor, name)}
            self.patches = [patch(instrumentor, name, wrap) for name, wrap in present.items()]
        if instrumentor().is_instrumented_by_opentelemetry:
            self._on_active(instrumentor())

    def _on_active(self, official: Any) -> None:
        if not config().takeover:
            self._yield()
            return
        official.uninstrument()
        self._replace({}, "; what it was given before cannot be known: enable otel-eda first")

    def _instrument(self, original: Function, switch: Switch) -> Function:
        def instrument(official: Any, **kwargs: Any) -> Any:
            if not switch.on:
                return original(official, **kwargs)
            if config().takeover:
                return self._replace(kwargs)
            self._yield()
            return original(official, **kwargs)

        return instrument

    def _uninstrument(self, original: Function, switch: Switch) -> Function:
        def uninstrument(official: Any, **kwargs: Any) -> Any:
            if switch.on and self.official_options is not None:
                self.official_options = None  # the application has switched it off: `stop` must not bring it back
                self.ours.follow({})
                return None
            return original(official, **kwargs)

        return uninstrument

    def _client(self, original: Function, switch: Switch) -> Function:
        signature, returns = inspect.signature(original), self.official.client[original.__name__]

        def instrument_client(*args: Any, **kwargs: Any) -> Any:
            if not switch.on:
                return original(*args, **kwargs)
            if not config().takeover:
                self._yield()
                return original(*args, **kwargs)
            client, *settings = signature.bind(*args, **kwargs).arguments.items()
            self.ours.follow_client(client[1], dict(settings))
            self._say("")
            return client[1] if returns else None

        return instrument_client

    def _no_client(self, original: Function, switch: Switch) -> Function:
        def uninstrument_client(*args: Any, **kwargs: Any) -> Any:
            if switch.on and args:
                self.ours.follow_client(args[0], {})
            return original(*args, **kwargs)

        return uninstrument_client

    def _quiet(self, original: Function, switch: Switch) -> Function:
        def call(theirs: Function, *rest: Any) -> Any:
            if not switch.on or not config().takeover:
                return original(theirs, *rest)
            *_, args, kwargs = rest
            return theirs(*args, **kwargs)

        return call

    def _replace(self, kwargs: dict[str, Any], known: str = "") -> None:
        self.official_options = kwargs
        self.ours.follow(kwargs)
        self._say(known)

    def _say(self, known: str) -> None:
        _log.info(
            "otel-eda stands in for %s, so that there is one set of spans (OTEL_EDA_TAKEOVER=0 leaves it)%s",
            self.name,
            known,
        )

    def _yield(self) -> None:
        _log.info("otel-eda leaves this library to %s, as OTEL_EDA_TAKEOVER=0 says", self.name)
        self.ours.give_way()
