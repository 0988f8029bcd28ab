"""Bodies of async loops: those of the other loops made asynchronous, and some of their own."""

from __future__ import annotations

import ast
import asyncio
import gc
import inspect
import textwrap
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.common import ABANDONED, DONE, EXACT, FAILED
from core.process import bodies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from core.tinyqueue import AsyncConsumer, Record

    Body = Callable[[AsyncConsumer], Coroutine[Any, Any, object]]


def asynchronous(body: Callable[..., Any]) -> Body | None:
    """Give the same body with `async for` instead of `for`; None if it is made of more than one function."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    made = ast.AsyncFunctionDef(**dict(ast.iter_fields(function)))
    if any(isinstance(node, (ast.Lambda, ast.AsyncFunctionDef, ast.Yield)) for node in ast.walk(function)):
        return None

    class Loops(ast.NodeTransformer):
        def visit_For(self, node: ast.For) -> ast.AST:
            self.generic_visit(node)
            of_messages = isinstance(node.iter, ast.Name) and node.iter.id == "messages"
            return ast.AsyncFor(**dict(ast.iter_fields(node))) if of_messages else node

    tree.body = [ast.copy_location(Loops().visit(made), function)]
    names = dict(body.__globals__)
    exec(compile(ast.fix_missing_locations(tree), inspect.getfile(body), "exec"), names)  # noqa: S102
    return names[body.__name__]  # type: ignore[no-any-return]


async def awaited() -> None:
    await asyncio.sleep(0)
    raise ValueError


async def raised_by_what_is_awaited(messages: AsyncConsumer) -> None:
    async for _ in messages:
        await awaited()


async def raised_by_what_is_awaited_and_handled_around(messages: AsyncConsumer) -> None:
    try:
        async for _ in messages:
            await awaited()
    except ValueError:
        return


async def handled_after_awaiting(messages: AsyncConsumer) -> None:
    async for _ in messages:
        with suppress(ValueError):
            await awaited()


async def left_after_awaiting(messages: AsyncConsumer) -> None:
    async for _ in messages:
        await asyncio.sleep(0)
        break


def generate(messages: AsyncConsumer) -> AsyncIterator[Record]:
    async def generator() -> AsyncIterator[Record]:
        async for message in messages:
            yield message

    return generator()


async def a_generator_closed(messages: AsyncConsumer) -> None:
    generator: Any = generate(messages)
    await anext(generator)
    await generator.aclose()


async def a_generator_dropped(messages: AsyncConsumer) -> None:
    await anext(generate(messages))
    gc.collect()
    for _ in range(5):  # the event loop closes it in a task of its own
        await asyncio.sleep(0)


async def a_generator_thrown_into(messages: AsyncConsumer) -> None:
    generator: Any = generate(messages)
    await anext(generator)
    await generator.athrow(ValueError())


async def a_coroutine_closed(messages: AsyncConsumer) -> None:
    async def run() -> None:
        async for _ in messages:
            await asyncio.sleep(0)
            await forever()

    coroutine = run()
    for _ in range(2):
        coroutine.send(None)
    coroutine.close()


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


LEFT: list[tuple[Body, str]] = [
    *((made, expected) for body, expected in bodies.LEFT if (made := asynchronous(body)) is not None),
    (raised_by_what_is_awaited, FAILED),
    (raised_by_what_is_awaited_and_handled_around, FAILED),
    (handled_after_awaiting, DONE),
    (left_after_awaiting, DONE),
    (a_generator_thrown_into, FAILED if EXACT else ABANDONED),
    *((body, ABANDONED) for body in (a_generator_closed, a_generator_dropped, a_coroutine_closed)),
]


async def ignored(coroutine: Coroutine[Any, Any, object]) -> None:
    with suppress(ValueError):
        await coroutine
