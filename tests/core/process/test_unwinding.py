"""How the body of a loop was left is told exactly from Python 3.12 on, honestly before, and the same for every loop."""

# ruff: noqa: PERF203  # bodies that handle exceptions are what this is about
from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, exceptions, failed

from core.tinyqueue import Consumer, Queue, Record
from otel_eda.core.process import unwinding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

    Messages = Iterable[Record]
    Body = Callable[[Messages], object]

EXACT = sys.version_info >= (3, 12)
DONE, ABANDONED = "done", "abandoned"
FAILED = "ValueError" if EXACT else "_OTHER"


@contextmanager
def entered() -> Iterator[None]:
    yield


def complain() -> None:
    raise ValueError


def to_the_end(messages: Messages) -> None:
    for _ in messages:
        pass


def to_the_end_with_an_else(messages: Messages) -> str:
    for _ in messages:
        continue
    else:  # noqa: PLW0120
        return "end"


def break_(messages: Messages) -> None:
    for _ in messages:
        break


def break_in_a_condition(messages: Messages) -> None:
    for message in messages:
        if message.offset == 0:
            break
    else:
        raise AssertionError


def return_(messages: Messages) -> Record | None:
    for message in messages:
        return message
    return None


def return_a_constant(messages: Messages) -> int:
    for _ in messages:
        return 1
    return 2


def return_a_call(messages: Messages) -> str | None:
    for message in messages:
        return str(message.value)
    return None


def break_in_try_finally(messages: Messages) -> list[int]:
    done: list[int] = []
    for message in messages:
        try:
            if message.offset == 0:
                break
        finally:
            done.append(1)
    return done


def break_in_try_except(messages: Messages) -> None:
    for _ in messages:
        try:
            break
        except ValueError:
            raise


def break_out_of_with(messages: Messages) -> None:
    for _ in messages:
        with entered():
            break


def return_out_of_with(messages: Messages) -> int:
    for _ in messages:
        with entered():
            return 1
    return 2


def return_in_try_finally(messages: Messages) -> list[int] | None:
    done: list[int] = []
    for _ in messages:
        try:
            return done
        finally:
            done.append(1)
    return None


def break_in_a_loop_within(messages: Messages) -> None:
    for _ in messages:
        for number in (1, 2):
            if number:
                break


def return_in_a_loop_within(messages: Messages) -> int:
    for _ in messages:
        for number in (1, 2):
            if number:
                return number
    return 0


def handled_and_on(messages: Messages) -> None:
    for _ in messages:
        try:
            complain()
        except ValueError:
            continue


def handled_and_break(messages: Messages) -> None:
    for _ in messages:
        try:
            complain()
        except ValueError:
            break


def handled_and_return(messages: Messages) -> int:
    for _ in messages:
        try:
            complain()
        except ValueError as error:
            return len(error.args)
    return 1


def suppressed_and_break(messages: Messages) -> None:
    for _ in messages:
        with suppress(ValueError):
            complain()
        break


def handled_deep_within(messages: Messages) -> None:
    def harmless() -> None:
        with suppress(ValueError):
            complain()

    for _ in messages:
        harmless()
        break


def raised(messages: Messages) -> None:
    for _ in messages:
        raise ValueError


def raised_beneath(messages: Messages) -> None:
    for _ in messages:
        complain()


def raised_and_handled_around(messages: Messages) -> None:
    try:
        for _ in messages:
            complain()
    except ValueError:
        return


def raised_and_suppressed_around(messages: Messages) -> None:
    with suppress(ValueError):
        for _ in messages:
            complain()


def raised_in_with(messages: Messages) -> None:
    for _ in messages:
        with entered():
            complain()


def raised_in_try_finally(messages: Messages) -> None:
    done = []
    for _ in messages:
        try:
            complain()
        finally:
            done.append(1)


def raised_again(messages: Messages) -> None:
    for _ in messages:
        try:
            complain()
        except ValueError:
            raise


def raised_while_another_is_handled(messages: Messages) -> None:
    for _ in messages:
        try:
            raise KeyError
        except KeyError:
            complain()


def raised_in_a_loop_within(messages: Messages) -> None:
    for _ in messages:
        for number in (1, 2):
            int("no number" * number)


def raised_in_a_coroutine(messages: Messages) -> None:
    async def run() -> None:
        for _ in messages:
            await asyncio.sleep(0)
            complain()

    asyncio.run(run())


