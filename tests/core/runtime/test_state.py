"""State that the process shares has an owner, who says how it begins anew."""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib
import logging
import os
import queue as queues
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.forking import in_child
from support.recorder import recording

import otel_eda
from core import framework
from core.clients import callback_client
from core.tinyqueue import Consumer, Queue
from otel_eda import core, suite
from otel_eda.core.clients.dead_letters import note_declared
from otel_eda.core.ledger.senders import shared_senders
from otel_eda.core.message import Identity
from otel_eda.core.patching.patch import originals
from otel_eda.core.runtime import finalizers, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_eda.core import Library

CORE = Path(core.__file__).parent
CONTAINERS = {"dict", "list", "set", "deque", "defaultdict", "count"}
NOT_SHARED = {"TypeVar", "ParamSpec", "ContextVar", "PatientLock"}

# What `disable()` makes as new, and what of it shows that it is in use.
AS_NEW: dict[str, Callable[[Any], object]] = {
    "telemetry.light:_replaced": len,
    "clients.client:last_consumers": len,
    "clients.dead_letters:_declared": len,
    "clients.instances:_clients_without_attributes": len,
    "clients.library:enabled": len,
    "inprocess.handlers:switch": lambda switch: switch.on,
    "lifecycle.children:children": lambda patched: patched.on,
    "ledger.ledger:_ledgers": lambda ledgers: any(ledger.partition_ledgers for ledger in ledgers.values()),
    "ledger.senders:shared_senders": lambda senders: len(senders._sequences),
    "patching.patch:originals": len,
    "process.deferral:uses_manual": bool,
    "process.hand_over:waiting": len,
    "process.handed:handed": lambda patched: patched.on,
    "process.log_correlation:log_correlation": lambda correlation: correlation.on,
    "process.logged_errors:logged_errors": lambda patched: patched.on,
    "process.manual:_stand_ins": len,
    "process.processing:open_processings": len,
    "process.workers:_followed": len,
    "process.unretrieved:_failed_calls": len,
    "process.queues:_has_marked": bool,
    "process.queues:queues": lambda patched: patched.on,
    "runtime.finalizers:_collector": lambda _: finalizers._note in gc.callbacks,
    "runtime.finalizers:left": len,
    "runtime.guard:log_once": lambda log_once: len(log_once.seen),
    "telemetry.events:_provider": lambda provider: provider is not None,
    "telemetry.providers:_given": len,
}
# What outlives `disable()`, and why.
KEPT = {
    "process.workers:_all": "they are weak references, which go with their threads and tasks",
    "process.workers:_by_task": "they are weak references, which go with their tasks",
    "telemetry.encoding:_heads": "names before numbers as they are encoded, which are the same for all",
    "telemetry.encoding:_highs": "high bits of numbers as they are encoded, which are the same for all",
    "telemetry.encoding:_keys": "names as they are encoded, which are the same for all",
    "telemetry.exporters:_inherited": "they are connections of the parent, which the child must not close",
    "telemetry.encoding:_texts": "attributes as they are encoded, which are the same for all",
    "clients.instances:_live_clients": "they are weak references, which go with their clients",
    "inprocess.handlers:telemetry": "`enable` sets its providers",
    "inprocess.registries:registries": "a class that was named in code stays a registry",
    "inprocess.registry:_seen": "what is known of a registry goes with it",
    "ledger.ledger:epochs": "no number is used twice",
    "patching.interception:_interceptors": "`enable` intercepts the same functions again",
    "process.deferral:_mentions_process_by_code": "what a code names does not change, and goes with it",
    "process.body_times:by_destination": "only the doctor measures, in a process of its own",
    "process.hand_over:loops": "their switches are off",
    "process.processing:observers": "only the doctor adds to them, in a process of its own",
    "process.unwinding:_collecting": "what a code does never changes, and goes with it",
    "process.unwinding:_locks": "locks have no state but for who holds them",
    "process.unwinding:_monitoring": "its tool is given back, see test_monitoring.py",
    "process.unwinding:_watches_by_frame": "a frame is watched as long as its iterator is there",
    "propagation.headers:_getter": "it has no state",
    "propagation.headers:_propagator_info": "it is made anew for another propagator",
    "process.unretrieved:_copying": "a thread is in it as long as asyncio copies an outcome there",
    "runtime.names:_names": "a name goes with its function",
    "runtime.frames:_handing_on": "what a code does never changes, and goes with it",
    "runtime.guard:failures": "that we are switched off does not undo a failure",
    "runtime.state:_after_fork": "owners register when their modules are loaded",
    "runtime.state:_resets": "owners register when their modules are loaded",
    "telemetry.errors:codes": "libraries register when they are made",
    "telemetry.hooks:unfinished": "its spans are ended, see test_hooks.py",
    "telemetry.providers:_metrics_by_provider": "counts go on, and go with their provider",
    "telemetry.providers:watchers": "`suite` registers them when it is loaded",
}


