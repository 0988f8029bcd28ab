"""Clients that tell by callbacks, keep no configuration and take no attributes, as those made in C do."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from support.recorder import Recorder, recording
from support.spans import attribute, failed, ids

from otel_eda import suite
from otel_eda.core import (
    AssignmentChange,
    Close,
    CommitCallback,
    Construct,
    DeliveryCallback,
    Identity,
    Library,
    Listen,
    Message,
    Send,
    SendBatch,
    Settle,
)
from otel_eda.core.clients.instances import existing_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__version__ = "1.0"
HERE = __name__
ERROR = "error.type"
CASES = "eda.commits"


class Client:
    """Sends, commits, and answers when it is asked to; it has neither attributes nor weak references."""

    __slots__ = ("_callback", "_commit", "_commits", "_listener", "_sent")

    def __init__(self, callback: Any = None, on_commit: Any = None) -> None:
        self._callback = callback
        self._commit = on_commit
        self._sent: list[tuple[Any, Any]] = []
        self._commits: list[dict[tuple[str, str], int]] = []
        self._listener: Any = None

    def send(self, topic: str, callback: Any = None, alias: Any = None, headers: Any = None) -> None:
        if not topic:
            raise ValueError("which topic?")
        self._sent.append((callback or alias or self._callback, headers))

    def send_all(self, topic: str, messages: list[dict[str, Any]], callback: Any = None) -> int:
        if not topic:
            raise ValueError("which topic?")
        good = [message for message in messages if not message.get("bad")]
        for message in messages:
            if message.get("bad"):
                message["error"] = "bad"
        self._sent += [(message.get("callback") or callback or self._callback, None) for message in good]
        return len(good)

    def commit(self, offsets: dict[tuple[str, str], int] | None = None) -> None:
        self._commits.append(offsets or {("orders", "0"): 1})

    def subscribe(self, gained: Any = None, lost: Any = None) -> None:
        self._listener = gained, lost

    def answer(self, error: str | None = None) -> None:
        while self._sent:
            callback, _ = self._sent.pop(0)
            if callback is not None:
                callback(error, None)

    def answer_commits(self, error: str | None = None, *more: dict[tuple[str, str], int]) -> None:
        for offsets in (*self._commits, *more):
            if self._commit is not None:
                self._commit(error, offsets)
        self._commits.clear()

    def close(self) -> None:
        """Close, whatever is unanswered."""


def identify(*_: Any, callback: Any = None, **__: Any) -> Identity:
    return Identity("made", callback=callback)


def unknown(_: Any) -> Identity:
    return Identity(callback=...)


def outgoing(_: Any, topic: str, headers: Any) -> Message:
    return Message(topic, headers=headers)


def put(headers: Any, more: Mapping[str, str]) -> Any:
    return {**(headers or {}), **more}


def failure(error: str) -> BaseException:
    return RuntimeError(error)


def refused(message: dict[str, Any], copy: dict[str, Any]) -> BaseException | None:
    if "error" in copy:
        message["error"] = copy["error"]
        return failure(copy["error"])
    return None


def committed(error: str | None, offsets: Any) -> tuple[Any, BaseException | None]:
    return offsets, None if error is None else failure(error)


def made() -> Library:
    return Library(
        name="callbacks",
        system="callbacks",
        package=HERE,
        distribution="callbacks",
        supported=((1,), (2,)),
        identify=unknown,
        signatures={
            "Client.send": "(self, topic, callback=..., alias=..., headers=None)",
            "Client.send_all": "(self, topic, messages, callback=...)",
            "Client.subscribe": "(self, gained=..., lost=...)",
        },
        shapes=(
            Construct(
                f"{HERE}:Client.__init__",
                identify,
                CommitCallback("on_commit", lambda *_, on_commit=None, **__: on_commit, committed),
            ),
            Send(
                f"{HERE}:Client.send",
                ("topic", "headers"),
                outgoing,
                put,
                DeliveryCallback(("callback", "alias"), failure),
                lambda _: lambda _: None,
            ),
            SendBatch(
                f"{HERE}:Client.send_all",
                ("topic", "messages"),
                "messages",
                ("callback",),
                lambda _, topic, __: Message(topic),
                lambda message: message.get("callback"),
                lambda message, callback: {**message, "callback": callback},
                refused,
                failure,
            ),
            Settle(f"{HERE}:Client.commit", ("offsets",), lambda _, offsets: offsets or {}),
            Listen(
                f"{HERE}:Client.subscribe",
                {"gained": AssignmentChange.ADD, "lost": AssignmentChange.REMOVE},
                ("gained",),
                lambda number: [("orders", number)],
            ),
            Close(f"{HERE}:Client.close"),
        ),
    )


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = made()
    monkeypatch.setattr(suite, "LIBRARIES", {library.name: library})
    monkeypatch.setattr(suite, "NAMES", (library.name,))
    return library


@pytest.fixture
def recorder(library: Library) -> Iterator[Recorder]:
    with recording() as made:
        yield made


class Heard:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.spans: list[tuple[int, int]] = []

    def __call__(self, *told: Any) -> None:
        self.told.append(told)
        found = trace.get_current_span().get_span_context()
        self.spans.append((found.trace_id, found.span_id))


@pytest.mark.parametrize(
    "call",
    [
        lambda client, heard: client.send("orders", heard),
        lambda client, heard: client.send("orders", callback=heard),
        lambda client, heard: client.send("orders", alias=heard),
        lambda client, heard: client.send("orders", heard, None),
    ],
)
def test_an_answer_ends_the_send_and_is_passed_on(recorder: Recorder, call: Callable[[Client, Heard], None]) -> None:
    client, heard = Client(), Heard()
    with recorder.tracer.start_as_current_span("ambient"):
        call(client, heard)
    assert len(recorder.open("send")) == 1
    client.answer()
    assert heard.told == [(None, None)]
    assert heard.spans == [ids(recorder.own("ambient")[0])]
    assert not failed(recorder.sends(1)[0])


def test_an_error_is_the_sends(recorder: Recorder) -> None:
    client = Client()
    client.send("orders")
    client.answer("refused")
    [send] = recorder.sends(1)
    assert (failed(send), attribute(send, ERROR)) == (True, "RuntimeError")


def test_the_clients_own_callback_is_called_where_a_call_names_none(recorder: Recorder) -> None:
    heard = Heard()
    client = Client(callback=heard)
    client.send("orders")
    client.send("orders", None)
    client.answer()
    assert heard.told == [(None, None)] * 2
    recorder.sends(2)


def test_a_callback_that_is_not_known_is_left_alone() -> None:
    heard = Heard()
    client = Client(callback=heard)
    with recording() as recorder:
        client.send("orders")
        recorder.sends(1)  # at the call
        client.answer()
    assert len(heard.told) == 1


def test_an_answer_that_never_comes_is_unresolved_at_close(recorder: Recorder) -> None:
    client = Client()
    client.send("orders")
    client.close()
    assert attribute(recorder.sends(1)[0], ERROR) == "eda.unresolved"
    client.answer()
    recorder.sends(1)


def test_a_callback_that_is_dropped_without_a_call_ends_the_send(recorder: Recorder) -> None:
    client = Client()
    client.send("orders")
    client._sent.clear()
    gc.collect()
    assert not failed(recorder.sends(1)[0])


def test_a_call_that_raises_has_failed_once(recorder: Recorder) -> None:
    client = Client()
    for call in (lambda: client.send(""), lambda: client.send_all("", [{}])):
        with pytest.raises(ValueError, match="which"):
            call()
    gc.collect()
    assert [attribute(span, ERROR) for span in recorder.sends(2)] == ["ValueError"] * 2


def test_several_messages_have_one_span_to_the_last_answer(recorder: Recorder) -> None:
    usual, own, client = Heard(), Heard(), Client()
    messages: list[dict[str, Any]] = [{"a": 1}, {"callback": own}, {"bad": True}]
    assert client.send_all("orders", messages, usual) == 2
    assert messages == [{"a": 1}, {"callback": own}, {"bad": True, "error": "bad"}]
    assert len(recorder.open("send")) == 1
    client.answer()
    assert (len(usual.told), len(own.told)) == (1, 1)
    [send] = recorder.sends(1)
    assert (send.kind, attribute(send, "messaging.batch.message_count")) == (SpanKind.CLIENT, 3)
    assert attribute(send, ERROR) == "RuntimeError"
    recorder.counted("messaging.client.sent.messages", 3)


def test_the_answer_to_a_commit_ends_the_first_that_waits_for_it(recorder: Recorder) -> None:
    client = Client()
    client.commit({("orders", "0"): 5})
    client.commit()
    assert len(recorder.open("settle")) == 2
    client.answer_commits(None, {("orders", "0"): 9})
    first, second = recorder.settles(2)
    assert [attribute(span, "eda.commit.offset") for span in (first, second)] == [5, 1]
    automatic = [(point.attributes or {}).get("eda.commit.automatic") for point in recorder.points(CASES)]
    assert sorted(map(bool, automatic)) == [False, True]


def test_the_applications_own_callback_for_commits_is_called(recorder: Recorder) -> None:
    heard = Heard()
    client = Client(on_commit=heard)
    client.commit()
    client.answer_commits("refused")
    assert heard.told == [("refused", {("orders", "0"): 1})]
    assert attribute(recorder.settles(1)[0], ERROR) == "RuntimeError"


def test_a_commit_nobody_answers_is_unresolved(recorder: Recorder) -> None:
    client = Client()
    client.commit()
    client.close()
    assert attribute(recorder.settles(1)[0], ERROR) == "eda.unresolved"


@pytest.mark.parametrize("own", [False, True])
def test_what_callbacks_are_told_is_known(recorder: Recorder, own: bool) -> None:
    client, heard = Client(), Heard()
    client.subscribe(heard, lost=heard) if own else client.subscribe()
    gained, lost = client._listener
    gained(1)
    if own:
        gained(2)
        lost(2)
    kept = existing_client(client)
    assert kept is not None
    assert kept.assignment.partitions == {("orders", "1")}
    assert kept.assignment_count == (3 if own else 1)
    assert heard.told == ([(1,), (2,), (2,)] if own else [])


def test_another_client_in_the_place_of_one_has_its_own_state(recorder: Recorder) -> None:
    seen = set()
    for _ in range(50):
        client = Client()
        kept = existing_client(client)
        assert kept is not None
        assert not kept.assignment_count
        kept.record_reassignment()
        seen.add(id(kept))
        del client, kept
    assert seen


def test_switched_off_nothing_is_known_of_a_client() -> None:
    with recording():
        client = Client()
        assert existing_client(client) is not None
    assert existing_client(client) is None
