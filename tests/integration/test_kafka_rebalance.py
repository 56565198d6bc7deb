"""Groups of several readers on a real Kafka: whoever joins, leaves, dies or sleeps, every record is read by somebody."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from carebell.clock import SystemClock
from carebell.log import Entry, Reader
from carebell.log_kafka import KafkaLog
from carebell.log_kafka_reader import KafkaReader
from tests.support.committing import commit
from tests.support.patience import PATIENCE_S, patiently
from tests.support.topics import make_topics, open_log

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
TOPICS = ("urgent", "telemetry")
PARTITIONS = 6
CLOCK = SystemClock()
NO_WAIT = timedelta(0)


@dataclass
class Member:
    """A process that reads, and what it has said."""

    process: asyncio.subprocess.Process
    owns: list[int] = field(default_factory=list)
    read: list[tuple[str, int, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            self.owns = said.get("owns", self.owns)
            self.read += [tuple(one) for one in said.get("read", ())]
            self.failed += [said["failed"]] if "failed" in said else []


@dataclass
class Group:
    """A log with its topics, and whoever reads it as group `g`."""

    bootstrap: str
    namespace: str
    log: KafkaLog
    members: list[Member] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    said: set[str] = field(default_factory=set)

    async def process(self) -> Member:
        command = (
            sys.executable,
            "-m",
            "tests.support.log_member",
            self.bootstrap,
            self.namespace,
            "g",
            ",".join(TOPICS),
        )
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, limit=2**24
        )
        member = Member(process)
        self.members.append(member)
        self.tasks.append(asyncio.create_task(member.listen()))
        return member

    async def reader(self) -> KafkaReader:
        """In this process."""
        return await patiently(lambda: self.log.reader("g", TOPICS))

    async def say(self, count: int) -> None:
        """So many records more, over all homes and both topics."""
        numbers = range(len(self.said), len(self.said) + count)
        entries = [Entry(topic=TOPICS[n % 2], key=f"home-{n % 50}", value=str(n).encode()) for n in numbers]
        await patiently(lambda: self.log.append(entries, CLOCK.now()))
        self.said |= {str(n) for n in numbers}

    def unread(self) -> set[str]:
        return self.said - {value for member in self.members for _, _, value in member.read}

    async def until_owned(self, *members: Member) -> None:
        """Until these share all partitions evenly."""
        share = PARTITIONS // len(members)

        def shared() -> bool:
            owned = sorted(part for member in members for part in member.owns)
            return owned == list(range(PARTITIONS)) and all(len(member.owns) == share for member in members)

        await until(shared)

    async def until_read(self) -> None:
        await until(lambda: not self.unread())


async def until(true: object, within_s: float = 2 * PATIENCE_S) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.05)


@pytest.fixture
async def group(kafka: str, namespace: str) -> AsyncIterator[Group]:
    await make_topics(kafka, [namespace + topic for topic in TOPICS], PARTITIONS)
    made = Group(kafka, namespace, await open_log(kafka, CLOCK, namespace, TOPICS))
    yield made
    for member in made.members:
        if member.process.returncode is None:
            member.process.kill()
        await member.process.wait()
    await asyncio.gather(*made.tasks)
    await made.log.close()


async def settled(*readers: Reader) -> None:
    """Until they share everything; a member learns of others when it asks."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            owned = [part for reader in readers for part in reader.assignment().partitions]
            if sorted(owned) == list(range(PARTITIONS)) and all(reader.assignment().partitions for reader in readers):
                return
            await asyncio.sleep(0.05)


async def taken(reader: Reader) -> list[tuple[str, int, str]]:
    found: list[tuple[str, int, str]] = []
    while records := await reader.poll(100, NO_WAIT):
        found += [(record.topic, record.partition, record.value.decode()) for record in records]
        await commit(reader, {record.place: record.offset + 1 for record in records})
    return found


