"""How the body of a loop was left is recorded exactly from Python 3.12 on, honestly before, the same for every loop."""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import exceptions

from core.common import ABANDONED, DONE, EXACT, FAILED, iterated, outcome, polled
from core.process.bodies import LEFT, run
from core.process.bodies.done import complain
from core.process.bodies.failing import raised, raised_beneath
from otel_eda.core.process import unwinding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.recorder import Recorder

    from core.tinyqueue import Queue, Record

    Messages = Iterable[Record]
    Body = Callable[[Messages], object]


@pytest.mark.parametrize("source", [iterated, polled])
@pytest.mark.parametrize(("body", "expected"), LEFT, ids=lambda value: getattr(value, "__name__", None))
def test_how_a_body_was_left_is_recorded(
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
def test_an_exception_past_an_iterator_that_is_kept_is_recorded(
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


def test_no_frame_is_watched_when_loops_are_over(queue: Queue, recorder: Recorder) -> None:
    for body, _ in LEFT:
        run(body, iterated(queue))
        run(body, polled(queue))
    gc.collect()
    assert unwinding._watches_by_frame == {}
