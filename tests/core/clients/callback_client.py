"""A client that tells by callbacks, keeps no configuration and takes no attributes, as those made in C do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.spans import current

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


__version__ = "1.0"
HERE = __name__


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
    """Return the library anew, off."""
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


def use(monkeypatch: pytest.MonkeyPatch) -> Library:
    """Have the suite know this library and no other, and return it."""
    library = made()
    monkeypatch.setattr(suite, "LIBRARIES", {library.name: library})
    monkeypatch.setattr(suite, "NAMES", (library.name,))
    return library


class Heard:
    """A callback that keeps what it was called with, and in which span."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.spans: list[tuple[int, int]] = []

    def __call__(self, *told: Any) -> None:
        self.told.append(told)
        self.spans.append(current())
