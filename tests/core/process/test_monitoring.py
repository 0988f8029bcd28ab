"""`sys.monitoring` is used from the first loop on, by a tool that nobody else has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from core.common import ABANDONED, DONE, FAILED, iterated, outcome
from core.process.bodies import run
from core.process.bodies.done import break_, to_the_end
from core.process.bodies.failing import a_generator_closed, raised
from otel_eda.core.process import unwinding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from support.recorder import Recorder

    from core.tinyqueue import Queue, Record

    Messages = Iterable[Record]
    Body = Callable[[Messages], object]

if sys.version_info >= (3, 12):
    monitoring = sys.monitoring
    OURS = "otel_eda"

    def tools() -> list[str | None]:
        return [monitoring.get_tool(tool) for tool in range(6)]

    @pytest.fixture
    def taken(request: pytest.FixtureRequest) -> Iterator[None]:
        """Have somebody else hold these tool ids."""
        unwinding.stop_monitoring()
        free = [tool for tool in request.param if monitoring.get_tool(tool) is None]
        for tool in free:
            monitoring.use_tool_id(tool, "somebody else")
        yield
        for tool in free:
            monitoring.free_tool_id(tool)

    def test_a_tool_is_taken_at_the_first_loop_and_given_back(library: Any, queue: Queue) -> None:
        from support.recorder import recording

        unwinding.stop_monitoring()
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
        unwinding.stop_monitoring()
        before = tools()
        unwinding.stop_monitoring()
        assert tools() == before
