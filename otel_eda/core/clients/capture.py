"""What of a message's content is recorded: nothing, but for what was asked for; and what it may tell us to do."""

from __future__ import annotations

import hashlib
import hmac
import os
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core import propagation

if TYPE_CHECKING:
    from otel_eda.config import Config
    from otel_eda.core.message import Message


MAX_LENGTH = 256  # characters of a key or header


MAX_HEADERS_RECORDED = 64  # that are recorded of one message


_DIGITS = 32  # of a hash: half of its 256 bits


_own_secret = os.urandom(32)


def content(message: Message) -> dict[str, Any]:
    """Give the attributes of a message's content that the settings ask for."""
    settings = config()
    made: dict[str, Any] = {}
    if settings.capture_key != "off" and message.key is not None:
        text = _text(message.key)
        if text is not None:
            plain = settings.capture_key == "plain"
            made |= {semconv.MESSAGE_KEY: text[:MAX_LENGTH]} if plain else {semconv.KEY_HASH: hashed(text)}
    if settings.capture_body_size and message.size is not None:
        made[semconv.BODY_SIZE] = message.size
    if settings.capture_headers and message.headers:
        made |= _headers(message, settings)
    return made


def _headers(message: Message, settings: Config) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, value in propagation.pairs(message.headers):
        known, text = _text(name), _text(value)
        if known is None or text is None or len(known) > MAX_LENGTH or len(made) == MAX_HEADERS_RECORDED:
            continue
        if _recorded(known.lower(), settings):
            made[semconv.HEADER + known.lower()] = text[:MAX_LENGTH]
    return made


@lru_cache(4096)
def _recorded(name: str, settings: Config) -> bool:
    return _any(name, settings.capture_headers) and not _any(name, settings.deny_headers)


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _text(value: object) -> str | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else None


def hashed(text: str) -> str:
    """Give a keyed hash: the same in all processes that have the same `OTEL_EDA_HASH_KEY`, else in this one alone."""
    secret = config().hash_key.encode() or _own_secret
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_DIGITS]
