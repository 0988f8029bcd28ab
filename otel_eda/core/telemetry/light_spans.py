"""Spans as the SDK makes them, at a third of its price.

The SDK makes four bounded containers and a second span for each span. Hardly any of ours needs them: its attributes are
plain values below every limit, and nobody adds an event to it. A `LightSpan` is the SDK's own span, of which the
containers are made when somebody looks into them or when a value needs cleaning, by the SDK's own classes. All else is
inherited.
"""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import _Span
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Status, StatusCode

from otel_eda.core.telemetry.templates import BARE, PLAIN, all_links, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Link, SpanContext, SpanKind
    from opentelemetry.util.types import Attributes, AttributeValue
    from typing_extensions import Self

    from otel_eda.core.telemetry.templates import Described, Template

# Newer SDKs close the attributes of a span that has ended.
_CLOSES = "_immutable" in _Span.end.__code__.co_names
TELLS_ENDING = "_on_ending" in _Span.end.__code__.co_names
UNSET = Status(StatusCode.UNSET)
_new = object.__new__


class LightSpan(_Span):
    """The SDK's span, whose containers are made when they are needed.

    What all spans of a tracer have in common is in the attributes of a class that `LightTracer` makes for them.
    """

    is_light = True
    template = BARE  # whose attributes come before `own_attributes`
    own_attributes: dict[str, Any]
    own_links: Sequence[Link] = ()
    origin: SpanContext | None = None  # the span that comes first among its links: a link is an object more
    untouched = True  # no container has been made: then there is nothing but what the template has and its own
    made_attributes: Any = None
    made_events: Any = None
    made_links: Any = None
    header: tuple[bytes, bytes] | None = None  # what encodes the resource and the scope, once it is known
    room = 0  # how many plain attributes a span takes before the SDK's container has to see to the limits
    context: Any = None  # not asked of `_context` each time, as with the SDK's spans
    told: tuple[Any, ...] | None = None  # the processors, where the SDK tells one after another
    told_ending: tuple[Any, ...] = ()  # those that do something when a span is about to end
    _end_time: int | None = None
    _status = UNSET
    _record_exception = _set_status_on_exception = True
    _trace_config = _record_end_metrics = None
    _limits: Any
    _context: SpanContext
    made_lock: Any = None

    @property
    def _lock(self) -> Any:  # type: ignore[override]  # nobody sets it
        # Of this span alone: the SDK logs warnings while it holds it, and a handler of logs may want another span's.
        if self.made_lock is None:
            vars(self).setdefault("made_lock", RLock())
        return self.made_lock

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has, too: a lock cannot be copied, and a copy makes one of its own."""
        return {name: value for name, value in vars(self).items() if name != "made_lock"}

    @property
    def _attributes(self) -> Any:
        if self.made_attributes is None:
            with self._lock:
                self._make_attributes()
        return self.made_attributes

    @_attributes.setter
    def _attributes(self, value: Any) -> None:
        self.untouched, self.made_attributes = False, value

    @property
    def _events(self) -> Any:
        if self.made_events is None:
            self.untouched = False
            vars(self).setdefault("made_events", BoundedList(self._limits.max_events))
        return self.made_events

    @_events.setter
    def _events(self, value: Any) -> None:
        self.untouched, self.made_events = False, value

    @property
    def _links(self) -> Any:
        if self.made_links is None:
            self._make_links()
        return self.made_links

    @_links.setter
    def _links(self, value: Any) -> None:
        self.untouched, self.made_links = False, value

    def _make_attributes(self) -> None:
        if self.made_attributes is None:
            self.untouched, made = False, self._contain(None)
            self._join()
            made._dict = self.own_attributes
            made._immutable = _CLOSES and self._end_time is not None
            self.made_attributes = made

    def _join(self) -> None:
        # What the template has is no longer apart.
        self.own_attributes, self.template = {**self.template.attributes, **self.own_attributes}, BARE

    def _contain(self, attributes: Attributes) -> BoundedAttributes:
        limits = self._limits
        return BoundedAttributes(
            limits.max_span_attributes, attributes, immutable=False, max_value_len=limits.max_span_attribute_length
        )

    @classmethod
    def started(  # noqa: PLR0917  # called for each span: names would cost
        cls,
        own: SpanContext,
        parent: SpanContext | None,
        template: Template,
        kind: SpanKind,
        start_time: int | None,
        described: Described,
    ) -> Self:
        """Start a span after a template, which keeps the attributes that describe it."""
        span, (more, links, origin) = _new(cls), described
        span._name, span._parent, span._kind = template.name, parent, kind
        span._context = span.context = own
        span._start_time = time.time_ns() if start_time is None else start_time
        span.template, span.own_attributes = template, more
        if origin is not None:
            span.origin = origin
        if links:
            span._take_links(tuple(links))
        common = template.attributes
        fits = template.is_plain and len(more) + len(common) <= cls.room
        if not fits or (more and not (plain(more) and common.keys().isdisjoint(more))):
            span._clean()
        return span

    def _clean(self) -> None:
        self._join()
        attributes = self.own_attributes
        if len(attributes) > self.room or not plain(attributes):
            self.untouched, self.made_attributes = False, self._contain(attributes)

    def _take_links(self, links: tuple[Link, ...]) -> None:
        self.own_links = links
        for link in links:
            if link is None or (link.attributes and not self._takes_link(link.attributes)):
                self._make_links()
                break

    def _make_links(self) -> None:
        self.untouched = False
        vars(self).setdefault("made_links", self._new_links(all_links(self.own_links, self.origin)))

    def _takes_link(self, attributes: Mapping[str, Any]) -> bool:
        limits = self._limits
        most = limits.max_link_attributes
        few = limits.max_attribute_length is None and (most is None or len(attributes) <= most)
        return few and type(attributes) is dict and plain(attributes)

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set attributes as the SDK does."""
        own, template = self.own_attributes, self.template
        number, common = len(own), template.attributes
        if type(attributes) is dict and plain(attributes) and number + len(common) + len(attributes) <= self.room:
            joined = own
            if (own and not own.keys().isdisjoint(attributes)) or not common.keys().isdisjoint(attributes):
                # One that is set anew comes last.
                joined, template = {**common, **own}, BARE
                for key in attributes:
                    joined.pop(key, None)
            # CPython gives its lock away only at calls and jumps: from here to the update there is none.
            if number == len(own) and self.own_attributes is own and self.untouched and self._end_time is None:
                self.own_attributes, self.template = joined, template
                joined.update(attributes)
                return
        super().set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set an attribute as the SDK does."""
        if type(value) in PLAIN and type(key) is str:  # one that is no text is another matter among several
            self.set_attributes({key: value})
        else:
            super().set_attribute(key, value)

    def get_span_context(self) -> SpanContext:
        """Return the span's context."""
        return self._context

    def end(self, end_time: int | None = None) -> None:
        """End the span as the SDK does; a span that nobody has touched is given to the processors itself."""
        if end_time is None:
            end_time = time.time_ns()
        # One thread alone is the first: CPython gives its lock away only at calls and jumps, none of which is here.
        if self._end_time is None and self.untouched:
            self._end_time = end_time
        else:
            super().end(end_time)
            return
        if self._record_end_metrics:
            self._record_end_metrics()
        processor: Any = self._span_processor
        if self.told is None or self.told is not processor._span_processors:
            if TELLS_ENDING:
                processor._on_ending(self)
            processor.on_end(self)
            return
        for one in self.told_ending:
            one._on_ending(self)
        for one in self.told:
            one.on_end(self)
