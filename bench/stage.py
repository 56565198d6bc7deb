"""The servers that all parts of the bench share, and the bare road in a room."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.room import Room
from tests.support.servers.kafka import KafkaCluster
from tests.support.servers.redis import RedisServer

_BARE = "bench.bare_city"


class Stage:
    """One Kafka, one Redis; each measurement has a room of its own on them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kafka = KafkaCluster(folder / "kafka")
        self._redis = RedisServer(folder / "redis")
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        self._servers.enter_context(self._kafka)
        self._servers.enter_context(self._redis)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._servers.close()

    def room(self) -> Room:
        """Empty topics, an empty store, a Mosquitto without sessions."""
        self._redis.empty()
        return Room(self._folder, kafka=self._kafka.bootstrap, redis=self._redis.url)


@dataclass(frozen=True, slots=True)
class Bare:
    """The bare road in a room: its topics, and its processes as contexts."""

    room: Room
    near: str
    far: str

    @classmethod
    def of(cls, room: Room) -> "Bare":
        return cls(room, room.make_topic("bare.near"), room.make_topic("bare.far"))

    @contextmanager
    def bridge(self) -> Iterator[None]:
        where = ("--mqtt-port", str(self.room.mosquitto.port), "--subscription", "bare/#", "--topic", self.near)
        with self.room.part(_BARE, "bridge", *where):
            yield

    @contextmanager
    def relay(self) -> Iterator[None]:
        group = self.room.namespace + "relay"
        with self.room.part(_BARE, "relay", "--topic", self.near, "--to-topic", self.far, "--group", group):
            yield