def a_generator_closed(messages: Messages) -> None:
    def generate() -> Iterator[Record]:
        for message in messages:  # noqa: UP028
            yield message

    generator = generate()
    next(generator)
    generator.close()  # type: ignore[attr-defined]


def a_generator_dropped(messages: Messages) -> None:
    def generate() -> Iterator[Record]:
        for message in messages:  # noqa: UP028
            yield message

    next(generate())
    gc.collect()


def a_generator_thrown_into(messages: Messages) -> None:
    def generate() -> Iterator[Record]:
        for message in messages:  # noqa: UP028
            yield message

    generator: Any = generate()
    next(generator)
    generator.throw(ValueError())


def a_coroutine_closed(messages: Messages) -> None:
    async def run() -> None:
        for _ in messages:
            await asyncio.sleep(0)

    coroutine = run()
    coroutine.send(None)
    coroutine.close()


# What the last message's span says; those before it are always done.
LEFT: list[tuple[Body, str]] = [
    *(
        (body, DONE)
        for body in (
            to_the_end,
            to_the_end_with_an_else,
            break_,
            break_in_a_condition,
            return_,
            return_a_constant,
            return_a_call,
            break_in_try_finally,
            break_in_try_except,
            break_out_of_with,
            return_out_of_with,
            return_in_try_finally,
            break_in_a_loop_within,
            return_in_a_loop_within,
            handled_and_on,
            handled_and_break,
            handled_and_return,
            suppressed_and_break,
            handled_deep_within,
        )
    ),
    *(
        (body, FAILED)
        for body in (
            raised,
            raised_beneath,
            raised_and_handled_around,
            raised_and_suppressed_around,
            raised_in_with,
            raised_in_try_finally,
            raised_again,
            raised_while_another_is_handled,
            raised_in_a_loop_within,
            raised_in_a_coroutine,
        )
    ),
    (a_generator_thrown_into, FAILED if EXACT else ABANDONED),
    *((body, ABANDONED) for body in (a_generator_closed, a_generator_dropped, a_coroutine_closed)),
]


def iterated(queue: Queue) -> Messages:
    return Consumer(queue, "orders")


def polled(queue: Queue) -> Messages:
    return Consumer(queue, "orders").poll()["orders"]


def outcome(span: ReadableSpan) -> object:
    """Tell how a body was left, as its span says."""
    error, abandoned = attribute(span, "error.type"), attribute(span, "eda.process.abandoned")
    assert failed(span) is (error is not None)
    return error or (ABANDONED if abandoned else DONE)


def run(body: Body, messages: Messages) -> None:
    with suppress(ValueError):
        body(messages)


@pytest.mark.parametrize("source", [iterated, polled])
@pytest.mark.parametrize(("body", "expected"), LEFT, ids=lambda value: getattr(value, "__name__", None))
def test_how_a_body_was_left_is_told(
    source: Callable[[Queue], Messages], body: Body, expected: str, queue: Queue, recorder: Recorder
) -> None:
    run(body, source(queue))
    assert not recorder.open()
    *before, last = [outcome(span) for span in recorder.ours() if span.name == "process orders"]
    assert (set(before) <= {DONE}, last) == (True, expected)


@pytest.mark.skipif(not EXACT, reason="sys.monitoring is new in Python 3.12")
@pytest.mark.parametrize("source", [iterated, polled])
def test_the_very_exception_is_recorded(source: Callable[[Queue], Messages], queue: Queue, recorder: Recorder) -> None:
    def fail() -> None:
        for message in source(queue):
            with suppress(KeyError):
                raise KeyError
            raise ValueError(f"this one: {message.value}")

    with pytest.raises(ValueError, match="this one"):
        fail()
    (span,) = recorder.processes(1)
    assert exceptions(span) == [("ValueError", "this one: 1")]
    (event,) = span.events
    assert __file__ in str((event.attributes or {})["exception.stacktrace"])


@pytest.mark.skipif(EXACT, reason="from Python 3.12 on it is known")
def test_before_that_it_is_not_invented(queue: Queue, recorder: Recorder) -> None:
    run(raised, iterated(queue))
    (span,) = recorder.processes(1)
    assert (exceptions(span), bool(span.status.description)) == ([], True)


@pytest.mark.parametrize("source", [iterated, polled])
def test_an_iterator_kept_beyond_its_loop_is_never_a_success_unless_known(
    source: Callable[[Queue], Messages], queue: Queue, recorder: Recorder
) -> None:
    def keep() -> None:
        kept = iter(source(queue))
        for _ in kept:
            break
        assert len(recorder.open("process")) == 1  # the loop may be gone on with

    keep()
    (span,) = recorder.processes(1)
    assert outcome(span) == (DONE if EXACT else ABANDONED)


