"""Every setting in one frozen value: from code, from the SDK's declarative file, or from `OTEL_EDA_*` variables."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("otel_eda")
T = TypeVar("T")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _flag(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("use 1 or 0")
    return text.lower() in _TRUE


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"use one of {', '.join(choices)}")
        return text.lower()

    return read


TRUST = ("parent", "link", "drop")


def _trust(text: str) -> str:
    for rule in text.lower().split(","):
        if rule.rpartition("=")[2].strip() not in TRUST:
            raise ValueError(f"use one of {', '.join(TRUST)}; for some destinations, after a comma, PATTERN=RULE")
    return text


def _switch(text: str) -> str:
    for rule in text.split(","):
        if rule.rpartition("=")[2].strip().lower() not in _TRUE | _FALSE:
            raise ValueError("use 1 or 0; for some libraries or destinations, after a comma, PATTERN=1 or PATTERN=0")
    return text


@lru_cache(4096)
def last_rule(setting: str, *names: str) -> str | None:
    """Return the rule of the last pattern that fits one of the names, in lower case; one that stands alone fits all."""
    chosen = None
    for part in setting.split(","):
        pattern, equals, rule = part.strip().rpartition("=")
        if not equals or any(fnmatchcase(name, pattern.strip()) for name in names):
            chosen = rule.strip().lower()
    return chosen


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def _text(text: str) -> str:
    return text


def _setting(default: T, read: Callable[[str], T], description: str) -> T:
    value: T = field(default=default, metadata={"read": read, "about": description})
    return value


@dataclass(frozen=True)
class Config:
    """All settings; the variable of `trust` is `OTEL_EDA_TRUST`."""

    strict: bool = _setting(False, _flag, "raise failures of otel-eda into the application (for tests)")
    takeover: bool = _setting(True, _flag, "replace the official instrumentation of the same library")
    receive_spans: str = _setting(
        "auto",
        _one_of("auto", "all", "none"),
        "which pulls have receive spans: those that return a batch, all, or none",
    )
    process_parent: str = _setting(
        "auto",
        _one_of("auto", "producer", "ambient", "none"),
        "the parent of a process span: the recording span around it, otherwise the producer's; or always the one named",
    )
    trust: str = _setting(
        "parent",
        _trust,
        "what to do with context that arrives: continue it, link to it, or drop it; also by destination",
    )
    inject: str = _setting(
        "1", _switch, "whether messages get headers that carry context; also by library or destination"
    )
    baggage: tuple[str, ...] = _setting((), _names, "baggage to accept from messages whose context is only linked")
    registries: str = _setting(
        "", _text, "in-process registries: `module:Class(register,handle,event_type)`, separated by `;`"
    )
    report: str = _setting("", _text, "the file for the report of `otel-eda doctor`, written when the process ends")
    zmq_propagate: bool = _setting(False, _flag, "send context in an extra last frame of ZeroMQ messages")
    capture_key: str = _setting(
        "off", _one_of("off", "hash", "plain"), "record the message's key on spans, in plain text or as a keyed hash"
    )
    capture_headers: tuple[str, ...] = _setting(
        (), _names, "headers to record on spans; `*` in a name matches any text"
    )
    deny_headers: tuple[str, ...] = _setting(
        ("*auth*", "*cookie*", "*token*", "*secret*", "*password*", "*credential*", "*key*", "*session*"),
        _names,
        "headers that are never recorded, even if `capture_headers` names them",
    )
    capture_body_size: bool = _setting(False, _flag, "record the size of a message's body on spans")
    hash_key: str = _setting("", _text, "the secret of keyed hashes; services that share it produce the same hashes")
    dead_letters: tuple[str, ...] = _setting(
        ("*dlq*", "*dlx*", "*.dlt", "*-dlt", "*.dead", "*-dead", "*_dead", "*.xq", "*dead*letter*", "*parking*lot*"),
        _names,
        "dead-letter destinations",
    )
    retries: tuple[str, ...] = _setting(
        ("*retry*", "*retries*"), _names, "destinations of messages for another attempt"
    )
    partition_metrics: bool = _setting(
        False, _flag, "add the partition to the metrics of sends, consumed messages and lag"
    )
    message_age: bool = _setting(
        False, _flag, "record how old messages are when their processing ends: the queue time and the processing time"
    )

    def injects(self, library: str, destination: str) -> bool:
        """Return whether a library's messages to a destination get headers that carry context."""
        return self.inject == "1" or last_rule(self.inject, library, destination) not in _FALSE

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Config:
        """Return the settings that the variables give; log one warning for a wrong value and use its default."""
        return cls(**_from_environment(environ))


