"""What holds the tables: checks, gates and facts are written once, in DuckDB's SQL, and each engine is told its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from otel_eda.diagnosis.intake import Intake


class Statements(Protocol):
    """What statements are run in. They and their parameters are DuckDB's."""

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement."""

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement selects."""

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the first value that a statement selects."""


class Tables(Statements, Protocol):
    """The tables of a diagnosis, in whatever engine. What would take more than it may raises `LimitError`."""

    @property
    def at_once(self) -> bool:
        """Whether one statement about all checks takes less than one for each."""

    @property
    def intake(self) -> Intake:
        """What was read."""

    def insert(self, table: str, query: str) -> None:
        """Insert what a query selects into a table's columns of the same names; the others are NULL."""

    def made(self) -> list[tuple[str, str]]:
        """Return `VIEW` or `TABLE` and the name of each that there is, views first."""
