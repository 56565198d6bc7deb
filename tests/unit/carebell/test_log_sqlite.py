"""How the log on one file fails: loudly, to whoever waits, and without harm to what stands there."""

import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carebell.clock import ManualClock
from carebell.log import Entry, Record
from carebell.log_sqlite import TRIM_PIECE, SqliteLog
from tests.support.patience import PATIENCE_S

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def entry(value: str, key: str = "h") -> Entry:
    return Entry(topic="t", key=key, value=value.encode())


async def opened(path: Path) -> SqliteLog:
    return await SqliteLog.open(path, 2, ManualClock(AT))


async def held(log: SqliteLog) -> list[str]:
    reader = await log.reader("g", ["t"])
    records = await reader.poll(100, timedelta(0))
    await reader.close()
    return [record.value.decode() for record in records]


def refuse_writes(path: Path, *, refuse: bool) -> None:
    """A disk that takes nothing: every insert into the table fails as it would on a full one."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END"
            if refuse
            else "DROP TRIGGER full"
        )
    connection.close()


async def test_a_disk_that_takes_nothing_is_an_oserror_and_says_why(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    await log.append([entry("before")], AT)
    refuse_writes(tmp_path / "log.db", refuse=True)
    with pytest.raises(OSError, match="disk full"):
        await log.append([entry("lost")], AT)
    assert await held(log) == ["before"]
    await log.close()


async def test_everyone_who_waits_on_a_failing_disk_is_told(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    refuse_writes(tmp_path / "log.db", refuse=True)
    outcomes = await asyncio.gather(*(log.append([entry(str(n))], AT) for n in range(20)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError] * 20
    assert await held(log) == []
    await log.close()


async def test_the_log_goes_on_when_the_disk_does(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    refuse_writes(tmp_path / "log.db", refuse=True)
    with pytest.raises(OSError, match="could not be written"):
        await log.append([entry("again")], AT)
    refuse_writes(tmp_path / "log.db", refuse=False)
    await log.append([entry("again")], AT)
    assert await held(log) == ["again"]
    await log.close()


async def test_a_file_that_is_overwritten_with_rubbish_fails_an_append_loudly(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await (await opened(path)).close()
    path.write_bytes(b"rubbish" * 4096)
    with pytest.raises(OSError, match="could not be opened"):
        await opened(path)


async def test_a_file_that_is_no_log_is_an_oserror_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not be opened"):
        await opened(tmp_path / "no such folder" / "log.db")


async def test_an_append_that_cannot_be_told_in_bytes_is_told_to_its_caller(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    with pytest.raises(UnicodeEncodeError):
        await asyncio.wait_for(log.append([Entry(topic="\ud800", key="h", value=b"1")], AT), PATIENCE_S)
    await asyncio.wait_for(log.append([entry("2")], AT), PATIENCE_S)
    assert await held(log) == ["2"]
    await log.close()


async def test_an_append_to_a_closed_log_does_not_wait_for_ever(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    await log.close()
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(log.append([entry("1")], AT), PATIENCE_S)


async def test_appends_that_wait_are_committed_together(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    statements: list[str] = []
    await log._writer.run(lambda connection: connection.set_trace_callback(statements.append))
    await asyncio.gather(*(log.append([entry(str(n))], AT) for n in range(50)))
    assert 1 <= statements.count("COMMIT") <= 2
    await log.close()


async def test_positions_are_committed_together(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    statements: list[str] = []
    await log._writer.run(lambda connection: connection.set_trace_callback(statements.append))
    reader = await log.reader("g", ["t"])
    await reader.commit({("t", 0): 4, ("t", 1): 9})
    assert statements.count("COMMIT") == 1
    await log.close()


async def test_every_commit_reaches_the_disk_before_it_returns(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    pragmas = [
        await log._writer.run(lambda connection, name=name: connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("synchronous", "journal_mode")
    ]
    assert pragmas == [2, "wal"]
    await log.close()


class Hurried(SqliteLog):
    """Something is appended just after the first look of a reader."""

    looks = 0

    async def fetch(self, positions: Mapping[str, Mapping[int, int]], limit: int) -> list[Record]:
        found = await super().fetch(positions, limit)
        self.looks += 1
        if self.looks == 1:
            await self.append([entry("just now")], AT)
        return found


async def test_an_append_between_looking_and_waiting_wakes_the_reader() -> None:
    log = await Hurried.open(":memory:", 2, ManualClock(AT))
    reader = await log.reader("g", ["t"])
    records = await asyncio.wait_for(reader.poll(10, timedelta(days=1)), PATIENCE_S)
    assert [record.value for record in records] == [b"just now"]
    await log.close()


async def test_more_than_a_piece_is_trimmed_whole(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    await log.append([entry(str(number)) for number in range(2 * TRIM_PIECE + 7)], AT)
    assert await log.trim("t", AT + timedelta(seconds=1)) == 2 * TRIM_PIECE + 7
    assert await held(log) == []
    await log.close()


async def test_closing_waits_for_the_append_under_way(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log.db")
    under_way = asyncio.ensure_future(log.append([entry("1")], AT))
    await asyncio.wait([under_way], timeout=0)
    await log.close()
    await under_way
    log = await opened(tmp_path / "log.db")
    assert await held(log) == ["1"]
    await log.close()


async def test_whoever_looks_on_sees_what_is_appended_and_can_change_nothing(tmp_path: Path) -> None:
    log = await opened(tmp_path / "log #1?.db")
    looking = await SqliteLog.look(tmp_path / "log #1?.db", ManualClock(AT))
    assert looking.partitions == 2
    reader = await looking.reader(None, ["t"])
    for value in ("one", "two"):
        await log.append([entry(value)], AT)
        assert [record.value for record in await reader.poll(9, timedelta(0))] == [value.encode()]
    with pytest.raises(OSError, match="readonly"):
        await looking.append([entry("three")], AT)
    assert await held(log) == ["one", "two"]
    await looking.close()
    await log.close()


async def test_there_is_nothing_to_look_at_where_no_log_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be read"):
        await SqliteLog.look(tmp_path / "log.db", ManualClock(AT))
    assert list(tmp_path.iterdir()) == []
