"""Hooks are called once a span, with the message as the library's own users know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivers.base import Message, Shape
from support.spans import ids

from otel_eda import Hooks, suite

if TYPE_CHECKING:
    import pytest
    from drivers.base import Driver
    from support.bus import Bus
    from support.recorder import Recorder


def test_hooks_are_called(
    bus: Bus, recorder: Recorder, driver: Driver, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, Any]] = []
    processed: list[tuple[Any, Any]] = []
    hooks = Hooks(lambda *about: sent.append(about), lambda *about: processed.append(about))
    monkeypatch.setattr(suite.LIBRARIES[driver.library], "hooks", hooks)
    bus.send(Message(b"first"), Message(b"second"))
    bus.received(shape, 2)
    assert [ids(span) for span, _ in sent] == [ids(span) for span in recorder.sends(2)]
    assert [ids(span) for span, _ in processed] == [ids(span) for span in recorder.processes(2)]
    assert any(b"first" in _texts(part) for part in sent[0][1].values())
    assert b"first" in _texts(processed[0][1])


def _texts(part: Any, depth: int = 2) -> list[bytes]:
    """Give every body in what a hook was told: the value itself, an attribute or method of it, or one of its parts."""
    if isinstance(part, (bytes, bytearray)):
        return [bytes(part)]
    if isinstance(part, (list, tuple)):
        return [text for one in part for text in _texts(one, depth)]
    value = getattr(part, "value", getattr(part, "body", None)) if depth else None
    return _texts(value() if callable(value) else value, depth - 1) if value is not None else []
