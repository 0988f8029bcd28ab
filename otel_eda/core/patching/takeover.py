"""Takeover from the official instrumentation of a library: there is one set of spans, never two."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from otel_eda.config import config
from otel_eda.core.patching.patch import ImportHook, patch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch


_log = logging.getLogger("otel_eda")


class Takeover:
    """Keeps one official instrumentor (`module:Class`) off while ours is on.

    With `OTEL_EDA_TAKEOVER=0` it is the other way round: `give_way` is called as soon as the official one is on.
    """

    def __init__(self, official: str, give_way: Callable[[], None]) -> None:
        module, self.name = official.split(":")
        self.hook = ImportHook(module, self._on_import)
        self.give_way = give_way
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
            self.patches = [
                patch(instrumentor, "instrument", self._instrument),
                patch(instrumentor, "uninstrument", self._uninstrument),
            ]
        if instrumentor().is_instrumented_by_opentelemetry:
            self._on_active(instrumentor())

    def _on_active(self, official: Any) -> None:
        if not config().takeover:
            self._yield()
            return
        official.uninstrument()
        self._replace({})

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
                return None
            return original(official, **kwargs)

        return uninstrument

    def _replace(self, kwargs: dict[str, Any]) -> None:
        self.official_options = kwargs
        _log.info(
            "otel-eda stands in for %s, so that there is one set of spans (OTEL_EDA_TAKEOVER=0 leaves it)", self.name
        )

    def _yield(self) -> None:
        _log.info("otel-eda leaves this library to %s, as OTEL_EDA_TAKEOVER=0 says", self.name)
        self.give_way()
