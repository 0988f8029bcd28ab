"""Attributes of a message's content: none but those that the settings ask for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core import propagation
from otel_eda.hashed import keyed_hash

if TYPE_CHECKING:
    from otel_eda.config import Config
    from otel_eda.core.message import Message


MAX_TEXT_LENGTH = 256  # characters of a key or header


MAX_HEADERS_RECORDED = 64  # headers of one message


def content_attributes(message: Message, settings: Config) -> dict[str, Any]:
    """Return the attributes of a message's key, body size and headers that the settings ask for."""
    attributes: dict[str, Any] = {}
    if settings.capture_key != "off" and message.key is not None:
        text = _text(message.key)
        if text is not None:
            plain = settings.capture_key == "plain"
            attributes |= (
                {semconv.MESSAGE_KEY: text[:MAX_TEXT_LENGTH]}
                if plain
                else {semconv.KEY_HASH: keyed_hash(text, settings.hash_key)}
            )
    if settings.capture_body_size and message.size is not None:
        attributes[semconv.BODY_SIZE] = message.size
    if settings.capture_headers and message.headers:
        attributes |= _header_attributes(message, settings)
    return attributes


def _key_attribute(key: str, settings: Config) -> dict[str, str]:
    if settings.capture_key == "plain":
        return {semconv.MESSAGE_KEY: key[:MAX_TEXT_LENGTH]}
    return {semconv.KEY_HASH: keyed_hash(key, settings.hash_key)}


def _header_attributes(message: Message, settings: Config) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for name, value in propagation.as_pairs(message.headers):
        header, text = _text(name), _text(value)
        if header is None or text is None or len(header) > MAX_TEXT_LENGTH or len(attributes) == MAX_HEADERS_RECORDED:
            continue
        if _is_recorded(header.lower(), settings):
            attributes[semconv.HEADER + header.lower()] = text[:MAX_TEXT_LENGTH]
    return attributes


@lru_cache(4096)
def _is_recorded(name: str, settings: Config) -> bool:
    return _matches_any(name, settings.capture_headers) and not _matches_any(name, settings.deny_headers)


def _matches_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _text(value: object) -> str | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value if isinstance(value, str) else None
