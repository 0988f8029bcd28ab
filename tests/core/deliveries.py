"""Deliveries of `orders` to a callback: whose messages they are, and what counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tinyqueue import Channel


FIRST, SECOND = (0xA, 0xB), (0xC, 0xD)  # trace and span ids of the two messages' producers
TAG = "messaging.rabbitmq.message.delivery_tag"
CONSUMED, SETTLED = "messaging.client.consumed.messages", "eda.settled.messages"


def run(channel: Channel, callback: Callable[..., Any], auto: bool = False) -> None:
    """Subscribe a callback to `orders`, and call it for every message there is."""
    channel.subscribe("orders", callback, auto)
    channel.run()
