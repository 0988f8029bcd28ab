"""PostgreSQL: one server with a data folder of its own."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import tempfile
import urllib.parse
import uuid
from pathlib import Path

from . import tools
from .service import HOST, Service

# Debian keeps the server's programs off the PATH, in a folder for each version.
FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
USER = "postgres"


class PostgreSQLServer(Service):
    """The process of a server, whose superuser is `postgres` and needs no password."""

    name = "postgresql"
    listeners = 1

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if as_root():
            # It refuses to run as root, and whoever it runs as may not enter the tests' folder.
            name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
            self.data = Path(tempfile.gettempdir(), f"postgresql-{name}")

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"postgresql://{USER}@{HOST}:{self.ports[0]}/postgres"

    def prepare(self) -> list[str]:
        """Make its data folder, the first time."""
        if not self.data.exists():
            self.data.mkdir(mode=0o700)
            if as_root():
                shutil.chown(self.data, USER)
            settings = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-sync"]
            tools.run([*_user(), str(program("initdb")), f"--pgdata={self.data}", *settings], self.folder.parent)
        options = [f"-clisten_addresses={HOST}", f"-cport={self.ports[0]}", "-cunix_socket_directories=", "-cfsync=off"]
        return [*_user(), str(program("postgres")), f"-D{self.data}", *options]

    def ready(self) -> bool:
        """Tell whether it takes sessions."""
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def program(name: str = "postgres") -> Path:
    """Give the path of one of its programs, which are installed, not built."""
    return Path(tools.tool(name, os.pathsep.join(map(str, FOLDERS))))


def as_root() -> bool:
    """Tell whether the tests run as root."""
    return os.geteuid() == 0


def _user() -> list[str]:
    if not as_root():
        return []
    user = pwd.getpwnam(USER)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=KILL"]


def database(url: str) -> str:
    """Make a database with a name of its own, and give its URL."""
    import psycopg

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return urllib.parse.urlsplit(url)._replace(path=f"/{name}").geturl()


def external() -> str | None:
    """Give the URL of a server that runs already, if there is one to use."""
    return os.environ.get("OTEL_EDA_TEST_POSTGRESQL") or None
