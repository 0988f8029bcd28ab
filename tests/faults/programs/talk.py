"""How these programs talk with the test that runs them: lines out, and a line in to go on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from kafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE = 60.0


def say(line: str) -> None:
    """Write a line."""
    print(line, flush=True)


def wait(line: str) -> None:
    """Write a line, and wait until the test lets us go on."""
    say(line)
    sys.stdin.readline()


def outcomes(futures: Iterable[Any]) -> str:
    """Wait for what became of each send: its offset, or the error's class."""
    return json.dumps([_outcome(future) for future in futures])


def _outcome(future: Any) -> object:
    try:
        return future.get(PATIENCE).offset
    except KafkaError as error:
        return type(error).__name__
