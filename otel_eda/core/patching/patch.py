"""Replacement of single functions of a library, import hooks, and the proxy of a callback."""

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
from otel_eda.core.runtime.locks import PatientLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_eda.core.message import Message

    Reader = Callable[..., Message | None]


Function: TypeAlias = "Callable[..., Any]"


class Switch:
    """The switch of a wrapper: off once the patch is undone, where somebody else's wrapper keeps ours alive."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = True


class Wrap(Protocol):
    """A function that makes the wrapper of an original function."""

    def __call__(self, original: Function, switch: Switch) -> Function:
        """Return a function that does what `original` does and, while the switch is on, records it."""


changing = PatientLock()
"""Held by whoever puts a function in another's place or takes it back, for threads that do so at once."""
originals: dict[Function, Function] = {}
"""The original of each function of ours that has replaced one of a library."""


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
        """The place of the attribute, as `module:Class.method`."""
        if isinstance(self.owner, ModuleType):
            return f"{self.owner.__name__}:{self.name}"
        return f"{self.owner.__module__}:{self.owner.__qualname__}.{self.name}"

    def undo(self) -> None:
        """Restore the original if the attribute is still ours.

        If somebody has wrapped it meanwhile, their wrapper stays, and ours inside of it only calls the original.
        """
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
    """Replace a function of a class or module, and return the patch.

    Raises `AttributeError` if there is no function of that name, `TypeError` if the class is immutable and cannot be
    opened.
    """
    inherited = name not in owner.__dict__
    original = inspect.getattr_static(owner, name) if inherited else owner.__dict__[name]
    bound = isinstance(original, (classmethod, staticmethod))
    function = original.__func__ if bound else original
    switch = Switch()
    wrapper: Any = wrap(function, switch)
    is_proxy = isinstance(wrapper, wrapt.FunctionWrapper)
    if not is_proxy:  # an attribute set on such a proxy is set on the original
        wrapper.__module__, wrapper.__annotations__ = None, {}  # a function of an extension module may have none
        functools.update_wrapper(wrapper, function, _copied(wrapper))
    ours = type(original)(wrapper) if bound else wrapper
    with mutable(owner):
        if not is_proxy:
            originals[wrapper] = function
        setattr(owner, name, ours)
    return Patch(owner, name, ours, original, inherited, switch)


def _copied(wrapper: Any) -> tuple[str, ...]:
    code = wrapper.__code__
    if code.co_argcount or code.co_kwonlyargcount:  # the defaults of others would be those of its own parameters
        return functools.WRAPPER_ASSIGNMENTS
    return (*functools.WRAPPER_ASSIGNMENTS, "__defaults__", "__kwdefaults__")


def resolve(module: ModuleType, path: str) -> tuple[Any, str] | None:
    """Return the owner and the name that a path like `Class.method` stands for in a module.

    `Class.new|old` stands for the first of the names that exists. Raises `AttributeError` if none does, but returns
    None if the path ends in `?`: such a function exists in some versions only.
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
    """A hook that calls `then` with a module: at once if the module is loaded, else when the application imports it.

    wrapt cannot take a hook back, so `then` has to ask whether it is still wanted.
    """

    def __init__(self, module: str, then: Callable[[ModuleType], None]) -> None:
        self.module = module
        self.then = then
        self.armed = False

    def arm(self) -> None:
        """Call `then` now, or register it for the import; a second call registers nothing."""
        loaded = sys.modules.get(self.module)
        if loaded is not None and not getattr(loaded.__spec__, "_initializing", False):
            self._call(loaded)
        elif not self.armed:
            self.armed = True
            wrapt.register_post_import_hook(self._call, self.module)

    def _call(self, module: ModuleType) -> None:
        try:
            with changing.held():
                self.then(module)
        except Exception as error:  # noqa: BLE001  # the application's import must go on
            failed(f"patching {self.module}", error)


class Proxy(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """The callback that a library gets: it equals the application's function and has the same hash."""


class ModulePatches:
    """Patches of modules that are no library of ours: they are made when a module is there, while it is switched on."""

    def __init__(self, modules: Iterable[str], patched: Callable[[ModuleType], Iterable[Patch]]) -> None:
        self.on = False
        self.patched = patched
        self.patches: list[Patch] = []
        self.hooks = [ImportHook(module, self._on_import) for module in modules]

    def enable(self) -> None:
        """Patch the modules now, or when they are imported; a second call does nothing."""
        if not self.on:
            self.on = True
            for hook in self.hooks:
                hook.arm()

    def disable(self) -> None:
        """Restore the modules; a second call does nothing."""
        self.on = False
        done, self.patches = self.patches, []
        for patch_ in reversed(done):
            patch_.undo()

    def _on_import(self, module: ModuleType) -> None:
        if self.on:
            self.patches += self.patched(module)
