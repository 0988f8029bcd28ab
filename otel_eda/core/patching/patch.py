"""Replaces functions of a library by ours and puts the very originals back."""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import wrapt

from otel_eda.core.patching.immutable import mutable
from otel_eda.core.runtime.guard import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.message import Message

    Reader = Callable[..., Message | None]


Function: TypeAlias = "Callable[..., Any]"


class Switch:
    """Whether a wrapper works or, because somebody else's wrapper around it outlives it, only passes on."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = True


class Wrap(Protocol):
    """Makes the wrapper of an original function."""

    def __call__(self, original: Function, switch: Switch) -> Function:
        """Give a function that does what `original` does and, while the switch is on, what we do."""


originals: dict[Function, Function] = {}
"""What stands behind each function of ours that is in a library's place."""


@dataclass
class Patch:
    """One replaced attribute of a class or module."""

    owner: Any
    name: str
    ours: Function
    original: Any
    inherited: bool
    switch: Switch

    @property
    def place(self) -> str:
        """Where it is: `module:Class.method`."""
        if isinstance(self.owner, ModuleType):
            return f"{self.owner.__name__}:{self.name}"
        return f"{self.owner.__module__}:{self.owner.__qualname__}.{self.name}"

    def undo(self) -> None:
        """Put the very original back if what is there is ours; else leave the other's wrapper and only pass on."""
        self.switch.on = False
        originals.pop(getattr(self.ours, "__func__", self.ours), None)
        if self.owner.__dict__.get(self.name) is not self.ours:
            return
        with mutable(self.owner):
            if self.inherited:
                delattr(self.owner, self.name)
            else:
                setattr(self.owner, self.name, self.original)


def patch(owner: Any, name: str, wrap: Wrap) -> Patch:
    """Replace a function of a class or module.

    Raises `AttributeError` if there is none of that name, `TypeError` if the class is immutable and can't be opened.
    """
    inherited = name not in owner.__dict__
    original = inspect.getattr_static(owner, name) if inherited else owner.__dict__[name]
    bound = isinstance(original, (classmethod, staticmethod))
    function = original.__func__ if bound else original
    switch = Switch()
    wrapper: Any = wrap(function, switch)
    is_proxy = isinstance(wrapper, wrapt.FunctionWrapper)
    if not is_proxy:  # what is set on a proxy is set on the original
        wrapper.__module__, wrapper.__annotations__ = None, {}  # a function of an extension module has none
        functools.update_wrapper(wrapper, function, (*functools.WRAPPER_ASSIGNMENTS, "__defaults__", "__kwdefaults__"))
    ours = type(original)(wrapper) if bound else wrapper
    with mutable(owner):
        if not is_proxy:
            originals[wrapper] = function
        setattr(owner, name, ours)
    return Patch(owner, name, ours, original, inherited, switch)


def resolve(module: ModuleType, path: str) -> tuple[Any, str] | None:
    """Find `Class.method` in a module, or `Class.new|old`: its owner and name.

    Raises `AttributeError` if there is none. A path that ends in `?` is of some versions only: then it gives None.
    """
    *owners, names = path.removesuffix("?").split(".")
    owner: Any = module
    for name in owners:
        owner = getattr(owner, name, None)
    for name in names.split("|"):
        if owner is not None and hasattr(owner, name):
            return owner, name
    if path.endswith("?"):
        return None
    raise AttributeError(f"there is no {path}")


class ImportHook:
    """Calls `then` with a module: when armed if it is loaded, else when the application imports it.

    An armed hook can't be taken back, so `then` has to ask whether it is still wanted.
    """

    def __init__(self, module: str, then: Callable[[ModuleType], None]) -> None:
        self.module = module
        self.then = then
        self.armed = False

    def arm(self) -> None:
        """Call now or later."""
        loaded = sys.modules.get(self.module)
        if loaded is not None and not getattr(loaded.__spec__, "_initializing", False):
            self._call(loaded)
        elif not self.armed:
            self.armed = True
            wrapt.register_post_import_hook(self._call, self.module)

    def _call(self, module: ModuleType) -> None:
        try:
            self.then(module)
        except Exception as error:  # noqa: BLE001  # the application's import must go on
            failed(f"patching {self.module}", error)


class Proxy(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """What the library gets: equal to the application's function, and of the same hash."""
