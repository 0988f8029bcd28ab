"""What fails is told by the library's own names of its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zmq
from support.spans import attribute, exceptions, failed

if TYPE_CHECKING:
    from support.recorder import Recorder

    from .conftest import Sockets


def test_an_error_without_a_class_of_its_own_is_told_by_its_name(sockets: Sockets, recorder: Recorder) -> None:
    socket = sockets(zmq.REQ)
    with pytest.raises(zmq.ZMQError):
        socket.recv(zmq.NOBLOCK)  # nothing was asked yet
    (receive,) = recorder.receives(1)
    assert (failed(receive), attribute(receive, "error.type")) == (True, "EFSM")
    assert [kind for kind, _ in exceptions(receive)] == ["zmq.error.ZMQError"]
