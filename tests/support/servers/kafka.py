"""An Apache Kafka of our own in KRaft mode: one broker, or three that replicate to each other.

Every process is broker and controller, so that whichever dies, the others elect. Topics are made by whoever needs them.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from tests.support.servers.server import Server, finish, until
from tests.support.services import answers, free_port, needed_java, needed_kafka

QUICK_TO_FENCE = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
_ID = "carebell-of-the-tests"
_ARCHIVE = "classes.jsa"
_HEAP_MIB = 256
_WITHIN_S = 180
_ANSWERS_WITHIN_S = 10
_HERE = Path(__file__).parent / "kafka_java"
_ALWAYS = {
    "process.roles": "broker,controller",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "num.io.threads": "4",
    "num.network.threads": "2",
}
_REPLICATED = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
_IN_SYNC = ("min.insync.replicas", "transaction.state.log.min.isr", "share.coordinator.state.topic.min.isr")


@dataclass(frozen=True, slots=True)
class _Told:
    """What one broker says of all: who lives, and who leads each partition."""

    living: frozenset[int]
    leaders: Mapping[tuple[str, int], int]


class KafkaBroker(Server):
    """One of a cluster. Started alone it is ready as soon as it serves its clients again."""

    def __init__(self, folder: Path, number: int, common: Mapping[str, str], controller: str) -> None:
        super().__init__(folder, within_s=_WITHIN_S)
        self._java, self._jars = needed_java(), needed_kafka()
        self.java_options: Sequence[str] = ()
        self.number = number
        self.port = free_port()
        self._settings = {
            **common,
            "node.id": str(number),
            "log.dirs": str(folder / "data"),
            "listeners": f"BROKER://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"BROKER://{self.address}",
        }

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        super().prepare()
        if (self.folder / "data" / "meta.properties").exists():
            return
        lines = [f"{name}={value}\n" for name, value in self._settings.items()]
        self._properties.write_text("".join(lines))
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", _ID, "--config", str(self._properties)]
        done = subprocess.run([*self._run_java(), *tool], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"formatting: {done.stdout}{done.stderr}"

    def command(self) -> Sequence[str]:
        return [*self._run_java(), *self.java_options, "kafka.Kafka", str(self._properties)]

    def is_ready(self) -> bool:
        """It answers, and counts itself among the living."""
        if not answers(self.port):
            return False
        told = _ask(self)
        return told is not None and self.number in told.living

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _run_java(self) -> list[str]:
        memory = [f"-Xmx{_HEAP_MIB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        log = f"-Dlog4j2.configurationFile={_HERE / 'log4j2.xml'}"
        archive = self._jars / _ARCHIVE
        known = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
        return [self._java, *memory, *known, log, "-cp", f"{self._jars}/*"]


class KafkaCluster:
    """`with KafkaCluster(folder, brokers=3) as kafka: … kafka.bootstrap … kafka.leader_of(topic, 0).kill()`

    With three brokers every topic has three replicas unless it says otherwise, of which two must have a record. `settings`
    are Kafka's own, for what a test wants faster or smaller.
    """

    def __init__(self, folder: Path, brokers: int = 1, settings: Mapping[str, str] | None = None) -> None:
        numbers = range(1, brokers + 1)
        controllers = {number: f"127.0.0.1:{free_port()}" for number in numbers}
        voters = ",".join(f"{number}@{address}" for number, address in controllers.items())
        replicas = {name: str(min(3, brokers)) for name in _REPLICATED}
        common = {
            **_ALWAYS,
            **replicas,
            **dict.fromkeys(_IN_SYNC, "2" if brokers >= 3 else "1"),
            "controller.quorum.voters": voters,
            **(settings or {}),
        }
        self._folder = folder
        self.brokers = [
            KafkaBroker(folder / f"broker-{number}", number, common, controllers[number]) for number in numbers
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(one.address for one in self.brokers)

    def start(self) -> None:
        """Until every broker counts every other among the living."""
        self._each(KafkaBroker.prepare)
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_until_ready()
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Until every broker that runs counts every other one that runs among the living, and none that does not, and all
        name the same leaders: one that was frozen may take itself for one for a while."""
        awake = [one for one in self.brokers if one.is_awake()]
        running = {one.number for one in awake}

        def is_whole() -> bool:
            first, *others = [_ask(one) for one in awake]
            return first is not None and first.living == running and all(told == first for told in others)

        until(is_whole, _WITHIN_S)

    def leader_of(self, topic: str, partition: int) -> KafkaBroker:
        """The broker that leads it; waits until that is one that runs."""
        found: list[KafkaBroker] = []

        def is_found() -> bool:
            awake = {one.number: one for one in self.brokers if one.is_awake()}
            told = filter(None, map(_ask, awake.values()))
            leaders = (one.leaders.get((topic, partition)) for one in told)
            found.extend(awake[number] for number in leaders if number in awake)
            return bool(found)

        until(is_found, _WITHIN_S)
        return found[0]

    def stop(self) -> None:
        """All in good order; the data stay."""
        self._each(KafkaBroker.stop)

    def close(self) -> None:
        """The end of it, with its data."""
        for broker in self.brokers:
            broker.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _each(self, act: Callable[[KafkaBroker], None]) -> None:
        with ThreadPoolExecutor(len(self.brokers)) as beside:
            list(beside.map(act, self.brokers))


def archive_classes(jars: Path) -> None:
    """Keeps the classes that a broker has loaded: with them the next one starts in about half the time."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = KafkaCluster(Path(folder) / "kafka")
        for broker in cluster.brokers:
            broker.java_options = [f"-XX:ArchiveClassesAtExit={jars / _ARCHIVE}"]
        with cluster:
            cluster.stop()


def _ask(broker: KafkaBroker) -> _Told | None:
    """What this very broker says, on a connection to it alone: a client would ask any that it knows. None if it says
    nothing in time."""

    async def ask() -> _Told:
        connection = await create_conn("127.0.0.1", broker.port, request_timeout_ms=int(_ANSWERS_WITHIN_S * 1000))
        try:
            told = (await connection.send(MetadataRequest())).to_object()
        finally:
            await connection.close()
        living = frozenset(int(one["node_id"]) for one in told["brokers"])
        parts = [(topic["topic"], part) for topic in told["topics"] for part in topic["partitions"]]
        return _Told(living, {(name, int(part["partition"])): int(part["leader"]) for name, part in parts})

    try:
        return finish(ask())
    except (KafkaError, OSError, TimeoutError):
        return None