@pytest.mark.parametrize("source", [iterated, polled])
def test_an_exception_past_an_iterator_that_is_kept_is_told(
    source: Callable[[Queue], Messages], queue: Queue, recorder: Recorder
) -> None:
    def fail() -> None:
        kept = iter(source(queue))
        for _ in kept:
            complain()

    with suppress(ValueError):
        fail()
    gc.collect()
    (span,) = recorder.processes(1)
    assert outcome(span) == (FAILED if EXACT else ABANDONED)


def test_an_exception_that_is_kept_ends_the_span_while_it_still_holds_the_frame(
    queue: Queue, recorder: Recorder
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        raised_beneath(iterated(queue))
    (span,) = recorder.processes(1)
    assert outcome(span) == FAILED
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("source", [iterated, polled])
def test_a_comprehension_is_a_loop(source: Callable[[Queue], Messages], queue: Queue, recorder: Recorder) -> None:
    assert [message.value for message in source(queue)] == [1, 2, 3]
    assert {outcome(span) for span in recorder.processes(3)} == {DONE}


@pytest.mark.parametrize("source", [iterated, polled])
def test_a_generator_expression_is_a_loop(
    source: Callable[[Queue], Messages], queue: Queue, recorder: Recorder
) -> None:
    assert sum(int(str(message.value)) for message in source(queue)) == 6
    assert {outcome(span) for span in recorder.processes(3)} == {DONE}


@pytest.mark.parametrize("copy", [list, tuple, lambda messages: [*messages]])
@pytest.mark.parametrize("source", [iterated, polled])
def test_a_copy_runs_nobodys_code(
    source: Callable[[Queue], Messages], copy: Callable[[Messages], Any], queue: Queue, recorder: Recorder
) -> None:
    assert [message.value for message in copy(source(queue))] == [1, 2, 3]
    recorder.processes(0)


def test_nothing_is_followed_any_more_when_loops_are_over(queue: Queue, recorder: Recorder) -> None:
    for body, _ in LEFT:
        run(body, iterated(queue))
        run(body, polled(queue))
    gc.collect()
    assert unwinding._watches_by_frame == {}


if sys.version_info >= (3, 12):
    monitoring = sys.monitoring
    OURS = "otel_eda"

    def tools() -> list[str | None]:
        return [monitoring.get_tool(tool) for tool in range(6)]

    @pytest.fixture
    def taken(request: pytest.FixtureRequest) -> Iterator[None]:
        """Have somebody else hold these tool ids."""
        unwinding.stop()
        free = [tool for tool in request.param if monitoring.get_tool(tool) is None]
        for tool in free:
            monitoring.use_tool_id(tool, "somebody else")
        yield
        for tool in free:
            monitoring.free_tool_id(tool)

    def test_a_tool_is_taken_at_the_first_loop_and_given_back(library: Any, queue: Queue) -> None:
        from support.recorder import recording

        unwinding.stop()
        with recording():
            assert OURS not in tools()
            to_the_end(iterated(queue))
            assert tools().count(OURS) == 1
        assert OURS not in tools()
        with recording() as again:
            run(raised, iterated(queue))
            assert outcome(*again.processes(1)) == FAILED
        assert OURS not in tools()

    @pytest.mark.parametrize("taken", [(4,), (3,)], indirect=True)
    def test_the_other_tool_is_taken_where_one_is(taken: None, queue: Queue, recorder: Recorder) -> None:
        run(raised, iterated(queue))
        assert outcome(*recorder.processes(1)) == FAILED

    @pytest.mark.parametrize("taken", [(3, 4)], indirect=True)
    @pytest.mark.parametrize(
        ("body", "expected"), [(to_the_end, DONE), (break_, DONE), (raised, "_OTHER"), (a_generator_closed, ABANDONED)]
    )
    def test_where_both_are_taken_it_is_as_before(
        taken: None, body: Body, expected: str, queue: Queue, recorder: Recorder
    ) -> None:
        run(body, iterated(queue))
        assert OURS not in tools()
        assert outcome(recorder.ours()[-1]) == expected

    def test_giving_back_what_was_never_taken_does_nothing() -> None:
        unwinding.stop()
        before = tools()
        unwinding.stop()
        assert tools() == before
