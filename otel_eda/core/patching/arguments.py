"""A call's arguments by name."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_eda.core.patching.patch import Function


_POSITIONAL_KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """A function's arguments by name, however a caller gave them; its signature is read once.

    `take` gives the named ones as a tuple, their defaults included; `new|old` names an argument that was renamed.
    `replace` gives the call with another value for one argument. `signatures` has those that functions of an extension
    module lack, by their qualified names.
    """

    def __init__(
        self, function: Function, names: Sequence[str], signatures: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        parameters = [*_signature(function, signatures).parameters.values()]
        self.names = [parameter.name for parameter in parameters]
        positional = sum(parameter.kind in _POSITIONAL_KINDS for parameter in parameters)
        self.positions = {name: place for place, name in enumerate(self.names[:positional])}
        self._read = _reader(parameters, [_present_name(name, self.names) for name in names])

    def take(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
        """Return the named arguments of a call, or None for a call that the function itself refuses, and says so."""
        try:
            return self._read(*args, **kwargs)
        except TypeError:
            return None

    def replace(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: object
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the call's arguments with another value for one of them."""
        place = self.positions.get(name, len(args))
        if place < len(args):
            return (*args[:place], value, *args[place + 1 :]), kwargs
        return args, {**kwargs, name: value}


def _signature(function: Function, signatures: Mapping[str, str]) -> inspect.Signature:
    # Ours first: what an extension module says of itself may be no more than `(*args, **kwargs)`.
    text = signatures.get(getattr(function, "__qualname__", ""))
    return inspect.signature(eval(f"lambda {text[1:-1]}: None") if text else function)  # noqa: S307  # an adapter's text


def _present_name(alternatives: str, names: Sequence[str]) -> str:
    for name in alternatives.split("|"):
        if name in names:
            return name
    raise ValueError(f"there is no argument {alternatives}")


def _reader(parameters: list[inspect.Parameter], names: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
    # A function compiled with the same parameters binds a call twenty times faster than `Signature.bind`.
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    marked = [item if item.default is item.empty else item.replace(default=_DefaultName(item.name)) for item in bare]
    source = f"lambda {str(inspect.Signature(marked))[1:-1]}: ({''.join(f'{name}, ' for name in names)})"
    defaults = {f"default_{item.name}": item.default for item in bare if item.default is not item.empty}
    reader: Callable[..., tuple[Any, ...]] = eval(source, defaults)  # noqa: S307  # made of the library's own signature
    return reader


class _DefaultName(str):
    """A default value that is written as the name of a variable that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"default_{self!s}"
