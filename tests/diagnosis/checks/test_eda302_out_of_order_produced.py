"""What EDA302 (produced out of order) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict

TIMESTAMP = "eda.message.timestamp"


def test_by_a_running_number(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11, said={"eda.sender.sequence": 1})
    made.shop.send("clicks", 5.0, 10, said={"eda.sender.sequence": 2})
    finding = only(diagnose(made.world, "EDA302").findings, "EDA302")
    assert (finding.verdict, finding.offsets) == (CONFIRMED, (10, 10))


def test_by_the_times_of_the_calls(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11, took=1.0)
    made.shop.send("clicks", 5.5, 10)
    assert only(diagnose(made.world, "EDA302").findings, "EDA302").verdict is LIKELY


@pytest.mark.parametrize(
    ("first", "second", "verdicts"), [(5000, 5500, [LIKELY]), (5500, 5500, []), (5501, 5500, [SUSPECT])]
)
def test_the_times_of_the_messages_say_when_the_client_took_them(
    diagnose: Diagnose, first: int, second: int, verdicts: list[Verdict]
) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11, took=1.0, said={TIMESTAMP: 1_700_000_000_000 + first})
    made.shop.send("clicks", 5.5, 10, took=0.5, said={TIMESTAMP: 1_700_000_000_000 + second})
    assert [finding.verdict for finding in diagnose(made.world, "EDA302").findings] == verdicts


def test_two_producers_have_no_order(diagnose: Diagnose) -> None:
    made = flow()
    made.shop.send("clicks", 5.0, 11)
    made.world.service("shop").send("clicks", 5.5, 10)
    assert diagnose(made.world, "EDA302").findings == ()


def test_two_producers_of_one_name_overtake_each_other_all_the_time(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(20):  # one waits for more to send, the other does not
        made.shop.send("clicks", turn * 0.2, 2 * turn + 1, took=0.1)
        made.shop.send("clicks", turn * 0.2 + 0.05, 2 * turn)
    assert only(diagnose(made.world, "EDA302").findings, "EDA302").verdict is SUSPECT


def test_now_and_then_a_request_is_sent_again(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(40):
        again = turn % 10 == 5
        offset = turn + 1 if again else turn - 1 if turn % 10 == 6 else turn
        made.shop.send("clicks", turn * 0.2, offset, took=0.3 if again else 0.01)
    finding = only(diagnose(made.world, "EDA302").findings, "EDA302")
    assert (finding.verdict, finding.count) == (LIKELY, 4)