async def test_two_readers_share_the_partitions_of_all_topics_alike(group: Group) -> None:
    await group.say(200)
    first = await group.reader()
    alone = first.assignment()
    assert alone.partitions == frozenset(range(PARTITIONS))
    second = await group.reader()
    await settled(first, second)
    assert first.assignment().epoch > alone.epoch
    assert not first.assignment().partitions & second.assignment().partitions
    by_first, by_second = await taken(first), await taken(second)
    assert {part for _, part, _ in by_first} <= first.assignment().partitions
    assert {part for _, part, _ in by_second} <= second.assignment().partitions
    for by in (by_first, by_second):
        assert {topic for topic, _, _ in by} == set(TOPICS)
    assert sorted(value for _, _, value in [*by_first, *by_second]) == sorted(group.said)


async def test_a_reader_that_closes_hands_over_what_it_has_not_committed(group: Group) -> None:
    first = await group.reader()
    second = await group.reader()
    await settled(first, second)
    await group.say(100)
    by_first = await taken(first)
    lost = await second.poll(100, NO_WAIT)  # read, and never committed
    epoch = first.assignment().epoch
    await second.close()
    await settled(first)
    assert first.assignment().epoch > epoch
    again = await taken(first)
    assert {record.value.decode() for record in lost} == {value for _, _, value in again}
    assert {value for _, _, value in [*by_first, *again]} == group.said


async def test_what_was_polled_before_a_division_is_not_given_after_it(group: Group) -> None:
    """The records of a partition that went to another wait in no buffer."""
    first = await group.reader()
    await group.say(100)
    assert await first.poll(1, timedelta(seconds=PATIENCE_S))  # the others are in its buffers now
    second = await group.reader()
    await settled(first, second)
    by_first, by_second = await taken(first), await taken(second)
    assert not {value for _, _, value in by_first} & {value for _, _, value in by_second}
    assert {value for _, _, value in [*by_first, *by_second]} == group.said


async def test_a_poll_that_waits_ends_with_a_new_division(group: Group) -> None:
    first = await group.reader()
    assert await first.poll(1, NO_WAIT) == []  # the next one has nothing to ask before it waits
    waiting = asyncio.create_task(first.poll(10, timedelta(minutes=10)))
    await group.reader()
    assert await asyncio.wait_for(waiting, PATIENCE_S) == []


async def test_a_commit_of_what_was_lost_moves_nothing(group: Group) -> None:
    first = await group.reader()
    await group.say(50)
    records = await first.poll(100, timedelta(seconds=PATIENCE_S))
    second = await group.reader()
    await settled(first, second)
    await first.commit({record.place: record.offset + 1 for record in records})
    kept = {record.place for record in records if record.partition in first.assignment().partitions}
    async with asyncio.timeout(PATIENCE_S):
        while set(found := await patiently(first.committed)) != kept:
            assert set(found) < kept
            await asyncio.sleep(0.05)
    assert await second.committed() == {}


async def test_processes_that_join_and_leave_skip_nothing(group: Group) -> None:
    first = await group.process()
    await group.until_owned(first)
    await group.say(100)
    second = await group.process()
    await group.say(100)
    await group.until_owned(first, second)
    third = await group.process()
    await group.say(100)
    await group.until_owned(first, second, third)
    await group.say(100)
    second.process.send_signal(signal.SIGTERM)
    second.owns = []
    await group.say(100)
    await group.until_owned(first, third)
    await group.say(100)
    await group.until_read()


async def test_a_process_that_is_killed_is_taken_over(group: Group) -> None:
    first, second = await group.process(), await group.process()
    await group.until_owned(first, second)
    await group.say(200)
    second.process.kill()
    await group.say(200)
    second.owns = []
    await group.until_owned(first)
    await group.say(100)
    await group.until_read()


async def test_a_process_that_sleeps_for_longer_than_its_session_comes_back_and_skips_nothing(group: Group) -> None:
    first, second = await group.process(), await group.process()
    await group.until_owned(first, second)
    await group.say(200)
    second.process.send_signal(signal.SIGSTOP)
    await group.say(200)
    await until(lambda: sorted(first.owns) == list(range(PARTITIONS)))
    await group.say(200)
    await until(lambda: not group.unread())
    second.process.send_signal(signal.SIGCONT)
    await group.say(200)
    await group.until_owned(first, second)
    await group.say(100)
    await group.until_read()
    assert shares(second.read)


def shares(read: Sequence[tuple[str, int, str]]) -> bool:
    return {topic for topic, _, _ in read} == set(TOPICS)
