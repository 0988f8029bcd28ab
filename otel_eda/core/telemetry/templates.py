"""What the spans of one operation on one destination have in common, so that it is checked and encoded once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.trace import Link

from otel_eda.core.runtime.contexts import as_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, SpanKind, Tracer


PLAIN = frozenset({str, int, bool, float})  # types of values that need no cleaning


def plain(attributes: Mapping[str, Any]) -> bool:
    """Return whether attributes need no cleaning: their names are texts, their values of the plainest types."""
    for name, value in attributes.items():  # `all` would make a generator for each span
        if type(value) not in PLAIN or type(name) is not str or not name:
            return False
    return True


class Template:
    """A name, and the attributes that come first.

    `is_plain` says whether these need no cleaning; `encoded` is what an exporter keeps of the name and the attributes.
    """

    __slots__ = ("attributes", "encoded", "is_plain", "name")

    def __init__(self, name: str, attributes: Mapping[str, Any]) -> None:
        self.name, self.attributes = name, dict(attributes)
        self.is_plain = plain(self.attributes)
        self.encoded: tuple[bytes, bytes] | None = None


BARE = Template("", {})
"""Of a span that has nothing in common with others."""


Described: TypeAlias = "tuple[dict[str, Any], Sequence[Link], SpanContext | None]"
"""The attributes of a span that its template has not, which are the span's own from then on; its links, and a span that
comes first among them."""


About: TypeAlias = "tuple[Callable[..., Described], tuple[Any, ...]]"
"""What describes a span, and with what it is called if the span needs that: one that is sampled out does not."""


Parent: TypeAlias = "Context | SpanContext | None"
"""The context that a span begins in, None for the current one, or the span context of its parent if that is all."""


StartLike: TypeAlias = "Callable[[Template, Parent, SpanKind, int | None, About], Span]"
"""Starts a span after a template; its time is in nanoseconds since 1970, None for now."""


def given(attributes: Mapping[str, Any], links: Sequence[Link] = ()) -> About:
    """Describe a span by attributes and links that are at hand."""
    return _given, (dict(attributes), links, None)


def _given(*described: Any) -> Any:
    return described


def all_links(links: Sequence[Link], origin: SpanContext | None) -> Sequence[Link]:
    """Return the links of a span as the API knows them."""
    return links if origin is None else (Link(origin), *links)


def starting(tracer: Tracer) -> StartLike:
    """Return what starts spans of a tracer: its own way, or for any other tracer `start_span`."""
    own: StartLike | None = getattr(tracer, "start_like", None)
    return partial(start_like, tracer) if own is None else own


def start_like(  # noqa: PLR0917  # called for each span: names would cost
    tracer: Tracer, template: Template, within: Parent, kind: SpanKind, start_time: int | None, about: About
) -> Span:
    """Start a span after a template, as any tracer can."""
    describe, arguments = about
    more, links, origin = describe(*arguments)
    attributes, context = {**template.attributes, **more}, as_context(within)
    return tracer.start_span(template.name, context, kind, attributes, all_links(links, origin), start_time)
