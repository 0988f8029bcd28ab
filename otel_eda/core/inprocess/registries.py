"""The in-process registries, named in code or by `OTEL_EDA_REGISTRIES`."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

from otel_eda.core.inprocess import handlers
from otel_eda.core.inprocess.dispatched import EVENT_TYPE
from otel_eda.core.inprocess.registry import Registry
from otel_eda.core.patching.interception import resume_all
from otel_eda.core.patching.patch import ImportHook, Patch, changing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


_log = logging.getLogger("otel_eda")


T = TypeVar("T")


class Registries:
    """Every class that is a registry, whether named in code or in `OTEL_EDA_REGISTRIES`."""

    def __init__(self) -> None:
        handlers.switch.on = True  # a registry named in code works without being enabled
        self.enabled = False
        self.all: dict[type, Registry] = {}
        self.patches: list[Patch] = []
        self.hooks: dict[str, ImportHook] = {}

    @property
    def on(self) -> bool:
        """Whether handlers get spans."""
        return handlers.switch.on

    def add(self, registry: Registry) -> None:
        """Patch a class; a second call does nothing."""
        registry.check()
        with changing.held():
            if registry.owner not in self.all:
                self.all[registry.owner] = registry
                self.patches += registry.patch() if self.on else []

    def enable(self, named: str) -> None:
        """Patch the classes that a text in the form of `OTEL_EDA_REGISTRIES` names, and those named in code."""
        self.enabled = True
        with changing.held():
            if not self.on:
                resume_all()
                handlers.switch.on = True
                self.patches = [done for registry in self.all.values() for done in registry.patch()]
        for text in filter(None, map(str.strip, named.split(";"))):
            self._hook(text)

    def disable(self) -> None:
        """Restore every original function."""
        with changing.held():
            self.enabled = handlers.switch.on = False
            for done in reversed(self.patches):
                done.undo()
            self.patches = []

    def _hook(self, text: str) -> None:
        if text not in self.hooks:
            try:
                module, make = _parse(text)
            except ValueError as error:
                _log.warning("%s; going on without it", error)
                return
            self.hooks[text] = ImportHook(module, lambda loaded: self.add(make(loaded)) if self.on else None)
        self.hooks[text].arm()


registries = Registries()


_FORM = re.compile(r"(?P<module>[\w.]+):(?P<class>[\w.]+)(?:\((?P<methods>[^)]*)\))?")


def _parse(text: str) -> tuple[str, Callable[[ModuleType], Registry]]:
    match = _FORM.fullmatch(text)
    methods = [name.strip() for name in (match["methods"] or "").split(",")] if match else []
    if match is None or len(methods) > 3:
        raise ValueError(f"OTEL_EDA_REGISTRIES: {text!r} is not of the form module:Class(register,handle,event_type)")
    names = [
        given or usual for given, usual in zip([*methods, "", "", ""], ("register", "handle", EVENT_TYPE), strict=False)
    ]

    def make(module: ModuleType) -> Registry:
        owner: Any = module
        for name in match["class"].split("."):
            owner = getattr(owner, name)
        return Registry(owner, *names)

    return match["module"], make


def registry(
    cls: type[T] | None = None, *, register: str = "register", dispatch: str = "handle", event_type: str = EVENT_TYPE
) -> Any:
    """Make a class a registry of handlers, as decorator or by a call; gives the same class.

    `register` is its method that takes a handler, `dispatch` the one that takes an event; the event's type is the
    argument, attribute or key of the name `event_type`, else the name of the event's class. Raises `AttributeError` if
    the class has no such methods.
    """
    if cls is None:
        return lambda later: registry(later, register=register, dispatch=dispatch, event_type=event_type)
    registries.add(Registry(cls, register, dispatch, event_type))
    return cls
