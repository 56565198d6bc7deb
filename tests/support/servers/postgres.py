"""A PostgreSQL of our own: trusts everybody on the loopback, and is as durable as it comes."""

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.patience import PATIENCE_S
from tests.support.servers.server import Server, finish
from tests.support.services import free_port, needed_postgres

_ROLE = "carebell"
_OPTIONS = {"unix_socket_directories": "", "listen_addresses": "127.0.0.1", "jit": "off", "max_connections": "200"}


class PostgresAddress:
    """A PostgreSQL that runs somewhere; `url` is the one of its own database, in the way SQLAlchemy takes it."""

    def __init__(self, url: str) -> None:
        self.url = urlunsplit(urlsplit(url)._replace(scheme="postgresql+asyncpg"))

    def create_database(self, like: str | None = None) -> str:
        """The url of a fresh database: empty, or a copy of one that nobody uses at the moment."""
        name = f"test_{token_hex(6)}"
        self.run(f'CREATE DATABASE {name} TEMPLATE "{name_of(like) if like else "template1"}"')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop_database(self, url: str) -> None:
        """With whoever is still connected."""
        self.run(f'DROP DATABASE IF EXISTS "{name_of(url)}" WITH (FORCE)')

    def run(self, statement: str, url: str | None = None, within_s: float = PATIENCE_S) -> None:
        """One statement, in a database that `create_database` made or in its own."""
        address = urlunsplit(urlsplit(url or self.url)._replace(scheme="postgresql"))
        finish(_run(address, statement, within_s))


class PostgresServer(Server, PostgresAddress):
    """`with PostgresServer() as server: … server.create_database() …`

    It refuses to be root: started by root it belongs to somebody else, and so does its folder, which is therefore its own.
    """

    polite = signal.SIGINT  # with SIGTERM it waits until the last client has left

    def __init__(self) -> None:
        self._binaries = needed_postgres()
        user = None if os.geteuid() else _somebody_else()
        Server.__init__(self, Path(tempfile.mkdtemp(prefix="carebell-postgres-")), user=user)
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.port = free_port()
        PostgresAddress.__init__(self, f"postgresql://{_ROLE}@127.0.0.1:{self.port}/postgres")

    def prepare(self) -> None:
        super().prepare()
        if not (self._data / "PG_VERSION").exists():
            how = ["--auth=trust", f"--username={_ROLE}", "--encoding=UTF8", "--locale=C", "--no-sync"]
            command = [*self.leash(), str(self._binaries / "initdb"), "--pgdata", str(self._data), *how]
            made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
            assert made.returncode == 0, f"initdb: {made.stdout}{made.stderr}"

    def command(self) -> Sequence[str]:
        options = [f"--{name}={value}" for name, value in {**_OPTIONS, "port": str(self.port)}.items()]
        return [str(self._binaries / "postgres"), "-D", str(self._data), *options]

    def is_ready(self) -> bool:
        try:
            self.run("SELECT 1", within_s=1)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        return True

    def close(self) -> None:
        """In good order first: killed, it leaves a piece of shared memory behind that nobody would ever take away."""
        try:
            self.stop()
        finally:
            super().close()

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def name_of(url: str) -> str:
    """Of the database."""
    return urlsplit(url).path.lstrip("/")


async def _run(address: str, statement: str, within_s: float) -> None:
    connection = await asyncpg.connect(address, timeout=within_s)
    try:
        await connection.execute(statement, timeout=within_s)
    finally:
        await connection.close(timeout=within_s)


def _somebody_else() -> pwd.struct_passwd:
    names = {one.pw_name for one in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")
