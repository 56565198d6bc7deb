"""A Redis of our own. What it has acknowledged is on the disk, unless it is wiped."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.servers.server import Server
from tests.support.services import free_port, needed


class RedisServer(Server):
    """`with RedisServer(folder) as server: … server.url …`"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._binary = needed("redis-server")
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        listens = ["--bind", "127.0.0.1", "--port", str(self.port)]
        keeps = ["--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        return [self._binary, *listens, *keeps]

    def is_ready(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def wipe(self) -> None:
        """It dies, and comes back on an empty disk."""
        self.kill()
        shutil.rmtree(self.folder)
        self.start()

    def empty(self) -> None:
        """Everything in it is forgotten, without a restart."""
        with redis.Redis(port=self.port) as client:
            client.flushall()
