"""What only blinker has: senders, temporary connections, wrappers, muting, signals about signals."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import blinker
import pytest
from support.spans import attribute, failed, ids, parent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder


@pytest.fixture
def paid() -> blinker.NamedSignal:
    return blinker.Namespace().signal("paid")


class Shop:
    """A sender."""


def names(spans: list[ReadableSpan]) -> list[str]:
    return [
        f"{span.name} {str(attribute(span, 'code.function.name') or '').rpartition('.')[2]}".strip() for span in spans
    ]


def test_receivers_of_a_sender_and_of_any_are_seen_as_they_are_called(
    paid: blinker.NamedSignal, recorder: Recorder
) -> None:
    shop, other = Shop(), Shop()

    @paid.connect_via(shop)
    def of_shop(sender: Any) -> None: ...

    @paid.connect_via(blinker.ANY)
    def of_any(sender: Any) -> None: ...

    assert {receiver for receiver, _ in paid.send(shop)} == {of_shop, of_any}
    assert [receiver for receiver, _ in paid.send(other)] == [of_any]
    assert sorted(names(recorder.ours())) == sorted(
        ["send paid", "process paid of_shop", "process paid of_any", "send paid", "process paid of_any"]
    )
    assert list(paid.receivers_for(other)) == [of_any]
    assert paid.has_receivers_for(shop)


def test_a_temporary_connection_ends(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    def receiver(sender: Any) -> int:
        return 1

    with paid.connected_to(receiver):
        assert paid.send() == [(receiver, 1)]
    assert paid.send() == []
    assert names(recorder.ours()) == ["send paid", "process paid receiver"]
    assert recorder.count("eda.unhandled.events") == 1


def test_a_method_dies_with_its_object(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    class Till:
        def pay(self, sender: Any) -> None: ...

    till = Till()
    paid.connect(till.pay)
    paid.send()
    known = weakref.ref(till)
    del till
    gc.collect()
    assert known() is None
    assert paid.send() == []
    assert names(recorder.ours()) == ["send paid", "process paid pay"]


def test_wrappers_get_the_applications_own_functions(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    wrapped: list[Any] = []

    async def later(sender: Any) -> int:
        await asyncio.sleep(0)
        return 1

    def now(sender: Any) -> int:
        return 2

    def run(function: Any) -> Any:
        wrapped.append(function)
        return lambda *args, **kwargs: asyncio.run(function(*args, **kwargs))

    def in_thread(function: Any) -> Any:
        wrapped.append(function)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(function, *args, **kwargs)

        return call

    with paid.connected_to(later):
        assert [result for _, result in paid.send(_async_wrapper=run)] == [1]
    with paid.connected_to(now):
        assert [result for _, result in asyncio.run(paid.send_async(_sync_wrapper=in_thread))] == [2]
    assert wrapped == [later, now]
    assert names(recorder.ours()) == ["send paid", "process paid later", "send paid", "process paid now"]


def test_a_receiver_of_the_wrong_kind_fails_as_ever(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    async def later(sender: Any) -> None: ...

    paid.connect(later)
    with pytest.raises(RuntimeError, match="coroutine function"):
        paid.send()
    assert [failed(span) for span in recorder.ours()] == [True, True]


def test_a_muted_signal_is_not_unhandled(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    with paid.muted():
        assert paid.send() == []
    assert recorder.ours() == []
    assert recorder.count("eda.unhandled.events") == 0


def test_the_receivers_after_one_that_fails_are_not_called(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    called: list[int] = []

    def fail(sender: Any) -> None:
        called.append(1)
        raise KeyError(sender)

    def other(sender: Any) -> None:
        called.append(1)
        raise KeyError(sender)

    paid.connect(fail)
    paid.connect(other)
    with pytest.raises(KeyError) as caught:
        paid.send(7)
    assert caught.value.args == (7,)
    assert len(called) == 1
    dispatch, received = recorder.ours()
    assert parent(received) == ids(dispatch)
    assert [str(attribute(span, "error.type")) for span in (dispatch, received)] == ["KeyError", "KeyError"]
    assert [len(span.events) for span in (dispatch, received)] == [0, 1]


def test_who_asks_for_receivers_gets_them_alone(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    def receiver(sender: Any) -> list[Any]:
        return list(paid.receivers_for(sender))

    paid.connect(receiver)
    assert paid.send() == [(receiver, [receiver])]
    assert list(paid.receivers_for(None)) == [receiver]
    assert names(recorder.ours()) == ["send paid", "process paid receiver"]


def test_a_signal_sent_from_its_own_receiver_is_below_it(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    def receiver(sender: int) -> object:
        return sender and paid.send(sender - 1)

    paid.connect(receiver)
    paid.send(2)
    spans = recorder.ours()
    assert [span.name for span in spans] == ["send paid", "process paid"] * 3
    assert [parent(span) for span in spans[1:]] == [ids(span) for span in spans[:-1]]


def test_signals_about_connections_are_signals(paid: blinker.NamedSignal, recorder: Recorder) -> None:
    connected: list[Any] = []

    def note(signal: Any, receiver: Any, **_: Any) -> None:
        connected.append(receiver)

    def receiver(sender: Any) -> None: ...

    paid.receiver_connected.connect(note)
    paid.connect(receiver)
    assert connected == [receiver]
    assert names(recorder.ours()) == ["send Signal", "process Signal note"]


def test_subclasses_are_covered(recorder: Recorder) -> None:
    class Loud(blinker.Signal):
        def send(self, *args: Any, **kwargs: Any) -> Any:
            return super().send(*args, **kwargs)

        def receivers_for(self, sender: Any) -> Any:
            yield from super().receivers_for(sender)

    def receiver(sender: Any) -> int:
        return 1

    signal = Loud()
    signal.connect(receiver)
    assert signal.send() == [(receiver, 1)]
    assert names(recorder.ours()) == ["send Loud", "process Loud receiver"]
