"""What of a message's content is recorded: nothing, but for what was asked for."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Any

from otel_eda.config import config

from . import keys

if TYPE_CHECKING:
    from .message import Message

LENGTH = 256  # characters of a key or header
_DIGITS = 32  # of a hash: half of its 256 bits
_own_secret = os.urandom(32)


def content(message: Message) -> dict[str, Any]:
    """Give the attributes of a message's content that the settings ask for."""
    made: dict[str, Any] = {}
    how = config().capture_key
    if how != "off" and message.key is not None:
        text = _text(message.key)
        if text is not None:
            made |= {keys.MESSAGE_KEY: text[:LENGTH]} if how == "plain" else {keys.KEY_HASH: hashed(text)}
    return made


def _text(value: object) -> str | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else None


def hashed(text: str) -> str:
    """Give a keyed hash: the same in all processes that have the same `OTEL_EDA_HASH_KEY`, else in this one alone."""
    secret = config().hash_key.encode() or _own_secret
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_DIGITS]
