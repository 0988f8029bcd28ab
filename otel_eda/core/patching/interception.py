"""Interception of a Python function's calls, while the function stays the very object that the application has.

A function's code can be exchanged (`function.__code__` in Python's data model). Whoever compares, references weakly,
copies, pickles, disconnects or inspects the function finds what it was. The code that stands in passes each call to an
interceptor, together with a function that runs the original code.
"""

from __future__ import annotations

import inspect
import sys
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from otel_eda.core.runtime.locks import PatientLock
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from otel_eda.core.patching.patch import Function

_MARK = "otel_eda: the interceptor"
_GENERATORS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE

_changing = PatientLock()
_interceptors: WeakKeyDictionary[FunctionType, Interceptor] = WeakKeyDictionary()


class Interceptor(Protocol):
    """A function that is called in place of another; it must not hold anything that may hold that one.

    A code object holds its constants where the garbage collector does not look: such a cycle would never be freed.
    """

    def __call__(self, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of a call; `run` runs the function's own code."""


class _Interception:
    """The constant in the code that stands in: the function's own code, and the interceptor."""

    __slots__ = ("code", "interceptor")

    def __init__(self, code: CodeType, interceptor: Interceptor) -> None:
        self.code = code
        self.interceptor = interceptor

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any], inner: FunctionType) -> Any:
        """Return the interceptor's result; `inner` is a function with the globals and the closure of the function."""
        run = FunctionType(self.code, inner.__globals__, self.code.co_name, None, inner.__closure__)
        return self.interceptor(run, args, kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Interception, (self.code, self.interceptor)  # for who pickles a function with its code, as cloudpickle


def intercept(function: FunctionType, interceptor: Interceptor) -> bool:
    """Let an interceptor handle the calls of a function, and return whether that is possible.

    It is not for a generator function, whose calls run no code. A function that is intercepted already keeps its
    interceptor.
    """
    if function.__code__.co_flags & _GENERATORS:
        return False
    with _changing.held():
        if interceptor_of(function) is None:
            _interceptors[function] = interceptor
            function.__code__ = _stand_in(function.__code__, interceptor)
    return True


def interceptor_of(function: FunctionType) -> Interceptor | None:
    """Return the interceptor of a function, or None if it has none."""
    interception = _constant(function.__code__)
    return None if interception is None else interception.interceptor


def _constant(code: CodeType) -> _Interception | None:
    return next((item for item in code.co_consts if type(item) is _Interception), None)


@on_reset
def restore_all() -> None:
    """Restore the code of every function, unless somebody has given it other code meanwhile."""
    for function, _ in _all():
        interception = _constant(function.__code__)
        if interception is not None:
            function.__code__ = interception.code


def resume_all() -> None:
    """Intercept the calls of every function again whose code was restored."""
    for function, interceptor in _all():
        intercept(function, interceptor)


def _all() -> list[tuple[FunctionType, Interceptor]]:
    with _changing.held():  # another thread may intercept one more
        return list(_interceptors.items())


def _stand_in(code: CodeType, interceptor: Interceptor) -> CodeType:
    scope: dict[str, Any] = {}
    exec(_source(code), scope)  # noqa: S102  # made of the function's own parameters
    template: CodeType = scope["outer"]().__code__
    constant: Any = _Interception(code, interceptor)
    own = template.replace(
        co_name=code.co_name,
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_consts=tuple(constant if item == _MARK else item for item in template.co_consts),
    )
    qualified: Any = {"co_qualname": getattr(code, "co_qualname", "")} if sys.version_info >= (3, 11) else {}
    return own.replace(**qualified)


def _source(code: CodeType) -> str:
    # With the same parameters, so that signatures stay; with the same free variables, so that the closure fits.
    positional = code.co_varnames[: code.co_argcount]
    keyword = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    others = list(code.co_varnames[code.co_argcount + code.co_kwonlyargcount :])
    rest = others.pop(0) if code.co_flags & inspect.CO_VARARGS else ""
    more = others.pop(0) if code.co_flags & inspect.CO_VARKEYWORDS else ""
    only = code.co_posonlyargcount
    parameters = [*positional[:only], *["/"] * bool(only), *positional[only:]]
    parameters += [f"*{rest}"] if rest else ["*"] * bool(keyword)
    parameters += [*keyword, *[f"**{more}"] * bool(more)]
    args = "".join(f"{name}, " for name in [*positional, *[f"*{rest}"] * bool(rest)])
    kwargs = "".join(f"{name!r}: {name}, " for name in keyword) + (f"**{more}" if more else "")
    free = "".join(f"{name}, " for name in code.co_freevars)
    is_async = bool(code.co_flags & inspect.CO_COROUTINE)
    # `or 0`: a constant that is no function, as the compiler sees it, would have it warn of the call.
    call = f"({_MARK!r} or 0)(({args}), {{{kwargs}}}, lambda: ({free}))"
    return "\n".join(
        [
            "def outer():",
            *(f"    {name} = None" for name in code.co_freevars),
            f"    {'async ' * is_async}def inner({', '.join(parameters)}): return {'await ' * is_async}{call}",
            "    return inner",
        ]
    )
