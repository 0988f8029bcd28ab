"""Every check is whole: its question, its page, its gates, its tests."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from sqlglot import exp

from otel_eda.diagnosis import catalog, facts, gates
from otel_eda.diagnosis.candidates import COLUMNS
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.diagnosis.catalog import Check

HERE = Path(__file__).parent
CHECKS = catalog.checks()
SECTIONS = ["How it is proven", "What looks alike", "Causes, and what to do", "Example"]


def causes(sql: str) -> Iterator[str]:
    """Give the values of the columns `cause` in a statement; in a union the first select names the columns."""
    for query in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Select, exp.Union):
        parts = list(selects(query))
        names = [column.alias_or_name for column in parts[0].selects]
        for part in parts if "cause" in names else ():
            yield from values(part.selects[names.index("cause")].unalias())


def selects(query: Any) -> Iterator[Any]:
    if isinstance(query, exp.Union):
        yield from selects(query.left)
        yield from selects(query.right)
    else:
        yield query


def values(of: Any) -> Iterator[str]:
    if isinstance(of, exp.Literal):
        yield of.this
    elif isinstance(of, exp.Case):
        for branch in [*(case.args["true"] for case in of.args["ifs"]), of.args.get("default")]:
            yield from values(branch)


def test_there_are_checks_and_each_has_its_code() -> None:
    codes = [check.code for check in CHECKS]
    assert len(codes) > 20
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"EDA[1-8]\d\d", code) for code in codes)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
class TestEveryCheck:
    def test_has_a_page_with_every_section(self, check: Check) -> None:
        assert check.page.startswith(f"# {check.code}: {check.title}\n")
        assert re.findall(r"^## (.+)$", check.page, re.MULTILINE) == SECTIONS
        assert check.title

    def test_has_an_action_for_every_cause_that_its_question_gives(self, check: Check) -> None:
        given = {cause for question in check.questions for cause in causes(question)}
        assert given
        assert given == set(check.causes)

    def test_names_gates_that_there_are(self, check: Check) -> None:
        assert set(check.gates) <= set(gates.CONDITIONS)

    def test_says_what_of_it_is_news(self, check: Check) -> None:
        assert check.news in {"message", "place"}

    def test_reads_only_columns_that_the_engine_knows(self, check: Check, tables: Store) -> None:
        for question in check.questions:
            given = {row[0] for row in tables.ask(f"DESCRIBE {question}")}
            assert given <= set(COLUMNS)
            assert {"cause", "detail", "last_time"} <= given

    def test_does_no_work_that_grows_faster_than_what_it_is_given(
        self, check: Check, sizes: tuple[Store, Store]
    ) -> None:
        small, large = (rows(store, check) for store in sizes)
        assert large <= 2.5 * small

    def test_has_a_file_of_tests(self, check: Check) -> None:
        (path,) = (HERE / "checks").glob(f"test_{check.code.lower()}_*.py")
        assert f'"{check.code}"' in path.read_text("utf-8")


def test_every_setting_is_read_by_a_check_or_gate() -> None:
    text = "\n".join(
        [
            *(question for check in CHECKS for question in check.questions),
            *(gate.sql for gate in gates.CONDITIONS.values()),
        ]
    )
    assert [item.name for item in fields(Bounds) if not re.search(rf"\.{item.name}\b", text)] == []


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store() as store:
        store.read([Files(str(flow(4).world.write(tmp_path_factory.mktemp("tables"))))])
        facts.prepare(store, Bounds())
        yield store


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Give tables of messages that all come again, and of twice as many."""
    with Store() as small, Store() as large:
        for store, number in ((small, 300), (large, 600)):
            made = flow(number, 1)
            for message in made.messages:
                said = {"eda.message.key.hash": str((message.offset or 0) % 3)}
                for turn, error in enumerate((None, "KeyError")):
                    made.billing.process(message, 100.0 * (turn + 1) - (message.offset or 0), said=said, error=error)
            store.read([Files(str(made.world.write(tmp_path_factory.mktemp("sizes"))))])
            facts.prepare(store, Bounds())
        yield small, large


def rows(store: Store, check: Check) -> int:
    """Give how many rows all steps of a check make together."""
    plans = [store.ask(f"EXPLAIN (ANALYZE, FORMAT json) {question}")[0][1] for question in check.questions]
    return sum(counted(operator) for plan in plans for operator in json.loads(plan)["operator"])


def counted(operator: dict[str, Any]) -> int:
    own: int = operator["intermediate_rows"]
    return own + sum(counted(below) for below in operator.get("children", []))


def test_a_check_is_chosen_by_its_codes_beginning() -> None:
    assert {check.code[:4] for check in catalog.chosen(["EDA1"], [])} == {"EDA1"}
    assert "EDA101" not in {check.code for check in catalog.chosen([], ["eda101"])}
    with pytest.raises(KeyError):
        catalog.chosen(["EDA999"], [])