def mutable(value: ast.expr | None) -> bool:
    """Tell whether an expression makes a container or an object that can be changed."""
    if isinstance(value, ast.IfExp):
        return mutable(value.body) or mutable(value.orelse)
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func).rpartition(".")[2]
        return name in CONTAINERS or (name.lstrip("_")[:1].isupper() and name not in NOT_SHARED)
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


def _constant(name: str) -> bool:
    return name.isupper() or name == "__all__"


def assigned(node: ast.stmt) -> Iterator[str]:
    """Give the names that a statement binds to what can be changed; one in capitals is a constant."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and mutable(node.value):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name) and not _constant(target.id))


def shared(path: Path) -> set[str]:
    """Return the names of the state that a module of the core has, with the module's name."""
    tree = ast.parse(path.read_text("utf-8"))
    names = {name for node in tree.body for name in assigned(node)}
    names |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    module = ".".join(path.relative_to(CORE).with_suffix("").parts)
    return {f"{module}:{name}" for name in names}


def in_use() -> set[str]:
    """Return the names of the state that `disable()` makes as new, as far as it is not as new."""
    found = set()
    for name, is_in_use in AS_NEW.items():
        module, _, attribute = name.partition(":")
        if is_in_use(getattr(importlib.import_module(f"otel_eda.core.{module}"), attribute)):
            found.add(name)
    return found


def test_all_state_that_is_shared_is_known() -> None:
    found = {name for path in CORE.rglob("*.py") for name in shared(path)}
    assert found == AS_NEW.keys() | KEPT.keys()


def consume_and_drop(queue: Queue) -> None:
    """Use a consumer; what it was is remembered when it is gone."""
    assert [record.value for record in Consumer(queue, "payments")] == [1, 2]
    gc.collect()


async def fail_with(message: object) -> None:
    """Fail with a message."""
    raise ValueError(message)


async def fail_in_a_task(messages: list[object]) -> list[object]:
    """Have a task and a thread fail with messages of a copied batch; return what somebody may ask for the errors."""
    task = asyncio.create_task(fail_with(messages[0]))
    await asyncio.wait([task])
    with ThreadPoolExecutor(1) as pool:
        return [task, pool.submit(int, messages[1])]  # type: ignore[arg-type]  # it fails


def test_what_disable_makes_as_new(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in (callback_client.made(), framework.library()):
        monkeypatch.setitem(suite.LIBRARIES, other.name, other)
        monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, other.name))
    queue = Queue()
    for topic in ("orders", "payments", "jobs", "tasks"):
        queue.fill(topic, 1, 2)
    workers, got, gate = queues.Queue[object](), queues.Queue[object](), threading.Event()

    def work() -> None:
        got.put(workers.get())
        gate.wait()

    worker = threading.Thread(target=work)
    # Where it is loaded, what it encodes spans by is exchanged.
    importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    with recording(quiet=False):
        kept: list[object] = [
            framework.Fetcher(Consumer(queue, "jobs")).fetch(),
            callback_client.Client(),
            loop := iter(Consumer(queue, "orders")),
        ]
        for record in loop:
            workers.put(record)
            worker.start()
            assert got.get() is record
            break
        kept.append(asyncio.run(fail_in_a_task(list(Consumer(queue, "tasks").poll()["tasks"]))))
        consume_and_drop(queue)
        with otel_eda.process(object(), destination="orders"):
            pass
        shared_senders.of("sender").record_arrival(1)
        note_declared(Identity(server_address="localhost"), "orders", True)
        logging.getLogger("otel_eda").warning("something is wrong")
        finalizers.left.append(list)
        assert in_use() == AS_NEW.keys()
        otel_eda.disable()
        assert (in_use(), [*originals.values()]) == (set(), [])
    gate.set()
    worker.join()
    assert kept


def test_owners_begin_anew_in_the_order_in_which_they_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(state, "_resets", [])

    def first() -> None:
        done.append(1)

    assert state.on_reset(first) is first
    state.on_reset(lambda: done.append(2))
    assert done == []
    for _ in range(2):
        state.reset()
    assert done == [1, 2, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_owners_have_their_say_in_a_forked_child_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(state, "_after_fork", [])

    def first() -> None:
        done.append(1)

    assert state.on_fork(first) is first
    state.on_fork(lambda: done.append(2))
    assert in_child(lambda: done) == "[1, 2]"
    assert done == []
