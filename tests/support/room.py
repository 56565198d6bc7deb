"""Room on shared servers for measuring: topics and states of its own, a Mosquitto of its own, processes, far ends.

with Room(folder, kafka=bootstrap, redis=url) as room:
    room.start("ingest"), room.start("rules")
    with room.sink(room.topic(Topic.ALERTS)) as sink:
        room.generate("steady", flow, "--rate", "100")
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from carebell.clock import SystemClock
from carebell.log import Entry
from carebell.topics import Topic
from deploy.topics import set_up_topics
from tests.support.city_process import CityProcess
from tests.support.entries import motion_entry, press_entry, profile_entry, weak_entry
from tests.support.flow import Flow
from tests.support.part import Part, Sink
from tests.support.patience import PATIENCE_S, patiently
from tests.support.servers.mosquitto import Mosquitto
from tests.support.servers.server import until
from tests.support.services import ROOT
from tests.support.topics import end_offsets, open_log, until_served

_AT_ONCE = 5000
_LAST = 900_000_000
_TOUCHED_WITHIN_S = 120
Result = TypeVar("Result")


class Room:
    """`partitions` of each topic. Nothing outlives it but its topics in Kafka and its keys in Redis."""

    def __init__(self, folder: Path, *, kafka: str, redis: str, partitions: int = 12) -> None:
        self.namespace = f"m{token_hex(4)}."
        self.folder = folder / self.namespace
        self.folder.mkdir(parents=True)
        self.kafka, self.redis, self.partitions = kafka, redis, partitions
        self.mosquitto = Mosquitto(self.folder / "mosquitto")
        self._config = self.folder / "city.yaml"
        self.processes: list[CityProcess] = []

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _set_up(self) -> None:
        self.mosquitto.start()
        content = {
            "kafka": {
                "servers": self.kafka,
                "namespace": self.namespace,
                "partitions": self.partitions,
                "replication": 1,
            },
            "redis": {"url": self.redis, "namespace": self.namespace},
            "database": {"url": "postgresql://nobody@127.0.0.1:9/none"},
            "mqtt": {"url": self.mosquitto.url},
            "spool": str(self.folder / "spool"),
        }
        self._config.write_text(json.dumps(content), "utf-8")  # JSON is YAML
        apart(self._make_topics())

    async def _make_topics(self) -> None:
        of_ours = {"namespace": self.namespace, "partitions": self.partitions, "replication": 1}
        await patiently(lambda: set_up_topics(self.kafka, **of_ours))
        await until_served(self.kafka, [self.topic(topic) for topic in Topic])

    def close(self) -> None:
        for one in self.processes:
            one.close()
        self.mosquitto.close()

    def add(self, role: str) -> CityProcess:
        """A process of Carebell, not started."""
        one = CityProcess(role, len(self.processes) + 1, self.folder, self._config)
        self.processes.append(one)
        return one

    def start(self, role: str) -> CityProcess:
        """A process of Carebell, until it is ready and, where it is ingest, hears the homes."""
        process = self.add(role).start()
        if role == "ingest":
            until(lambda: process.metric("carebell_seat_held") == 1, PATIENCE_S)
        return process

    def topic(self, topic: Topic) -> str:
        """As Kafka names it."""
        return f"{self.namespace}{topic}"

    def make_topic(self, name: str) -> str:
        """One more, as Kafka names it."""
        apart(_make_topic(self.kafka, self.namespace + name, self.partitions))
        return self.namespace + name

    def sink(self, topic: str) -> Sink:
        """The far end, as a context."""
        return Sink(self.folder / f"sink-{token_hex(2)}", "tests.support.sink", "--kafka", self.kafka, "--topic", topic)

    def part(self, module: str, *arguments: str) -> Part:
        """Another part of the measuring that reads or writes Kafka, as a context."""
        return Part(self.folder / f"part-{token_hex(2)}", module, *arguments, "--kafka", self.kafka)

    def generator(self, how: str, flow: Flow, *arguments: str) -> "subprocess.Popen[bytes]":
        """Begin to say it, over MQTT."""
        command = [sys.executable, "-m", "tests.support.generator", how, "--port", str(self.mosquitto.port)]
        command += ["--flow", flow.written(), *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def generate(self, how: str, flow: Flow, *arguments: str) -> dict[str, int]:
        """Say it, over MQTT; how much was said."""
        out, _ = (begun := self.generator(how, flow, *arguments)).communicate()
        assert begun.returncode == 0, "the generator failed"
        told: dict[str, int] = json.loads(out)
        return told

    def append(self, entries: Sequence[Entry]) -> None:
        """Into the log, as Carebell does it."""
        apart(self._append(entries))

    async def _append(self, entries: Sequence[Entry]) -> None:
        clock = SystemClock()
        log = await open_log(self.kafka, clock, self.namespace)
        try:
            for begun in range(0, len(entries), _AT_ONCE):
                some = entries[begun : begun + _AT_ONCE]
                await patiently(partial(log.append, some, clock.now()))
        finally:
            await log.close()

    def append_homes(self, count: int) -> None:
        """The profiles of the first homes of a flow."""
        self.append([profile_entry(number) for number in range(count)])

    def touch(self) -> None:
        """Until the rules have judged a press in every partition."""
        with self.sink(self.topic(Topic.ALERTS)) as sink:
            self.append([press_entry(part, part, self.partitions) for part in range(self.partitions)])
            sink.wait_for(self.partitions, _TOUCHED_WITHIN_S)

    def speak_once(self, homes: int, within_s: float) -> None:
        """Every home says something, and the rules have judged it. The last words in each partition are marked."""
        now = SystemClock().now()
        said = [motion_entry(number, "round", now) for number in range(homes)]
        said += [weak_entry(_LAST + part, part, self.partitions) for part in range(self.partitions)]
        with self.sink(self.topic(Topic.ALERTS)) as sink:
            self.append(said)
            sink.wait_for(self.partitions, within_s)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The offset behind the last record of each partition."""
        return apart(end_offsets(self.kafka, topics))


def apart(work: Coroutine[Any, Any, Result]) -> Result:
    """In a loop of its own: the caller may be inside one."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


async def _make_topic(bootstrap: str, name: str, partitions: int) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        made = await client.create_topics([NewTopic(name, partitions, 1)])
        assert [code for _, code, *_ in made.topic_errors] == [0]
    finally:
        await client.close()
    await until_served(bootstrap, [name])
