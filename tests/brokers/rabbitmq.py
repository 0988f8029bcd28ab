"""RabbitMQ: one node, with an Erlang port mapper of its own."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import tools
from .service import HOST, Broker, Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pika.adapters.blocking_connection import BlockingConnection

WAIT = 30.0  # seconds
# Debian's `rabbitmq-server` on the PATH changes to the packaged service's user; this one is what it starts.
DEBIAN = "/usr/lib/rabbitmq/bin"
HEADER = b"AMQP\0\0\x09\x01"
START = bytes((0, 10, 0, 10))  # the method `connection.start`
# The node would start a port mapper that outlives it; in the foreground it ends with the process it was started by,
# which is the one that becomes the node.
COMMAND = """
setpriv --pdeathsig KILL epmd &
until epmd -names >/dev/null 2>&1; do sleep 0.05; done
exec "$0" -start_epmd false
"""


class RabbitMQ(Broker):
    """A broker and what the tests make on it."""

    def queue(self, arguments: Mapping[str, Any] | None = None) -> str:
        """Make a durable queue with a name of its own; `arguments` are the `x-…` ones."""
        name = f"queue-{uuid.uuid4().hex[:12]}"
        with closing(self._connect()) as connection:
            connection.channel().queue_declare(name, durable=True, arguments=dict(arguments or {}))
        return name

    def exchange(self, kind: str = "fanout", queues: Iterable[str] = (), key: str = "") -> str:
        """Make a durable exchange with a name of its own, to which these queues are bound by that routing key."""
        name = f"exchange-{uuid.uuid4().hex[:12]}"
        with closing(self._connect()) as connection:
            channel = connection.channel()
            channel.exchange_declare(name, kind, durable=True)
            for queue in queues:
                channel.queue_bind(queue, name, key)
        return name

    def depth(self, queue: str) -> int:
        """Give the number of messages that are ready in a queue."""
        with closing(self._connect()) as connection:
            count: int = connection.channel().queue_declare(queue, passive=True).method.message_count
        return count

    def _connect(self) -> BlockingConnection:
        # Of all that is done here our adapter for pika makes no span.
        from pika import ConnectionParameters
        from pika.adapters.blocking_connection import BlockingConnection

        host, _, port = self.address.rpartition(":")
        return BlockingConnection(ConnectionParameters(host, int(port)))


class RabbitMQServer(Service):
    """The process of a broker."""

    name = "rabbitmq"
    listeners = 3

    @property
    def address(self) -> str:
        """Where clients connect, as guest with the password guest."""
        return f"{HOST}:{self.ports[0]}"

    def prepare(self) -> list[str]:
        """Write its configuration."""
        (self.folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = {self.address}\nlog.console = true\n")
        (self.folder / "plugins").write_text("[].")
        environ = [f"{key}={value}" for key, value in self._environ().items()]
        return ["env", *environ, "sh", "-c", COMMAND, str(program())]

    def ready(self) -> bool:
        """Tell whether it serves requests."""
        return answers(self.address)

    def _environ(self) -> Mapping[str, object]:
        _, distribution, mapper = self.ports
        return {
            "HOME": self.folder,  # for the cookie
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": mapper,
            "RABBITMQ_CONFIG_FILE": self.folder / "rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_DIST_PORT": distribution,
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": self.data,
            "RABBITMQ_NODENAME": "tests@localhost",
            # Has the script become the node, so that the node ends when this process does.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def external() -> RabbitMQ | None:
    """Return the broker that runs already, or None if there is none to use."""
    address = os.environ.get("OTEL_EDA_TEST_RABBITMQ")
    return RabbitMQ(address) if address else None


def program() -> Path:
    """Give the path of its program, which is installed, not built."""
    tools.tool("erl")  # it is of no use without
    return Path(tools.tool("rabbitmq-server", DEBIAN))


def answers(address: str) -> bool:
    """Tell whether a broker serves requests there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
            connection.sendall(HEADER)
            frame = connection.recv(11)  # type, channel, size, class and method
            return frame.endswith(START)
    except OSError:
        return False
