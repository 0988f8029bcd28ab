"""Each view in a real browser: what it shows of a system, and where its choices lead."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from .look import VIEWS
from .made import NOW, Made
from .server import FULL

if TYPE_CHECKING:
    from .look import Looking
    from .server import PageServer


def texts(look: Looking, selector: str) -> list[str]:
    return [text.strip() for text in look.page.locator(selector).all_text_contents()]


class TestMap:
    def test_shows_services_destinations_and_what_flows(self, look: Looking) -> None:
        main = look.at("map")
        names = ["shop", "billing", "stock", "mail", "courier", "archive"]
        assert texts(look, ".node.service .name") == names
        assert texts(look, ".node.destination .name") == ["orders", "invoices", "shipments", "audit"]
        assert main.locator(".label").count() == 9
        assert re.search(r"\d/s\s*3\.4/s fail\s*p95 48 ms\s*lag 12", " ".join(texts(look, ".label:has(.bad) text")))

    def test_errors_are_red_and_what_is_late_is_marked(self, look: Looking) -> None:
        main = look.at("map")
        assert main.locator("g.bad > .flow").count() == 1
        assert main.locator("g.late > .flow").count() == 1
        assert "lag 18.4K · 74.0 s" in texts(look, ".label text.late")

    def test_moves(self, look: Looking) -> None:
        status = look.at("map").page.locator("summary", has_text="spans/s")
        before = status.inner_text()
        look.page.wait_for_function("before => document.querySelector('summary').innerText !== before", arg=before)

    def test_findings_are_marks_that_lead_to_them(self, look: Looking) -> None:
        main = look.at("map")
        assert main.locator("[data-node='destination:orders'] .mark.confirmed").text_content() == "2"
        main.locator("[data-node='service:billing']").click()
        main.get_by_role("link", name="1 finding").click()
        look.page.locator(".finding").first.wait_for()
        assert "service=billing" in look.page.url

    def test_a_flow_tells_its_numbers(self, look: Looking) -> None:
        main = look.at("map")
        main.locator("[data-node='service:archive']").click()
        main.locator(".panel").get_by_role("button", name="audit as archive").click()
        panel = main.locator(".panel").inner_text()
        assert "audit → archive" in panel
        assert "18,400 messages, 74.0 s" in panel

    def test_no_label_is_on_another_or_on_a_node(self, look: Looking) -> None:
        look.at("map")
        assert look.overlaps(".label, .node") == []


class TestDelivery:
    def test_counts_what_became_of_the_messages(self, look: Looking) -> None:
        main = look.at("delivery")
        card = main.locator(".card").first
        assert card.get_by_role("heading").inner_text() == "orders → billing"
        assert "450 lost" in card.locator(".totals").inner_text()
        assert main.locator(".card.alarm").count() == 1
        assert main.locator(".card").count() == 5

    def test_a_gap_lists_its_messages(self, look: Looking) -> None:
        card = look.at("delivery").locator(".card").first
        over = card.locator(".u-over").bounding_box()
        assert over is not None
        look.page.mouse.click(over["x"] + over["width"] * 22.5 / 60, over["y"] + 20)
        card.locator(".messages tbody tr").first.wait_for()
        assert "90 lost" in card.locator(".messages h3").inner_text()
        assert card.locator(".messages tbody tr").count() == 90
        card.get_by_role("link", name="m-7", exact=True).click()
        look.page.locator(".waterfall").wait_for()
        assert look.page.url.endswith("event=m-7")

    def test_the_text_chooses(self, look: Looking) -> None:
        main = look.at("delivery")
        main.get_by_role("searchbox").fill("mail")
        main.get_by_text("shipments").wait_for(state="detached")
        assert texts(look, ".card h2") == ["invoices → mail"]


class TestOthers:
    def test_lag_shows_what_is_to_come(self, look: Looking) -> None:
        card = look.at("lag").locator(".card").first
        assert "The lag will reach 30,000 messages in 9 to 25 minutes." in card.inner_text()
        assert "behind 70.8 s" in card.inner_text()

    def test_durations_of_processing_ends_and_hops(self, look: Looking) -> None:
        main = look.at("durations")
        assert "shop → billing" in main.inner_text()
        assert main.locator("tbody tr").count() == 15
        assert main.locator("tbody tr").first.inner_text().split()[-7:] == [
            "162", "ms", "486", "ms", "1.62", "s", "2,400",
        ]  # fmt: skip

    def test_two_times_beside_each_other(self, look: Looking) -> None:
        main = look.at("compare")
        row = main.locator("tbody tr").first.inner_text()
        assert "0.2 % → 3.1 %" in row
        assert main.locator("tbody tr").first.locator(".worse").all_text_contents() == [
            "\N{MULTIPLICATION SIGN}16",
            "+320 %",
        ]
        assert main.locator("tbody tr").first.locator(".better").all_text_contents() == ["\N{MINUS SIGN}60 %"]
        assert "only in B" in main.locator("tbody tr").last.inner_text()
        assert [card.count() for card in (main.locator(".short-findings").nth(n).locator("li") for n in range(3))] == [
            3,
            1,
            1,
        ]

    def test_what_is_not_shown_or_not_known_is_said(self, look: Looking) -> None:
        assert "Not shown: 7 more hops." in look.at("durations").inner_text()
        assert "Of A" not in look.at("compare").inner_text()
        look.at("compare", "?length=900").get_by_text(re.compile("Of A, .* were kept: rates are those")).wait_for()

    @pytest.mark.parametrize("look", ["Pacific/Honolulu"], indirect=True)
    def test_a_day_is_that_of_the_persons_own_clock(self, look: Looking) -> None:
        look.page.clock.set_fixed_time(datetime.fromtimestamp(NOW + 30 * 86400, timezone.utc))
        since = datetime.fromtimestamp(NOW - 900, timezone(timedelta(hours=-10)))
        assert f"Owners from {since:%m-%d %H:%M:%S}" in look.at("partitions", "?destination=audit").inner_text()

    def test_partitions_with_owners_and_the_hot_one(self, look: Looking) -> None:
        main = look.at("partitions", "?destination=audit")
        assert main.locator("tbody tr").count() == 12
        assert main.locator("tr.hot").inner_text().split()[:2] == ["3", "hot"]
        assert main.locator("tr").nth(1).locator(".rebalance").count() == 4

    def test_an_event_by_any_name(self, look: Looking) -> None:
        main = look.at("event")
        main.get_by_label("Event").fill("orders/2/41")
        main.get_by_role("button", name="Follow").click()
        main.locator(".waterfall").wait_for()
        assert main.locator(".waterfall li").count() == 5
        assert "Missing: nobody received from" in main.inner_text()
        assert main.get_by_role("link", name="Open in Jaeger").get_attribute("href") == (
            "http://127.0.0.1:16686/trace/" + "1" * 32
        )
        main.locator(".waterfall button").nth(1).click()
        assert "KeyError: 'customer'" in main.locator(".waterfall .facts").inner_text()

    def test_an_unknown_event_leads_to_near_names(self, look: Looking) -> None:
        main = look.at("event", "?event=nowhere")
        main.get_by_role("link", name="orders/0/1").click()
        main.locator(".waterfall").wait_for()


class TestFindings:
    def test_each_has_its_proof_and_what_to_do(self, look: Looking) -> None:
        main = look.at("findings")
        main.get_by_role("button", name="EDA104").click()
        main.locator(".waterfall li").first.wait_for()
        details = main.locator(".details").inner_text()
        for part in ("committed past a message", "Commit after processing", "G8 held: the", "G9 open: a", "[2]@40"):
            assert part in details

    def test_search_and_verdicts_choose(self, look: Looking) -> None:
        main = look.at("findings")
        main.get_by_role("button", name="likely", exact=True).click()
        main.get_by_text("2 of 5 findings").wait_for()
        main.get_by_role("searchbox").fill("EDA601")
        main.get_by_text("1 of 5 findings").wait_for()
        assert main.locator(".finding").count() == 1

    def test_what_is_withheld_and_why(self, look: Looking) -> None:
        main = look.at("findings")
        main.get_by_text("Withheld").click()
        assert "sends no metrics, so its commits are not known" in main.locator(".withheld").inner_text()


def test_what_is_heard_and_refused_is_told(look: Looking) -> None:
    look.at("map")
    look.page.locator("details.status summary").click()
    told = look.page.locator("details.status").inner_text()
    assert "3: the body is too large" in told
    assert "OTLP at 127.0.0.1:4318" in told


@pytest.mark.parametrize("made", [Made([], findings=0)])
def test_an_empty_system_says_what_to_do(look: Looking) -> None:
    look.page.goto(look.address)
    look.page.get_by_text("OTEL_EXPORTER_OTLP_ENDPOINT").wait_for()


def test_too_many_viewers_are_told_and_still_see(look: Looking, server: PageServer) -> None:
    server.full = True
    look.at("map")
    assert look.page.locator(".status", has_text="Not connected").count() == 1
    assert all("503" in complaint for complaint in look.complaints), FULL
    look.complaints.clear()


def test_without_the_token_it_says_where_the_link_is(look: Looking, server: PageServer) -> None:
    server.locked = True
    look.page.goto(look.address)
    look.page.locator("main").get_by_text("Open the link that otel-eda serve printed").wait_for()
    assert all("401" in complaint for complaint in look.complaints)
    look.complaints.clear()


def test_no_view_asks_anybody_else_or_complains(look: Looking) -> None:
    for view in VIEWS:
        look.at(view)
    assert look.complaints == []
