"""Replaces functions of a library by ours and puts the very originals back."""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import wrapt

from .guard import failed
from .immutable import mutable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """A function's arguments by name, however a caller gave them; its signature is read once.

    `read(*args, **kwargs)` gives the named arguments as a tuple, their defaults included, and raises `TypeError` for a
    call that the function itself would refuse; `new|old` names an argument that was renamed. `replace` gives the call
    with another value for one argument. `signatures` has those that functions of an extension module lack, by their
    qualified names.
    """

    def __init__(
        self, function: Function, names: Sequence[str], signatures: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        parameters = [*_signature(function, signatures).parameters.values()]
        self.names = [parameter.name for parameter in parameters]
        positional = sum(parameter.kind in _POSITIONAL for parameter in parameters)
        self.places = {name: place for place, name in enumerate(self.names[:positional])}
        self.read = _reader(parameters, [_present(name, self.names) for name in names])

    def replace(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: object
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the call's arguments with another value for one of them."""
        place = self.places.get(name, len(args))
        if place < len(args):
            return (*args[:place], value, *args[place + 1 :]), kwargs
        return args, {**kwargs, name: value}


def _signature(function: Function, signatures: Mapping[str, str]) -> inspect.Signature:
    # Ours first: what an extension module says of itself may be no more than `(*args, **kwargs)`.
    text = signatures.get(getattr(function, "__qualname__", ""))
    return inspect.signature(eval(f"lambda {text[1:-1]}: None") if text else function)  # noqa: S307  # an adapter's text


def _present(alternatives: str, names: Sequence[str]) -> str:
    for name in alternatives.split("|"):
        if name in names:
            return name
    raise ValueError(f"there is no argument {alternatives}")


def _reader(parameters: list[inspect.Parameter], names: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
    # A function compiled with the same parameters binds a call twenty times faster than `Signature.bind`.
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    marked = [item if item.default is item.empty else item.replace(default=_Name(item.name)) for item in bare]
    source = f"lambda {str(inspect.Signature(marked))[1:-1]}: ({''.join(f'{name}, ' for name in names)})"
    defaults = {f"default_{item.name}": item.default for item in bare if item.default is not item.empty}
    reader: Callable[..., tuple[Any, ...]] = eval(source, defaults)  # noqa: S307  # made of the library's own signature
    return reader


class _Name(str):
    """A default value that is written as the name of a variable that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"default_{self!s}"


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
    ours: Any = wrap(function, switch)
    if not isinstance(ours, wrapt.FunctionWrapper):  # what is set on a proxy is set on the original
        ours.__module__, ours.__annotations__ = None, {}  # a function of an extension module has none
        functools.update_wrapper(ours, function, (*functools.WRAPPER_ASSIGNMENTS, "__defaults__", "__kwdefaults__"))
        originals[ours] = function
    ours = type(original)(ours) if bound else ours
    with mutable(owner):
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
