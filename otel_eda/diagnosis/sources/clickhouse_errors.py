"""Says in a line why ClickHouse has not answered, and what to do about it."""

from __future__ import annotations

import re

# By the code of ClickHouse's error: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
REASONS = {
    60: "a table is not there: {detail}",
    81: "there is no such database, or {user} may not see it",
    158: "more rows than the server lets {user} read: a shorter time with --since",
    159: "a query took longer than it may: a shorter time with --since",
    160: "a query would take longer than it may: a shorter time with --since",
    164: "{user} may not do this: {detail}",
    192: "there is no user {user}",
    193: "the password of {user} is wrong",
    194: "{user} needs a password",
    201: "{user} has used up a quota: {detail}",
    202: "too many queries run there: once more, later",
    241: "a query took more memory than it may: a shorter time with --since",
    243: "its disk is full: {detail}",
    307: "more bytes than the server lets {user} read: a shorter time with --since",
    394: "somebody ended the query",
    396: "a longer answer than the server lets {user} have: a shorter time with --since",
    497: "{user} has no right to this: {detail}",
    516: "{user} or the password is not known there",
}
# Of a query that would take more than it may, by the bounds of the query or of the user.
LIMITS = {
    158: "it would read more rows than the server lets this user read",
    159: "it took longer than it may",
    160: "it would take longer than it may",
    241: "it took more memory than it may",
    307: "it would read more bytes than the server lets this user read",
    396: "its answer is longer than the server lets this user have",
}
CODE = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)
FOR_URL = re.compile(r" \(for url \S+\)$")  # what the client adds
NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING")
ERRNO = re.compile(r"\[Errno -?\d+\] ([^\"')]+)")
MOST = 300  # letters of what the server says


def reason(error: Exception, user: str) -> str:
    """Return why a query failed."""
    text = str(error)
    found = CODE.search(text)
    if found:
        detail = _first_line(found[2])
        return REASONS.get(int(found[1]), "{detail}").format(user=user, detail=detail)
    return _of_network(text)


def limit(error: Exception) -> str | None:
    """Return why a query is over its limits; None if it failed for another reason."""
    found = CODE.search(str(error))
    return LIMITS.get(int(found[1])) if found else None


def _of_network(text: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not one of an authority known here; ?ca=FILE names one"
    if any(sign in text for sign in NO_TLS):
        return "it speaks no TLS at this port; ?secure=no does without, and anybody between can read along"
    system = ERRNO.search(text)
    return f"no ClickHouse answers: {system[1] if system else _first_line(text)}"


def _first_line(text: str) -> str:
    line = FOR_URL.sub("", text.strip().partition("\n")[0])
    return line if len(line) <= MOST else f"{line[:MOST]}…"
