"""Where a ClickHouse is, as its URL says, and the password, which no URL says."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from otel_eda.diagnosis import UnusableError

SCHEME = "clickhouse"
PASSWORD, PASSWORD_FILE = "OTEL_EDA_CLICKHOUSE_PASSWORD", "OTEL_EDA_CLICKHOUSE_PASSWORD_FILE"
FILES = ("ca", "cert", "key")  # of certificates
OPTIONS = {"secure", "eda", *FILES}


@dataclass(frozen=True)
class Address:
    """Where a ClickHouse is, whom it knows, and how far it is trusted."""

    host: str
    port: int
    user: str
    database: str
    secure: bool
    eda: str | None = None  # the database of our tables, where there are some
    files: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{SCHEME}://{self.host}:{self.port}/{self.database}"


def address(url: str) -> Address:
    """Return what a URL like `clickhouse://reader@host:8443/otel?ca=FILE` says; raises `UnusableError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnusableError(f"a URL of ClickHouse that cannot be read: {error}") from error
    if parts.password is not None:
        raise UnusableError(f"no password in a URL, which others may see: {PASSWORD} or {PASSWORD_FILE} takes it")
    options = _options(parts)
    secure = options.pop("secure", "yes").lower() not in {"no", "false", "0"}
    user, database = unquote(parts.username or "default"), parts.path.strip("/") or "default"
    port, eda = port or (8443 if secure else 8123), options.pop("eda", None)
    return Address(parts.hostname or "localhost", port, user, database, secure, eda, options)


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - OPTIONS):
        raise UnusableError(
            f"{SCHEME}://{parts.hostname} has no option {unknown[0]}; there is {', '.join(sorted(OPTIONS))}"
        )
    missing = [options[name] for name in FILES if name in options and not Path(options[name]).is_file()]
    if missing:
        raise UnusableError(f"{missing[0]}: there is no such file")
    return options


def password() -> str:
    """Return the password that the environment gives, or a file that it names."""
    path = os.environ.get(PASSWORD_FILE)
    return Path(path).read_text(encoding="utf-8").strip("\r\n") if path else os.environ.get(PASSWORD, "")
