"""A field that is left out, or a number that is off by one, in the encoder of light spans is seen."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as official
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from core.telemetry.test_light_spans import tracer_of
from otel_eda.core.telemetry import encoding
from otel_eda.core.telemetry.light_tracer import LightTracer
from otel_eda.core.telemetry.templates import Template, given

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(encoding.__file__).read_text("utf-8")
# What may be another number: how much is kept, and the default of an encoded request's own bytes.
UNSEEN = {"_KEPT", "_LONGEST_KEPT", "__getattr__"}
STATE = TraceState([("a", "b"), ("c", "d")])
PARENTS = [None, *(SpanContext(1 << 90, 77, remote, TraceFlags(3), STATE) for remote in (False, True))]
MORE: dict[str, Any] = {
    "text": "ü" * 70,
    "long": "x" * 20_000,
    "yes": True,
    "no": False,
    "half": 0.5,
    "nothing": 0,
    **{f"n{power}": sign * (1 << power) for power in (0, 7, 13, 14, 20, 28, 40, 62) for sign in (1, -1)},
    **{f"at{number}": number for number in (127, 128, 16_383, 16_384, 1_764_403_200_123)},
}
# Each is encoded by what is kept of those before it, or must not be.
TURNS = [5 << 14, 5 << 15, 5 << 14 | 77, 5 << 15 | 128, -(5 << 14), 1 - (5 << 14)]
TARGETS = [(SpanContext(1, 2, remote, TraceFlags(1)), more) for remote in (False, True) for more in (None, {"p": "0"})]


def played() -> tuple[list[Any], list[Any]]:
    """Return spans of the SDK, and light ones that are the same, with all that is encoded without the SDK."""
    made = []
    for light in (False, True):
        sdk, collected = tracer_of(ALWAYS_ON)
        tracer: Any = LightTracer(sdk, lambda _: None) if light else sdk  # type: ignore[arg-type]
        for kind in SpanKind:
            for parent in PARENTS if kind is SpanKind.CONSUMER else PARENTS[:1]:
                context = None if parent is None else set_span_in_context(NonRecordingSpan(parent))
                start_one(tracer, context, kind, light=light)
        for turn in TURNS:
            span = tracer.start_span("turn", None, SpanKind.CLIENT, None, (), 7)
            span.set_attribute("turn", turn)
            span.end(8)
        tracer.start_span("too large", None, SpanKind.CLIENT, {"n": 1 << 63}, (), 7).end(8)
        made.append(collected.ended)
    return made[0], made[1]


def start_one(tracer: Any, context: Any, kind: SpanKind, *, light: bool) -> None:
    """Make three spans: after a template, after one of another name that was changed, and with a status."""
    links = [[Link(*target) for target in TARGETS] for _ in range(3)]  # the SDK changes them
    common = {"system": "kafka", "topic": "orders", "port": 9092}
    if light:
        spans = [tracer.start_like(Template("a b", common), context, kind, 7, given(MORE, each)) for each in links]
    else:
        spans = [tracer.start_span("a b", context, kind, {**common, **MORE}, each, 7) for each in links]
    spans[1].set_attribute("topic", "bills")
    spans[1].update_name("another")
    spans[2].set_status(Status(StatusCode.ERROR, "it failed"))
    spans[2].update_name("a third")
    for span in spans:
        span.end(1 << 60)


THEIRS, OURS = played()


def expected() -> tuple[int, Any]:
    """Return the same of the official function, asked for the last span first, as ours asks it."""
    request = official(THEIRS[-1:])
    request.MergeFrom(official(THEIRS[:-1]))
    return request.ByteSize(), request


def encoded(module: dict[str, Any]) -> tuple[int, Any]:
    """Return how many bytes an encoder makes of the spans, and what they say; the order of fields is free."""
    for span in OURS:
        type(span).header = None
        if getattr(span, "template", None) is not None:
            span.template.encoded = None
    module["encode_spans"]([copy.copy(OURS[0])], official)  # asks the official function for resource and scope
    request = module["encode_to_bytes"]([copy.copy(span) for span in OURS], only_too_large)
    written, read = request.SerializePartialToString(), official([])
    read.ParseFromString(written)
    return len(written), read


def only_too_large(spans: Any) -> Any:
    """Stand for the official function where it is asked for no other span than the last, and encode that."""
    assert [span.name for span in spans] == ["too large"]
    return official(spans)


class Mutator(ast.NodeTransformer):
    """Changes one constant, or leaves one statement out that adds to what is written."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.number, self.done = wanted, -1, ""
        self.place = ""

    def visit(self, node: ast.AST) -> Any:
        """Change the wanted node, and name where it is."""
        before = self.place
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self.place = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and not self.place:
            self.place = node.targets[0].id
        changed = self.changed(node) if self.place not in UNSEEN else None
        self.number += changed is not None
        if changed is not None and self.number == self.wanted:
            self.done = f"{self.place}: {ast.unparse(node)} -> {ast.unparse(changed)}"
            made: Any = ast.copy_location(changed, node)
        else:
            made = self.generic_visit(node)
        self.place = before
        return made

    @staticmethod
    def changed(node: ast.AST) -> ast.AST | None:
        """Return what takes a node's place, None if it is none to be changed."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return ast.Constant(node.value + 1)
        if isinstance(node, ast.Constant) and type(node.value) is bytes and node.value:
            return ast.Constant(bytes([node.value[0] ^ 1]) + node.value[1:])
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            return ast.Pass()
        return None


def mutants() -> Iterator[tuple[str, ast.Module]]:
    """Return each changed encoder with what was changed."""
    for number in range(10_000):
        mutator = Mutator(number)
        tree = mutator.visit(ast.parse(SOURCE))
        if not mutator.done:
            return
        yield mutator.done, ast.fix_missing_locations(tree)


def loaded(tree: ast.Module) -> dict[str, Any]:
    """Return the names of an encoder."""
    module: dict[str, Any] = {"__name__": "mutant"}
    exec(compile(tree, "mutant", "exec"), module)  # noqa: S102  # it is our own source, with one change
    return module


def test_the_encoder_as_it_is_encodes_them() -> None:
    assert encoded(loaded(ast.parse(SOURCE))) == expected()
    assert len(list(mutants())) > 60


@pytest.mark.parametrize(("what", "tree"), [pytest.param(*each, id=each[0]) for each in mutants()])
def test_a_change_is_seen(what: str, tree: ast.Module) -> None:
    try:
        found = encoded(loaded(tree))
    except Exception:
        return  # it does not even come out
    assert found != expected(), what
