"""Opens URLs, with regard to the environment's proxy."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import BaseHandler, OpenerDirector, ProxyHandler, build_opener

from . import UnusableError

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def opener(url: str, *handlers: BaseHandler) -> OpenerDirector:
    """Return an opener for a URL: through the environment's proxy, but for an address of this machine's loopback."""
    try:
        direct = urlsplit(url).hostname in LOOPBACK
    except ValueError as error:
        raise UnusableError(f"{url}: {error}") from error
    return build_opener(*[ProxyHandler({})] * direct, *handlers)
