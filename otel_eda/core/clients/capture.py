"""What of a message's content is recorded: nothing, but for what was asked for; and what it may tell us to do."""

from __future__ import annotations

import hashlib
import hmac
import os
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core import propagation

if TYPE_CHECKING:
    from otel_eda.config import Config
    from otel_eda.core.message import Message


MAX_TEXT_LENGTH = 256  # characters of a key or header


MAX_HEADERS_RECORDED = 64  # that are recorded of one message


_HASH_DIGITS = 32  # of a hash: half of its 256 bits


_process_secret = os.urandom(32)


def content_attributes(message: Message, settings: Config) -> dict[str, Any]:
    """Give the attributes of a message's content that the settings ask for."""
    made: dict[str, Any] = {}
    if settings.capture_key != "off" and message.key is not None:
        text = _text(message.key)
        if text is not None:
            plain = settings.capture_key == "plain"
            made |= (
                {semconv.MESSAGE_KEY: text[:MAX_TEXT_LENGTH]}
                if plain
                else {semconv.KEY_HASH: keyed_hash(text, settings.hash_key)}
            )
    if settings.capture_body_size and message.size is not None:
        made[semconv.BODY_SIZE] = message.size
    if settings.capture_headers and message.headers:
        made |= _header_attributes(message, settings)
    return made


def _key_attribute(key: str, settings: Config) -> dict[str, str]:
    if settings.capture_key == "plain":
        return {semconv.MESSAGE_KEY: key[:MAX_TEXT_LENGTH]}
    return {semconv.KEY_HASH: keyed_hash(key, settings.hash_key)}


def _header_attributes(message: Message, settings: Config) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, value in propagation.as_pairs(message.headers):
        known, text = _text(name), _text(value)
        if known is None or text is None or len(known) > MAX_TEXT_LENGTH or len(made) == MAX_HEADERS_RECORDED:
            continue
        if _is_recorded(known.lower(), settings):
            made[semconv.HEADER + known.lower()] = text[:MAX_TEXT_LENGTH]
    return made


@lru_cache(4096)
def _is_recorded(name: str, settings: Config) -> bool:
    return _matches_any(name, settings.capture_headers) and not _matches_any(name, settings.deny_headers)


def _matches_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _text(value: object) -> str | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else None


def keyed_hash(text: str, key: str) -> str:
    """Give a keyed hash: the same in all processes that have the same `OTEL_EDA_HASH_KEY`, else in this one alone."""
    secret = key.encode() or _process_secret
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_HASH_DIGITS]
