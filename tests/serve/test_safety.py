"""Who gets an answer: this machine's browser; no page of another site, no stranger without the token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from otel_eda.cli import main
from serve.diary import HOSTILE, START, written
from serve.pages import SOON, Shown, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN = "correct horse battery staple"
PATHS = ("/api/state", "/api/findings", "/api/nothing", "/", "/index.html", "/nothing", "/api/delivery?seconds=x")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    diary = written(hostile=True)
    with shown(diary.world.write(tmp_path_factory.mktemp("hostile")), *SOON) as made:
        made.heard(sum(len(service.spans) for service in diary.world.services))
        yield made


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8317", "127.0.0.1.evil.example", "127.evil.example", "", "[::1", "10.0.0.1"]
)
def test_a_name_that_is_not_this_machines_gets_nothing(page: Shown, host: str) -> None:
    answer = page.get("/api/state", {"Host": host})
    assert answer.status in {400, 403}
    assert b"shop" not in answer.body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "127.0.0.2:8317", "[::1]:8317"])
def test_this_machines_names_are_answered(page: Shown, host: str) -> None:
    assert page.get("/api/state", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/api/state", "/api/events", "/api/findings"])
def test_another_sites_page_gets_nothing(page: Shown, headers: dict[str, str], path: str) -> None:
    answer = page.get(path, headers)
    assert (answer.status, answer.json) == (403, {"error": "another site asks"})
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_the_page_itself_is_answered(page: Shown) -> None:
    own = {"Origin": f"http://{page.place}", "Sec-Fetch-Site": "same-origin"}
    answer = page.get("/api/state", own)
    assert answer.status == 200
    assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(page: Shown, method: str) -> None:
    assert page.get("/api/state", method=method).status == 405


@pytest.mark.parametrize("path", PATHS)
def test_each_answer_says_what_a_browser_must_not_do(page: Shown, path: str) -> None:
    headers = page.get(path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    if path.startswith("/api/"):
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-store"


def test_hostile_values_are_data(page: Shown) -> None:
    names = {node["name"] for node in page.ask("state")["nodes"]}
    assert HOSTILE in names
    told = page.ask("trace", event="orders/0/0")
    assert told["spans"][1]["service"] == HOSTILE
    for event in (HOSTILE, "'; DROP TABLE operations; --", "orders/0/'", "\x00", "💥" * 100):
        assert page.ask("trace", event=event)["spans"] == []
    since = {"since": START, "until": START + 10}
    assert page.ask("delivery", destination="x' OR '1'='1", **since)["series"] == []
    assert page.ask("partitions", destination=HOSTILE, **since)["groups"] == []


def test_the_link_of_each_address_that_needs_no_token_is_answered() -> None:
    with shown("--address", "127.0.0.2:0", "--otlp", "127.0.0.1:0") as made:
        assert urlsplit(made.page.link).hostname == "127.0.0.2"
        assert made.get("/api/state").status == 200


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0"])
def test_another_address_needs_a_token(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--address", address, "--otlp", "127.0.0.1:0"]) == 2
    assert "it needs a token" in capsys.readouterr().err


def test_a_short_token_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("hunter2")
    assert main(["serve", "--address", "0.0.0.0:0", "--token-file", str(tmp_path / "token")]) == 2
    assert "at least 16 letters" in capsys.readouterr().err


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    monkeypatch.setenv("OTEL_EDA_TOKEN", KNOWN)
    with shown("--address", "0.0.0.0:0", "--otlp", "127.0.0.1:0") as made:
        made.place = f"127.0.0.1:{urlsplit(made.page.link).port}"
        yield made


def test_with_a_token_only_who_has_it_is_answered(guarded: Shown) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": KNOWN}, {"Cookie": "otel_eda=1.x"}):
        assert guarded.get("/api/state", headers).status == 401
    assert guarded.get("/api/state", {"Authorization": f"Bearer {KNOWN}"}).status == 200
    assert guarded.get("/api/state", {"Authorization": f"Bearer {KNOWN}", "Host": "box.example"}).status == 200


def test_a_link_is_good_for_one_cookie(guarded: Shown, capsys: pytest.CaptureFixture[str]) -> None:
    link = urlsplit(guarded.page.link)
    first, second = (guarded.get(f"{link.path}?{link.query}") for _ in range(2))
    assert (first.status, first.headers["location"], second.status) == (303, "/", 401)
    cookie = first.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    mine = {"Cookie": cookie.partition(";")[0]}
    assert guarded.get("/api/state", mine).status == 200
    assert guarded.get("/api/state", {**mine, "Origin": "http://evil.example"}).status == 403
    forged = {"Cookie": re.sub(r"=\d+", lambda match: f"={int(match[0][1:]) + 1}", mine["Cookie"], count=1)}
    assert guarded.get("/api/state", forged).status == 401
    follow = re.search(r"/login\?once=\S+", capsys.readouterr().err)
    assert follow
    assert guarded.get(follow[0]).status == 303
