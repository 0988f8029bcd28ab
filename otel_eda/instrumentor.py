"""What `opentelemetry-instrument` loads: one instrumentor for each name of the suite."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from . import config, suite

if TYPE_CHECKING:
    from collections.abc import Collection


_log = logging.getLogger("otel_eda")
_LAUNCHERS = {"skip_dep_check", "raise_exception_on_conflict"}


class _Instrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    name: str

    def instrumentation_dependencies(self) -> Collection[str]:
        """Ask for nothing: a library that is not installed is simply never imported."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        providers = [kwargs.pop(f"{signal}_provider", None) for signal in ("tracer", "meter", "logger")]
        if kwargs:
            _log.warning("Settings are those of all of otel-eda, and stand under `eda`, not `eda_%s`", self.name)
        suite.switch_on(self.name, *providers)

    def _uninstrument(self, **_: Any) -> None:
        suite.switch_off(self.name)


class EdaInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    """Takes the settings from the SDK's declarative file, where they are the options of `eda`; it patches nothing."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Ask for nothing."""
        return ()

    def instrument(self, **options: Any) -> None:
        """Take the settings; the launcher comes once more, without any, which is not to be complained of."""
        settings = {name: value for name, value in options.items() if name not in _LAUNCHERS}
        if settings:
            config.from_file(settings)

    def _instrument(self, **_: Any) -> None:
        """Do nothing."""

    def _uninstrument(self, **_: Any) -> None:
        """Do nothing."""


def _made(name: str) -> type[_Instrumentor]:
    made = f"{name.title().replace('_', '')}Instrumentor"
    return type(
        made, (_Instrumentor,), {"__doc__": f"Switches {name} on and off.", "__module__": __name__, "name": name}
    )


_INSTRUMENTORS = {made.__name__: made for made in map(_made, suite.NAMES)}


def __getattr__(name: str) -> type[_Instrumentor]:
    """Give an instrumentor by the name that its entry point has, as `AioPikaInstrumentor` for `aio_pika`."""
    if name not in _INSTRUMENTORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _INSTRUMENTORS[name]
