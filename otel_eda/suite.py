"""The switch of everything: one library for each adapter, and the in-process registries."""

from __future__ import annotations

import atexit
import logging
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from otel_eda.core import monitor
from otel_eda.core.inprocess import handlers, registries
from otel_eda.core.lifecycle import shutdown
from otel_eda.core.lifecycle.children import children, leaving_by
from otel_eda.core.patching.patch import changing
from otel_eda.core.process import body_times, manual
from otel_eda.core.process.handed import handed
from otel_eda.core.process.log_correlation import log_correlation
from otel_eda.core.process.logged_errors import logged_errors
from otel_eda.core.process.queues import queues
from otel_eda.core.runtime import finalizers, state
from otel_eda.core.telemetry import events, providers
from otel_eda.core.telemetry.hooks import Hooks

from . import config, status
from .adapters import (
    aio_pika,
    aiokafka,
    blinker,
    confluent_kafka,
    dramatiq,
    faststream,
    faust_streaming,
    kafka_python,
    pika,
    pyee,
    pyzmq,
    taskiq,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Unpack

    from otel_eda.core import Library

    from .config import Settings

_log = logging.getLogger("otel_eda")
providers.watchers.append(monitor.observe)
_ADAPTERS = (
    kafka_python,
    confluent_kafka,
    aiokafka,
    pika,
    aio_pika,
    pyzmq,
    blinker,
    pyee,
    dramatiq,
    taskiq,
    faust_streaming,
    faststream,
)
LIBRARIES: dict[str, Library] = {adapter.LIBRARY.name: adapter.LIBRARY for adapter in _ADAPTERS}
REGISTRIES = "registries"
HOOKS = "otel_eda_hooks"
NAMES = (*LIBRARIES, REGISTRIES)
_CELERYS_POOL = leaving_by("billiard.pool", "Worker", "_do_exit")
_FOR_ALL = (  # what is patched as long as any of them is on
    log_correlation,
    logged_errors,
    queues,
    handed,
    children,
    _CELERYS_POOL,
)


def enable(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    only: Iterable[str] | None = None,
    without: Iterable[str] | None = None,
    logger_provider: LoggerProvider | None = None,
    *,
    hooks: Hooks | None = None,
    **settings: Unpack[Settings],
) -> None:
    """Instrument the libraries that the application has imported, and the others when it imports them.

    Spans, metrics and events go to the given providers, by default to the global ones. `only` and `without` choose
    libraries by the names that `otel-eda doctor` lists; a library that is on already stays as it is. `hooks` are called
    with the spans of messages, by default those that entry points name. Each of `settings` takes precedence over its
    `OTEL_EDA_*` variable: `trust="link"` means `OTEL_EDA_TRUST=link`. Raises `ValueError` for an unknown name or a
    wrong value, and `TypeError` for an unknown setting; then nothing has changed.
    """
    names = chosen(only, without)
    with changing.held():  # for threads that do so at once
        _enable(names, tracer_provider, meter_provider, logger_provider, hooks=hooks, settings=settings)


def _enable(
    names: list[str],
    tracer_provider: TracerProvider | None,
    meter_provider: MeterProvider | None,
    logger_provider: LoggerProvider | None,
    *,
    hooks: Hooks | None,
    settings: Settings,
) -> None:
    config.reload(settings)
    hooks = named_hooks() if hooks is None else hooks
    already_on = [library for library in LIBRARIES.values() if library.on]
    if not already_on:
        manual.telemetry.set_providers(tracer_provider, meter_provider)
        manual.use_hooks(hooks)
        events.set_provider(logger_provider)
    for name in names:
        switch_on(name, tracer_provider, meter_provider, hooks=hooks)
    on = [library for library in LIBRARIES.values() if library.on]
    if on and not already_on and not any(library.telemetry.records for library in on):
        _log.warning(
            "otel-eda is on, but spans go nowhere: no OpenTelemetry SDK is configured. Start the application under "
            "opentelemetry-instrument, use `import otel_eda.auto`, or set a tracer provider before the first message"
        )


def switch_on(
    name: str,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    *,
    hooks: Hooks | None = None,
) -> None:
    """Instrument one library, or the in-process registries (`name` is one of `NAMES`)."""
    shutdown.register_at_exit()
    finalizers.watch_collector()
    if logger_provider is not None:
        events.set_provider(logger_provider)
    for patches in _FOR_ALL:
        patches.enable()
    _write_status_at_exit()
    if name == REGISTRIES:
        if not registries.registries.enabled:
            handlers.telemetry.set_providers(tracer_provider, meter_provider)
        registries.registries.enable(config.config().registries)
    else:
        LIBRARIES[name].enable(tracer_provider, meter_provider, named_hooks() if hooks is None else hooks)


def named_hooks() -> Hooks:
    """Return the hooks that entry points of the group `otel_eda_hooks` name: `send`, `process`."""
    found = {point.name: _loaded(point) for point in hook_points()}
    return Hooks(found.get("send"), found.get("process"))


@lru_cache(maxsize=1)
def hook_points() -> tuple[EntryPoint, ...]:
    """Return the entry points of the group `otel_eda_hooks`: to look for them is to read every package's."""
    return tuple(entry_points(group=HOOKS))


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # noqa: BLE001  # somebody else's module
        _log.warning("The hook %s = %s cannot be loaded: %s", point.name, point.value, error)
        return None


def _write_status_at_exit() -> None:
    if config.config().report:
        body_times.start()
        atexit.unregister(status.write)
        atexit.register(status.write, config.config().report, LIBRARIES.values())


def switch_off(name: str) -> None:
    """Restore every original function of one library, or of the in-process registries."""
    if name == REGISTRIES:
        registries.registries.disable()
    else:
        LIBRARIES[name].disable()
    if not registries.registries.enabled and not any(library.on for library in LIBRARIES.values()):
        for patches in _FOR_ALL:
            patches.disable()


def disable() -> None:
    """Restore every original function and end all open spans, so that none is lost; a second call does nothing."""
    with changing.held():
        for name in NAMES:
            switch_off(name)
        shutdown.end_everything()
        state.reset()


def chosen(only: Iterable[str] | None, without: Iterable[str] | None) -> list[str]:
    """Return the names that are in `only` (None: all) and not in `without`; raise `ValueError` for an unknown one."""
    wanted, unwanted = _names(only, NAMES), _names(without, ())
    unknown = sorted({*wanted, *unwanted} - {*NAMES})
    if unknown:
        raise ValueError(f"otel-eda knows no {', '.join(unknown)}; it knows {', '.join(NAMES)}")
    return [name for name in NAMES if name in wanted and name not in unwanted]


def _names(given: Iterable[str] | None, default: Iterable[str]) -> list[str]:
    if isinstance(given, str):
        return [given]
    return list(default if given is None else given)
