"""Diagnoses bucket by bucket: what all destinations are asked for first, then each bucket, then one report of all."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, candidates, completeness, engine, facts, plural, realms
from otel_eda.diagnosis.blindness import blindness, listed
from otel_eda.diagnosis.duck import duckdb
from otel_eda.diagnosis.engine import Diagnosis
from otel_eda.diagnosis.settings import EVIDENCE
from otel_eda.diagnosis.store import Store

from . import places
from .spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.completeness import Completeness
    from otel_eda.diagnosis.finding import Finding
    from otel_eda.diagnosis.settings import Bounds

    from . import Share

TRIES = 2
IDLE_MEMORY = 50  # MB that the store keeps while buckets are looked at


def diagnose(
    store: Store,
    checks: Iterable[Check],
    settings: Bounds,
    share: Share,
    *,
    step: Callable[[str], None] = lambda _: None,
    evidence: int = EVIDENCE,
    only_news: bool = False,
) -> Diagnosis:
    """Run checks over a store, bucket by bucket, and return what they find: the same as without buckets.

    `step` is called with the name of each bucket before it is looked at. What of a bucket fails is looked at once more;
    if it fails again, `not_run` says so.
    """
    buckets = Buckets(store, tuple(checks), share, step)
    windows: list[facts.Period] = []
    counted: list[Completeness] = []
    unasked: dict[str, None] = {}
    for turn, _ in enumerate(realms.each(store)):
        windows.append(facts.prepare(store, settings, facts.OF_ALL))
        spool = Spool(store.folder / f"buckets-{turn}", share.of)
        buckets.look(spool)
        unasked.update(dict.fromkeys(blindness(store)))
        counted.extend(completeness.ask(store))
        buckets.report(spool, evidence, only_news=only_news)
        spool.remove()
    if share.only is not None:
        unasked[_left_out(store, share)] = None
    findings = engine.ordered(buckets.findings)
    window, young, not_run = engine.whole(windows), buckets.young, buckets.not_run
    return Diagnosis(window, store.intake, tuple(counted), findings, tuple(unasked), young, not_run, only_news)


def _left_out(store: Store, share: Share) -> str:
    """Return the sentence about what is in other buckets."""
    seen, every = (
        store.one(f"SELECT count(DISTINCT destination) FROM operations WHERE {which}")
        for which in (f"{places.bucket(share.of)} = {share.only}", "true")
    )
    what = f"{seen} of {plural(every, 'destination')}, each as a whole"
    return f"only bucket {share.only} of {share.of} was looked at: {what}"


@contextmanager
def _idle(store: Store) -> Iterator[None]:
    """Have a store keep little in memory for a while."""
    store.execute("CHECKPOINT")
    store.execute(f"SET memory_limit = '{IDLE_MEMORY}MB'")
    yield
    store.execute(f"SET memory_limit = '{store.memory}MB'")


@dataclass
class Buckets:
    """The buckets of one diagnosis, and what came of them so far."""

    store: Store
    checks: tuple[Check, ...]
    share: Share
    step: Callable[[str], None]
    findings: list[Finding] = field(default_factory=list)
    young: Counter[str] = field(default_factory=Counter)
    not_run: dict[str, str] = field(default_factory=dict)

    def look(self, spool: Spool) -> None:
        """Ask what is asked of all destinations, and look at each bucket."""
        spool.write(self.store)
        for check in self.checks:
            if not check.is_local:
                candidates.create(self.store)
                candidates.select(self.store, check)
                spool.write_candidates(self.store, check.code)
                candidates.clear(self.store)
        with _idle(self.store):
            for number in self.share.numbers:
                self._try(spool, number)

    def report(self, spool: Spool, evidence: int, *, only_news: bool) -> None:
        """Make findings of what the checks found in all buckets."""
        for check in self.checks:
            if files := spool.found(check.code):
                self.store.execute("CREATE TEMP TABLE evaluated AS SELECT * FROM read_parquet(?)", files)
                self.findings += engine.group(self.store, [check], evidence, only_news=only_news)
                candidates.clear(self.store)

    def _try(self, spool: Spool, number: int) -> None:
        """Look at a bucket; if that fails, do so once more, and say so if that fails, too."""
        name = f"bucket {number} of {spool.of}"
        for _ in range(TRIES):
            self.step(name)
            try:
                self.young += self._judge(spool, number)
            except (duckdb.Error, UnusableError) as error:
                why = str(error).partition("\n")[0]
            else:
                return
        spool.forget(number)
        names = listed(spool.destinations(self.store, number)) or "none"
        self.not_run[name] = f"{why}; its destinations were not looked at: {names}"

    def _judge(self, spool: Spool, number: int) -> Counter[str]:
        """Write what the checks find in a bucket, and return how many messages are too young for that."""
        young: Counter[str] = Counter()
        with Store(self.store.memory, self.store.folder) as tables:
            spool.read(tables, number)
            for check in self.checks:
                spool.select(tables, number, check)
                candidates.judge(tables, [check], young)
                spool.write_found(tables, number, check.code)
                candidates.clear(tables)
        return young
