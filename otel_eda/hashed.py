"""The hash of a message's key, which telemetry may have in place of the key."""

from __future__ import annotations

import hashlib
import hmac
import os

KEY_VARIABLE = "OTEL_EDA_HASH_KEY"  # of the secret that services share, which `config` reads
DIGITS = 32  # of a hash: half of its 256 bits
_process_secret = os.urandom(32)


def keyed_hash(text: str, key: str) -> str:
    """Return a keyed hash: the same in all processes that have the same `OTEL_EDA_HASH_KEY`, else in this one alone."""
    secret = key.encode() or _process_secret
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:DIGITS]
