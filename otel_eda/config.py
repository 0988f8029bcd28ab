"""Every `OTEL_EDA_*` variable, read once into one frozen value."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)
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


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def _text(text: str) -> str:
    return text


def _setting(default: T, read: Callable[[str], T], about: str) -> T:
    value: T = field(default=default, metadata={"read": read, "about": about})
    return value


@dataclass(frozen=True)
class Config:
    """What a user can set; the variable of `trust` is `OTEL_EDA_TRUST`."""

    strict: bool = _setting(False, _flag, "raise our own failures into the application (for tests)")
    takeover: bool = _setting(True, _flag, "replace an official instrumentation of the same library")
    receive_spans: str = _setting(
        "auto", _one_of("auto", "all", "none"), "receive spans for batches, for every pull, or never"
    )
    process_parent: str = _setting(
        "auto",
        _one_of("auto", "producer", "ambient", "none"),
        "the parent of a process span: the recording span around it, else the producer's context; or always that one",
    )
    trust: str = _setting(
        "parent", _trust, "what to make of context that comes in: continue it, only link to it, drop it; by destination"
    )
    baggage: tuple[str, ...] = _setting((), _names, "baggage that is taken even from where context is not continued")
    registries: str = _setting(
        "", _text, "in-process registries: `module:Class(register,handle,event_type)`, `;` between"
    )
    report: str = _setting("", _text, "a file that the process's report for `otel-eda doctor` is written to at its end")
    zmq_propagate: bool = _setting(False, _flag, "context in an extra last frame of ZeroMQ messages")
    capture_key: str = _setting(
        "off", _one_of("off", "hash", "plain"), "the message's key on spans, as it is or as a keyed hash"
    )
    capture_headers: tuple[str, ...] = _setting(
        (), _names, "headers that are recorded on spans; `*` in a name is any text"
    )
    deny_headers: tuple[str, ...] = _setting(
        ("*auth*", "*cookie*", "*token*", "*secret*", "*password*", "*credential*", "*key*", "*session*"),
        _names,
        "headers that are never recorded, whatever is captured",
    )
    capture_body_size: bool = _setting(False, _flag, "the size of a message's body on spans")
    hash_key: str = _setting("", _text, "the secret of keyed hashes, which services share to have the same ones")
    dead_letters: tuple[str, ...] = _setting(
        ("*dlq*", "*dlx*", "*.dlt", "*-dlt", "*dead*letter*", "*parking*lot*"),
        _names,
        "destinations for messages that nobody could process",
    )
    retries: tuple[str, ...] = _setting(("*retry*", "*retries*"), _names, "destinations for another attempt")
    partition_metrics: bool = _setting(False, _flag, "the partition as an attribute of every metric")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Config:
        """Read the variables; a wrong value gets one warning that says what to do, and the default."""
        found = {item.name: environ.get(variable(item.name), "") for item in fields(cls)}
        return cls(**dict(cls._checked(found)))

    @classmethod
    def _checked(cls, found: Mapping[str, str]) -> list[tuple[str, Any]]:
        values = []
        for item in fields(cls):
            if not found[item.name].strip():
                continue  # empty is as good as not set, as OpenTelemetry has it
            try:
                values.append((item.name, item.metadata["read"](found[item.name].strip())))
            except ValueError as error:
                name, default = variable(item.name), item.default
                _log.warning("%s=%r is not understood: %s; going on with %r", name, found[item.name], error, default)
        return values


def variable(name: str) -> str:
    """Give the environment variable of a setting."""
    return f"OTEL_EDA_{name.upper()}"


_current: Config | None = None


def config() -> Config:
    """Give the settings, read from the environment when first asked for and again at every `enable()`."""
    return _current or reload()


def reload() -> Config:
    """Read the environment again."""
    global _current
    _current = Config.read(os.environ)
    return _current
