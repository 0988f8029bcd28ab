"""The arguments of a call, by name."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_eda.core.patching.patch import Function


_POSITIONAL_KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """The arguments of a function's calls, by name, whether a caller gives them by position or keyword.

    `names` are the arguments to take; `new|old` stands for one that was renamed. `signatures` holds, by qualified name,
    the signatures that functions of an extension module lack. The signature is read once. Raises `ValueError` if the
    function has no argument of a name.
    """

    def __init__(
        self, function: Function, names: Sequence[str], signatures: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        parameters = [*_signature(function, signatures).parameters.values()]
        self.names = [parameter.name for parameter in parameters]
        positional = sum(parameter.kind in _POSITIONAL_KINDS for parameter in parameters)
        self.positions = {name: position for position, name in enumerate(self.names[:positional])}
        self._read = _reader(parameters, [_present_name(name, self.names) for name in names])

    def take(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
        """Return the named arguments of a call, defaults included, or None for a call that the function will refuse."""
        try:
            return self._read(*args, **kwargs)
        except TypeError:
            return None

    def replace(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: object
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the positional and keyword arguments of a call with another value for one argument."""
        position = self.positions.get(name, len(args))
        if position < len(args):
            return (*args[:position], value, *args[position + 1 :]), kwargs
        return args, {**kwargs, name: value}


def _signature(function: Function, signatures: Mapping[str, str]) -> inspect.Signature:
    # The adapter's signature first: an extension module may say no more than `(*args, **kwargs)`.
    text = signatures.get(getattr(function, "__qualname__", ""))
    return inspect.signature(eval(f"lambda {text[1:-1]}: None") if text else function)  # noqa: S307  # an adapter's text


def _present_name(alternatives: str, names: Sequence[str]) -> str:
    for name in alternatives.split("|"):
        if name in names:
            return name
    raise ValueError(f"there is no argument {alternatives}")


def _reader(parameters: list[inspect.Parameter], names: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
    # A function compiled with the same parameters binds a call twenty times faster than `Signature.bind`.
    empty = inspect.Parameter.empty
    with_names = [
        item.replace(annotation=empty, default=empty if item.default is empty else _DefaultName(item.name))
        for item in parameters
    ]
    source = f"lambda {str(inspect.Signature(with_names))[1:-1]}: ({''.join(f'{name}, ' for name in names)})"
    defaults = {f"default_{item.name}": item.default for item in parameters if item.default is not empty}
    reader: Callable[..., tuple[Any, ...]] = eval(source, defaults)  # noqa: S307  # made of the library's own signature
    return reader


class _DefaultName(str):
    """A default value that is printed as the name of the variable that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"default_{self!s}"
