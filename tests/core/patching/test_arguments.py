"""`Arguments` reads a call as the function itself would."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eda.core.patching.arguments import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable

P = inspect.Parameter
KINDS = (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD, P.VAR_POSITIONAL, P.KEYWORD_ONLY, P.VAR_KEYWORD)
PLAIN = (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD, P.KEYWORD_ONLY)
VARIADIC = {P.VAR_POSITIONAL: "rest", P.VAR_KEYWORD: "options"}


def send(topic: str, value: object = None, key: object = None, *, headers: Any = None) -> None:
    """Stand for a method that sends."""


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("t", 1, 2), {"headers": 3}),
        (("t",), {"value": 1, "key": 2, "headers": 3}),
        ((), {"headers": 3, "key": 2, "value": 1, "topic": "t"}),
    ],
)
def test_position_or_name_is_the_same(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert Arguments(send, ("headers", "topic", "value")).take(args, kwargs) == (3, "t", 1)


def test_what_is_not_given_has_its_default() -> None:
    marker = object()

    def function(first: int, second: object = marker) -> None: ...

    assert Arguments(function, ("second",)).take((1,), {}) == (marker,)
    taken = Arguments(function, ("second",)).take((1,), {})
    assert taken is not None and taken[0] is marker  # noqa: PT018


def test_a_default_may_be_called_as_a_parameter_is() -> None:
    def function(default_second: int, second: int = 2) -> None: ...

    assert Arguments(function, ("default_second", "second")).take((1,), {}) == (1, 2)


def test_annotations_that_cannot_be_evaluated_do_no_harm() -> None:
    def function(a: Nowhere, *rest: Nowhere, b: Nowhere = 1) -> Nowhere: ...  # type: ignore[name-defined]  # noqa: F821

    assert Arguments(function, ("a", "b")).take((0,), {}) == (0, 1)


def test_a_call_that_the_function_refuses_is_refused() -> None:
    arguments = Arguments(send, ("topic",))
    for args, kwargs in (((), {}), (("t", 1, 2, 3), {}), (("t",), {"topic": "t"}), (("t",), {"nonsense": 1})):
        assert arguments.take(args, kwargs) is None


@pytest.mark.parametrize(("named", "value"), [("old|topic", "t"), ("topic|old", "t")])
def test_a_renamed_argument_is_found_by_any_of_its_names(named: str, value: str) -> None:
    assert Arguments(send, (named,)).take(("t",), {}) == (value,)


def test_a_missing_argument_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="no argument old"):
        Arguments(send, ("old|older",))


def test_a_replaced_argument_leaves_the_callers_own_alone() -> None:
    kwargs: dict[str, Any] = {"headers": []}
    arguments = Arguments(send, ("headers",))
    assert arguments.replace(("t",), kwargs, "headers", 1) == (("t",), {"headers": 1})
    assert arguments.replace(("t",), {}, "key", 1) == (("t",), {"key": 1})
    assert arguments.replace(("t", 1, 2), {}, "value", 0) == (("t", 0, 2), {})
    assert kwargs == {"headers": []}


@st.composite
def functions(draw: st.DrawFn) -> Callable[..., Any]:
    """Give a function of any signature that returns its local variables."""
    parameters: list[P] = []
    defaulted = False
    for kind in KINDS:
        if kind in VARIADIC:
            parameters += [P(VARIADIC[kind], kind)] * draw(st.integers(0, 1))
            continue
        for _ in range(draw(st.integers(0, 2))):
            # Behind a default only those that can be given by name alone may have none.
            has = draw(st.booleans()) if kind is P.KEYWORD_ONLY else defaulted or draw(st.booleans())
            defaulted = defaulted or has
            default = len(parameters) * 10 if has else P.empty
            parameters.append(P(f"p{len(parameters)}", kind, default=default))
    namespace: dict[str, Any] = {}
    exec(f"def made{inspect.Signature(parameters)}: return locals()", namespace)  # noqa: S102
    made: Callable[..., Any] = namespace["made"]
    return made


CALLS = st.tuples(
    st.lists(st.integers(), max_size=7).map(tuple),
    st.dictionaries(st.sampled_from([f"p{number}" for number in range(7)] + ["other"]), st.integers(), max_size=4),
)


def bound(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """Give the arguments as Python binds them (`Signature.bind` had faults), None for a call that it refuses."""
    try:
        made: dict[str, Any] = function(*args, **kwargs)
    except TypeError:
        return None
    return made


@given(functions(), CALLS)
def test_reading_binds_as_python_does(
    function: Callable[..., Any], call: tuple[tuple[Any, ...], dict[str, Any]]
) -> None:
    args, kwargs = call
    names = list(inspect.signature(function).parameters)
    taken, expected = Arguments(function, names).take(args, kwargs), bound(function, args, kwargs)
    assert (None if taken is None else dict(zip(names, taken, strict=True))) == expected


@given(functions(), CALLS, st.data())
def test_replacing_changes_one_argument_and_no_other(
    function: Callable[..., Any], call: tuple[tuple[Any, ...], dict[str, Any]], data: st.DataObject
) -> None:
    args, kwargs = call
    expected = bound(function, args, kwargs)
    # An argument that can be given by position only is not in every call.
    kinds = {name: item.kind for name, item in inspect.signature(function).parameters.items()}
    named = [name for name in kinds if kinds[name] in PLAIN[1:]]
    if expected is None or not named:
        return
    name = data.draw(st.sampled_from(named))
    args, kwargs = Arguments(function, ()).replace(args, kwargs, name, "new")
    assert function(*args, **kwargs) == {**expected, name: "new"}
