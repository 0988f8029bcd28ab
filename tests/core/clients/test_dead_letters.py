"""What is known of queues that were declared: of each broker, and of each of its virtual hosts, for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_eda import semconv
from otel_eda.core.clients import dead_letters
from otel_eda.core.message import DestinationTemplate, Identity
from otel_eda.core.runtime import state

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Identity("billing", None, "broker", 5672, virtual_host="/")


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    yield
    state.reset()


def test_the_newest_declaration_counts() -> None:
    assert dead_letters.dead_letters(HERE, ["orders"]) is None
    for known in (True, False, True):
        dead_letters.note_declared(HERE, "orders", known)
        assert dead_letters.dead_letters(HERE, ["orders"]) is known
    state.reset()
    assert dead_letters.dead_letters(HERE, ["orders"]) is None


def test_each_client_of_a_broker_knows_it_and_those_of_other_brokers_do_not() -> None:
    dead_letters.note_declared(HERE, "orders", True)
    assert dead_letters.dead_letters(Identity("other", None, "broker", 5672, virtual_host="/"), ["orders"]) is True
    for other in (
        Identity(None, None, "another", 5672, virtual_host="/"),
        Identity(None, None, "broker", 5673, virtual_host="/"),
        Identity(None, None, "broker", 5672, virtual_host="staging"),
        Identity(),
    ):
        assert dead_letters.dead_letters(other, ["orders"]) is None


def test_of_a_broker_without_a_name_nothing_is_known() -> None:
    dead_letters.note_declared(Identity(), "orders", True)
    assert dead_letters.dead_letters(Identity(), ["orders"]) is None


def test_queues_of_one_template_are_told_apart() -> None:
    for name, known in (("amq.gen-1", True), ("amq.gen-2", False)):
        dead_letters.note_declared(HERE, DestinationTemplate("amq.gen-{id}", name), known)
    assert dead_letters.dead_letters(HERE, [DestinationTemplate("amq.gen-{id}", "amq.gen-1")]) is True
    assert dead_letters.dead_letters(HERE, [DestinationTemplate("amq.gen-{id}", "amq.gen-2")]) is False
    assert dead_letters.dead_letters(HERE, [DestinationTemplate("amq.gen-{id}", None)]) is None


@pytest.mark.parametrize(
    ("queues", "known"),
    [
        ([], None),
        (["with"], True),
        (["with", "with"], True),
        (["without"], False),
        (["with", "without"], None),
        (["with", "unknown"], None),
        (["with", None], None),
        ([None], None),
    ],
)
def test_several_queues_have_to_agree(queues: list[str | None], known: bool | None) -> None:
    dead_letters.note_declared(HERE, "with", True)
    dead_letters.note_declared(HERE, "without", False)
    assert dead_letters.dead_letters(HERE, queues) is known


def test_the_oldest_are_forgotten() -> None:
    for number in range(semconv.ATTRIBUTE_SETS + 1):
        dead_letters.note_declared(HERE, f"queue-{number}", True)
    assert dead_letters.dead_letters(HERE, ["queue-0"]) is None
    assert dead_letters.dead_letters(HERE, [f"queue-{semconv.ATTRIBUTE_SETS}", "queue-1"]) is True
