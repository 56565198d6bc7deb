"""What every adapter of the Log port must do. A new adapter is put under it by one line in ADAPTERS.

An opener takes a folder that is the log's own, the partition count and a clock; opening the same folder again is a restart.
The readers of one group follow each other here: what a group does with several at once is in tests/integration.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from carebell.clock import Clock, ManualClock
from carebell.log import Entry, Log, Reader, Record
from carebell.log_sqlite import SqliteLog
from carebell.topics import partition_of
from tests.support.committing import commit
from tests.support.patience import PATIENCE_S, patiently
from tests.support.topics import open_kafka

Opener = Callable[[Path, int, Clock], Awaitable[Log]]
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NO_WAIT = timedelta(0)
# Every topic that a test here names: some adapters make none by themselves.
TOPICS = ("t", "u", "urgent", "telemetry", "elsewhere", "nothing")
# Each is given what the request of the test can get it.
ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], Opener]] = {
    "sqlite-memory": lambda _: lambda _, partitions, clock: SqliteLog.open(":memory:", partitions, clock),
    "sqlite-file": lambda _: lambda folder, partitions, clock: SqliteLog.open(folder / "log.db", partitions, clock),
    "kafka": lambda request: partial(open_kafka, request.getfixturevalue("kafka"), TOPICS),
}
SERVED = {"kafka": pytest.mark.integration}
LASTING = ("sqlite-file", "kafka")
# The others leave it to the retention of their server.
TRIMMED = ("sqlite-memory", "sqlite-file")


def adapters(names: Iterable[str]) -> list[object]:
    return [pytest.param(name, marks=SERVED.get(name, ())) for name in names]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


async def opened(request: pytest.FixtureRequest, folder: Path, clock: ManualClock) -> AsyncIterator[Log]:
    log = await ADAPTERS[request.param](request)(folder, 4, clock)
    yield log
    await log.close()


@pytest.fixture(params=adapters(ADAPTERS))
async def log(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Log]:
    async for one in opened(request, tmp_path, clock):
        yield one


@pytest.fixture(params=adapters(TRIMMED))
async def trimmed(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Log]:
    async for one in opened(request, tmp_path, clock):
        yield one


@pytest.fixture(params=adapters(LASTING))
def opener(request: pytest.FixtureRequest) -> Opener:
    return ADAPTERS[request.param](request)


def entry(value: str, *, key: str = "h1", topic: str = "t", partition: int | None = None) -> Entry:
    return Entry(topic=topic, key=key, value=value.encode(), partition=partition)


async def everything(reader: Reader) -> list[Record]:
    records: list[Record] = []
    while taken := await reader.poll(7, NO_WAIT):
        records += taken
    return records


def values(records: list[Record]) -> list[str]:
    return [record.value.decode() for record in records]


async def test_a_record_comes_back_as_it_was_appended(log: Log) -> None:
    await log.append([Entry(topic="t", key="家/1", value=b"\x00\xff", headers={"ce_id": "甲", "b": ""})], AT)
    [record] = await everything(await log.reader("g", ["t"]))
    assert (record.topic, record.key, record.value) == ("t", "家/1", b"\x00\xff")
    assert record.headers == {"ce_id": "甲", "b": ""}
    assert record.appended_at == AT
    assert record.place == ("t", partition_of("家/1", 4))


async def test_records_of_a_key_come_in_the_order_they_were_appended(log: Log) -> None:
    for number in range(10):
        await log.append([entry(f"{number}a"), entry(f"{number}b")], AT)
    records = await everything(await log.reader("g", ["t"]))
    assert values(records) == [f"{number}{letter}" for number in range(10) for letter in "ab"]
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets))


async def test_a_key_has_the_same_partition_on_every_topic(log: Log) -> None:
    keys = [f"home-{number:03d}" for number in range(40)]
    await log.append([entry("v", key=key, topic=topic) for key in keys for topic in ("t", "u")], AT)
    records = await everything(await log.reader("g", ["t", "u"]))
    places = {(record.key, record.partition) for record in records}
    assert places == {(key, partition_of(key, 4)) for key in keys}
    assert {partition for _, partition in places} == {0, 1, 2, 3}


async def test_a_partition_that_is_given_is_kept(log: Log) -> None:
    await log.append([entry(str(part), key="", partition=part) for part in range(4)], AT)
    records = await everything(await log.reader("g", ["t"]))
    assert {record.partition: record.value for record in records} == {0: b"0", 1: b"1", 2: b"2", 3: b"3"}


async def test_appending_nothing_is_nothing(log: Log) -> None:
    await log.append([], AT)
    assert await everything(await log.reader("g", ["t"])) == []


async def test_a_poll_takes_topics_in_the_order_asked_for(log: Log) -> None:
    await log.append([entry(f"slow{n}", key=f"h{n}", topic="telemetry") for n in range(5)], AT)
    await log.append([entry(f"fast{n}", key=f"h{n}", topic="urgent") for n in range(5)], AT)
    reader = await log.reader("g", ["urgent", "telemetry"])
    first, second = await reader.poll(7, NO_WAIT), await reader.poll(7, NO_WAIT)
    assert [record.topic for record in first] == ["urgent"] * 5 + ["telemetry"] * 2
    assert [record.topic for record in second] == ["telemetry"] * 3
    await log.append([entry("late", topic="urgent")], AT)
    assert values(list(await reader.poll(7, NO_WAIT))) == ["late"]


async def test_a_poll_gives_at_most_its_limit_and_misses_nothing(log: Log) -> None:
    await log.append([entry(str(n), key=f"h{n}") for n in range(50)], AT)
    reader = await log.reader("g", ["t"])
    batches = [await reader.poll(20, NO_WAIT) for _ in range(4)]
    assert [len(batch) for batch in batches] == [20, 20, 10, 0]
    assert sorted(int(record.value) for batch in batches for record in batch) == list(range(50))


async def test_a_poll_waits_and_is_woken_by_an_append(log: Log) -> None:
    reader = await log.reader("g", ["t"])
    waiting = asyncio.ensure_future(reader.poll(10, timedelta(days=1)))
    await asyncio.wait_for(log.append([entry("now")], AT), PATIENCE_S)
    # The clock of the log stands still: only the append can end this.
    records = await asyncio.wait_for(waiting, PATIENCE_S)
    assert values(list(records)) == ["now"]


async def test_every_waiting_reader_is_woken(log: Log) -> None:
    readers = [await log.reader(f"g{number}", ["t"]) for number in range(3)]
    waiting = [asyncio.ensure_future(reader.poll(10, timedelta(days=1))) for reader in readers]
    await log.append([entry("now")], AT)
    assert [values(list(await asyncio.wait_for(one, PATIENCE_S))) for one in waiting] == [["now"]] * 3


async def test_groups_read_apart(log: Log) -> None:
    await log.append([entry("1"), entry("2")], AT)
    first = await log.reader("first", ["t"])
    await commit(first, {record.place: record.offset + 1 for record in await first.poll(10, NO_WAIT)})
    await first.close()
    assert values(await everything(await log.reader("second", ["t"]))) == ["1", "2"]
    assert values(await everything(await log.reader("first", ["t"]))) == []


async def test_what_was_not_committed_is_read_again(log: Log) -> None:
    await log.append([entry("1"), entry("2"), entry("3")], AT)
    reader = await log.reader("g", ["t"])
    records = await reader.poll(3, NO_WAIT)
    await commit(reader, {records[0].place: records[0].offset + 1})
    await reader.close()
    assert values(await everything(await log.reader("g", ["t"]))) == ["2", "3"]


async def test_a_reader_goes_on_from_where_it_was_told_to(log: Log) -> None:
    await log.append([entry(str(n)) for n in range(5)], AT)
    reader = await log.reader("g", ["t"])
    records = await everything(reader)
    await reader.seek({records[0].place: records[3].offset})
    assert values(await everything(reader)) == ["3", "4"]
    await reader.seek({records[0].place: records[0].offset})
    assert values(await everything(reader)) == ["0", "1", "2", "3", "4"]


async def test_seeking_is_not_committing(log: Log) -> None:
    await log.append([entry("1"), entry("2")], AT)
    reader = await log.reader("g", ["t"])
    [first, second] = await everything(reader)
    await reader.seek({second.place: second.offset})
    await reader.close()
    assert values(await everything(await log.reader("g", ["t"]))) == [first.value.decode(), second.value.decode()]


async def test_a_follower_begins_at_the_beginning_and_shares_with_nobody(log: Log) -> None:
    await log.append([entry(str(n), key=f"h{n}") for n in range(8)], AT)
    first = await log.reader(None, ["t"])
    records = await everything(first)
    await first.commit({record.place: record.offset + 1 for record in records})
    assert await first.committed() == {}
    second = await log.reader(None, ["t"])
    assert second.assignment().partitions == frozenset(range(4))
    assert sorted(values(await everything(second))) == sorted(values(records)) == [str(n) for n in range(8)]
    await log.append([entry("8", key="h1")], AT)
    assert values(await everything(first)) == values(await everything(second)) == ["8"]


async def test_a_reader_is_told_what_its_group_has_committed(log: Log) -> None:
    await log.append([entry(str(part), key="", partition=part) for part in range(3)], AT)
    reader = await log.reader("g", ["t", "u"])
    assert await reader.committed() == {}
    await commit(reader, {("t", 0): 1, ("t", 2): 1, ("u", 1): 0})
    await commit(reader, {("t", 2): 0})
    assert await reader.committed() == {("t", 0): 1, ("t", 2): 0, ("u", 1): 0}
    await reader.close()
    again = await log.reader("g", ["t"])
    assert await again.committed() == {("t", 0): 1, ("t", 2): 0}
    assert sorted(values(await everything(again))) == ["1", "2"]


async def test_what_a_reader_does_not_own_is_passed_over(log: Log) -> None:
    await log.append([entry("1")], AT)
    reader = await log.reader("g", ["t"])
    await reader.seek({("t", 4): 9, ("u", 0): 9})
    await reader.commit({("t", 4): 9, ("u", 0): 9})
    assert await reader.committed() == {}
    assert values(await everything(reader)) == ["1"]


async def test_what_waits_for_a_group_is_told_by_its_oldest_record(log: Log) -> None:
    async def since(group: str) -> datetime | None:
        """A Kafka that has had no group yet begins to keep some when it is first asked."""
        return await patiently(lambda: log.waiting_since(group, "t"))

    assert await since("g") is None
    for number in range(3):
        moment = AT + timedelta(seconds=number)
        await log.append([entry(f"{number}{part}", key="", partition=part) for part in range(2)], moment)
    await log.append([entry("elsewhere", topic="u")], AT - timedelta(hours=1))
    assert await since("g") == AT
    reader = await log.reader("g", ["t"])
    await commit(reader, {("t", 0): 1})
    assert await since("g") == AT
    await commit(reader, {("t", 1): 2})
    assert await since("g") == AT + timedelta(seconds=1)
    await commit(reader, {("t", 0): 3})
    assert await since("g") == AT + timedelta(seconds=2)
    await commit(reader, {("t", 1): 3})
    assert await since("g") is None
    assert await since("other") == AT


async def test_what_a_device_has_broken_comes_back(log: Log) -> None:
    await log.append([Entry(topic="t", key="h\ud800", value=b"", headers={"ce_id": "\udfff"})], AT)
    [record] = await everything(await log.reader("g", ["t"]))
    assert (record.key, dict(record.headers), record.value) == ("h\ud800", {"ce_id": "\udfff"}, b"")


async def test_a_large_record_holds_nothing_up(log: Log) -> None:
    large = b"x" * (3 * 1024 * 1024)
    await log.append([entry("before"), Entry(topic="t", key="h1", value=large), entry("after")], AT)
    await log.append(
        [entry("before", topic="u"), Entry(topic="u", key="h1", value=large), entry("after", topic="u")], AT
    )
    records = await everything(await log.reader("g", ["t", "u"]))
    assert [record.value for record in records] == [b"before", large, b"after"] * 2


async def test_the_only_member_of_a_group_owns_every_partition(log: Log) -> None:
    reader = await log.reader("g", ["t", "u"])
    assert reader.assignment().partitions == frozenset(range(log.partitions))
    assert reader.assignment() == reader.assignment()


async def test_of_many_appends_at_once_none_is_lost_and_each_stays_together(log: Log) -> None:
    writers, each = 40, 5
    await asyncio.gather(
        *(
            log.append([entry(f"{writer}/{n}", key=f"h{writer % 3}") for n in range(each)], AT)
            for writer in range(writers)
        )
    )
    records = await everything(await log.reader("g", ["t"]))
    assert len({(record.place, record.offset) for record in records}) == writers * each
    for key in ("h0", "h1", "h2"):
        of_key = values([record for record in records if record.key == key])
        whole = [of_key[start : start + each] for start in range(0, len(of_key), each)]
        assert all([line.split("/")[1] for line in lines] == ["0", "1", "2", "3", "4"] for lines in whole)
        assert all(len({line.split("/")[0] for line in lines}) == 1 for lines in whole)


async def test_appends_land_in_the_order_they_were_asked_for(log: Log) -> None:
    await asyncio.gather(*(log.append([entry(str(n))], AT) for n in range(60)))
    assert values(await everything(await log.reader("g", ["t"]))) == [str(n) for n in range(60)]


async def test_an_append_that_returned_is_read_at_once(log: Log) -> None:
    reader = await log.reader("g", ["t"])
    for number in range(20):
        await log.append([entry(str(number))], AT)
        assert values(list(await reader.poll(10, NO_WAIT))) == [str(number)]


async def test_an_append_whose_caller_gave_up_harms_no_other(log: Log) -> None:
    given_up = asyncio.ensure_future(log.append([entry("given up")], AT))
    other = asyncio.ensure_future(log.append([entry("other")], AT))
    await asyncio.gather(asyncio.wait([given_up], timeout=0))
    given_up.cancel()
    await other
    assert "other" in values(await everything(await log.reader("g", ["t"])))


async def test_the_tail_is_newest_first(log: Log) -> None:
    for number in range(6):
        await log.append([entry(str(number), key=f"h{number}")], AT + timedelta(milliseconds=500 * number))
    await log.append([entry("elsewhere", topic="u")], AT + timedelta(hours=1))
    assert values(list(await log.tail("t", 4))) == ["5", "4", "3", "2"]
    assert values(list(await log.tail("t", 99))) == ["5", "4", "3", "2", "1", "0"]
    assert await log.tail("nothing", 4) == []


async def test_trimming_forgets_what_is_older_and_only_that(trimmed: Log) -> None:
    log = trimmed
    for number in range(4):
        await log.append([entry(str(number))], AT + timedelta(milliseconds=500 * number))
    await log.append([entry("elsewhere", topic="u")], AT)
    reader = await log.reader("g", ["t"])
    assert await log.trim("t", AT + timedelta(seconds=1)) == 2
    assert values(await everything(reader)) == ["2", "3"]
    assert values(await everything(await log.reader("g", ["u"]))) == ["elsewhere"]


async def test_offsets_go_on_after_everything_was_trimmed(trimmed: Log) -> None:
    log = trimmed
    await log.append([entry("1"), entry("2")], AT)
    reader = await log.reader("g", ["t"])
    before = await everything(reader)
    await log.trim("t", AT + timedelta(days=1))
    await log.append([entry("3")], AT)
    [record] = await everything(reader)
    assert (record.value, record.offset) == (b"3", before[-1].offset + 1)


async def test_a_reader_is_told_where_its_topics_end(log: Log) -> None:
    reader = await log.reader("g", ["t", "u"])
    assert all(end == 0 for end in (await reader.ends()).values())
    await log.append([entry("1"), entry("2"), entry("3", topic="elsewhere")], AT)
    records = await everything(reader)
    ends = await reader.ends()
    assert {place: end for place, end in ends.items() if end} == {records[-1].place: records[-1].offset + 1}
    await log.trim("t", AT + timedelta(days=1))
    assert await reader.ends() == ends


async def test_records_stay_when_the_log_is_opened_again(opener: Opener, tmp_path: Path, clock: ManualClock) -> None:
    log = await opener(tmp_path, 4, clock)
    await log.append([entry("1"), entry("2")], AT)
    await log.close()
    log = await opener(tmp_path, 4, clock)
    await log.append([entry("3")], AT)
    records = await everything(await log.reader("g", ["t"]))
    assert values(records) == ["1", "2", "3"]
    assert [record.offset for record in records] == [records[0].offset + n for n in range(3)]
    await log.close()


async def test_positions_stay_when_the_log_is_opened_again(opener: Opener, tmp_path: Path, clock: ManualClock) -> None:
    log = await opener(tmp_path, 4, clock)
    await log.append([entry("1"), entry("2")], AT)
    reader = await log.reader("g", ["t"])
    [first] = await reader.poll(1, NO_WAIT)
    await commit(reader, {first.place: first.offset + 1})
    await log.close()
    log = await opener(tmp_path, 4, clock)
    assert values(await everything(await log.reader("g", ["t"]))) == ["2"]
    assert values(await everything(await log.reader("other", ["t"]))) == ["1", "2"]
    await log.close()


async def test_the_partition_count_is_the_one_the_log_was_made_with(
    opener: Opener, tmp_path: Path, clock: ManualClock
) -> None:
    log = await opener(tmp_path, 4, clock)
    await log.append([entry("1", key="home-007")], AT)
    await log.close()
    log = await opener(tmp_path, 16, clock)
    assert log.partitions == 4
    await log.append([entry("2", key="home-007")], AT)
    records = await everything(await log.reader("g", ["t"]))
    assert len({record.partition for record in records}) == 1
    assert values(records) == ["1", "2"]
    await log.close()