class Settings(TypedDict, total=False):
    """The settings as `enable` takes them."""

    strict: bool
    takeover: bool
    receive_spans: str
    process_parent: str
    trust: str
    inject: str | bool
    baggage: Iterable[str]
    registries: str
    report: str
    zmq_propagate: bool
    capture_key: str
    capture_headers: Iterable[str]
    deny_headers: Iterable[str]
    capture_body_size: bool
    hash_key: str
    dead_letters: Iterable[str]
    retries: Iterable[str]
    partition_metrics: bool
    message_age: bool


def checked(given: Mapping[str, object]) -> dict[str, Any]:
    """Return settings in `Config`'s types; raise `TypeError` for an unknown one, `ValueError` for a wrong value."""
    known = {item.name: item for item in fields(Config)}
    unknown = sorted({*given} - {*known})
    if unknown:
        raise TypeError(f"otel-eda has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    return {name: _checked(known[name], value) for name, value in given.items()}


def _checked(item: Field[Any], value: object) -> Any:
    try:
        return item.metadata["read"](_as_text(value, item))
    except ValueError as error:
        raise ValueError(f"{item.name}={value!r} is not understood: {error}") from None


def _as_text(value: object, item: Field[Any]) -> str:
    if isinstance(value, bool) and (isinstance(item.default, bool) or item.metadata["read"] is _switch):
        return str(value)
    if isinstance(value, str):
        return value.strip()
    if isinstance(item.default, tuple) and isinstance(value, Iterable):
        return ",".join(map(str, value))
    kinds = {bool: "use True or False", tuple: "use a list of texts"}
    raise ValueError(kinds.get(type(item.default), "use a text"))


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for item in fields(Config):
        text = environ.get(variable(item.name), "").strip()
        if not text:
            continue  # OpenTelemetry treats an empty variable as unset
        try:
            values[item.name] = item.metadata["read"](text)
        except ValueError as error:
            name, default = variable(item.name), item.default
            _log.warning("%s=%r is not understood: %s; going on with %r", name, text, error, default)
    return values


def from_file(given: Mapping[str, object]) -> None:
    """Use the settings of the SDK's declarative file, which precede variables; log a warning for a wrong one."""
    _declared.clear()
    for name, value in given.items():
        _declared.update(_tolerated(name, value))
    reload()


def _tolerated(name: str, value: object) -> dict[str, Any]:
    try:
        return checked({name: value})
    except (TypeError, ValueError) as error:
        _log.warning("In the declarative configuration: %s; going on without it", error)
        return {}


def variable(name: str) -> str:
    """Return the name of a setting's environment variable."""
    return f"OTEL_EDA_{name.upper()}"


Step = TypeVar("Step", bound="Callable[[], object]")
_current: Config | None = None
_declared: dict[str, Any] = {}
_reload_steps: list[Callable[[], object]] = []


def on_reload(step: Step) -> Step:
    """Register a step that runs after the settings were read again; return the step, for use as a decorator."""
    _reload_steps.append(step)
    return step


def config() -> Config:
    """Return the settings; they are read at the first call and again at every `enable()`."""
    return _current or _first_read()


def _first_read() -> Config:
    global _current
    read = Config(**{**_from_environment(os.environ), **_declared})
    if _current is None:  # else another thread has given settings meanwhile, by `enable()`
        _current = read
    return _current


def reload(given: Mapping[str, Any] | None = None) -> Config:
    """Read the settings again: those given in code precede those of the file, and these precede variables."""
    global _current
    _current = Config(**{**_from_environment(os.environ), **_declared, **checked(given or {})})
    for step in _reload_steps:
        step()
    return _current
