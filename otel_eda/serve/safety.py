"""Keeps others away from the page: other sites that a browser has open, and, with a token, whoever does not have it.

A browser sends requests to this server for any site that it shows. A name of an attacker's may resolve to this machine
(DNS rebinding), so the name in `Host` is compared; what a page of another site asks for is refused; and no answer
allows another site to read it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "otel_eda"
COOKIE_SECONDS = 7 * 86400
API, LOGIN = "/api/", "/login"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Token:
    """What who is allowed to look has to know: the token itself, or a cookie that a link, good for once, gives."""

    def __init__(self, token: str, announce: Callable[[str], None]) -> None:
        self.token, self.announce = token, announce
        self.once = secrets.token_urlsafe(24)

    def allows(self, headers: Headers) -> bool:
        """Return whether a request has the token or a cookie of ours."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), self.token):
            return True
        issued, _, signature = cookie_parser(headers.get("cookie", "")).get(COOKIE, "").partition(".")
        fresh = issued.isdecimal() and len(issued) < 12 and time.time() - int(issued) < COOKIE_SECONDS
        return fresh and _same(signature, self._signature(issued))

    def login(self, request: Request) -> Response:
        """Answer a link: the first who opens it gets a cookie, and another link is announced."""
        if not _same(request.query_params.get("once", ""), self.once):
            return _refusal(401, "this link was used already, or is another one's")
        self.once = secrets.token_urlsafe(24)
        self.announce(self.once)
        issued = str(int(time.time()))
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE, f"{issued}.{self._signature(issued)}", COOKIE_SECONDS, httponly=True, samesite="strict"
        )
        return response

    def _signature(self, issued: str) -> str:
        return hmac.new(self.token.encode(), issued.encode(), hashlib.sha256).hexdigest()


class Safety:
    """An ASGI application around another: it refuses what is not for it, and says what a browser must not do.

    Without a token, only names of this machine are answered to.
    """

    def __init__(self, app: ASGIApp, token: Token | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith(API) else "no-cache")
            await send(message)

        answer = self._answer(scope) or self.app
        await answer(scope, receive, sending)

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to what the application is not asked; None to all else."""
        headers, path = Headers(scope=scope), scope["path"]
        if scope["method"] not in {"GET", "HEAD"}:
            return _refusal(405, "nothing here can be changed", Allow="GET, HEAD")
        if self.token is None and not loopback(_name(headers)):
            return _refusal(403, "this is not a name of this machine")
        if path == LOGIN and self.token:
            return self.token.login(Request(scope))
        if path.startswith(API) and _cross_site(scope, headers):
            return _refusal(403, "another site asks")
        if path.startswith(API) and self.token and not self.token.allows(headers):
            return _refusal(401, "a token is needed: open the link that otel-eda serve printed")
        return None


def loopback(host: str) -> bool:
    """Return whether a name or an address is one of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _cross_site(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser says that the request comes of another site's page."""
    origin = headers.get("origin")
    ours = URL(scope=scope)
    if origin is not None and origin != f"{ours.scheme}://{ours.netloc}":
        return True
    return headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _refusal(status: int, why: str, **headers: str) -> Response:
    return JSONResponse({"error": why}, status, headers)
