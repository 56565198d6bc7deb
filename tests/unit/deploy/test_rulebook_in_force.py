"""A box keeps the rulebook that it began with, and whoever starts the rules is told when it is another than before."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from carebell.clock import ManualClock
from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.telemetry import Telemetry
from carebell.topics import Topic
from carebell.wire import encode
from deploy.rulebook_in_force import keep_rulebook, rulebook_in_force, tell_rulebook
from tests.support.homeline import START, HomeLine, reading, shipped_rulebook, shipped_text


@pytest.fixture
async def log() -> AsyncIterator[SqliteLog]:
    opened = await SqliteLog.open(":memory:", 1, ManualClock(START))
    yield opened
    await opened.close()


def instruments(lines: io.StringIO) -> Instruments:
    return Instruments(ManualClock(START), Telemetry(), open_logs(lines))


async def told(log: SqliteLog) -> str:
    lines = io.StringIO()
    await tell_rulebook(log, shipped_rulebook(), instruments(lines))
    return lines.getvalue()


async def raise_under(log: SqliteLog, *labels: str) -> None:
    [alert] = HomeLine().hear(reading())
    for label in labels:
        value = encode(replace(alert, rulebook=label))
        await log.append([Entry(topic=Topic.ALERTS, key="h", value=value)], START)


async def test_another_rulebook_than_that_of_the_last_alert_is_told_with_both(log: SqliteLog) -> None:
    await raise_under(log, shipped_rulebook().label, "0+older", "")
    await log.append([Entry(topic=Topic.ALERTS, key="h", value=b"?")], START)
    line = await told(log)
    assert "the rulebook has changed" in line
    assert '"before": "0+older"' in line
    assert shipped_rulebook().label in line


async def test_nothing_is_told_of_the_same_one_nor_at_the_very_first(log: SqliteLog) -> None:
    assert await told(log) == ""
    await raise_under(log, "0+older", shipped_rulebook().label)
    assert await told(log) == ""


async def test_a_log_that_is_away_keeps_nobody_from_beginning(log: SqliteLog) -> None:
    class Away(SqliteLog):
        async def tail(self, topic: str, limit: int) -> list[object]:  # type: ignore[override]
            raise OSError("no way there")

    away = Away(":memory:", 1, ManualClock(START))
    assert "no way there" in await told(away)
    await away.close()


def test_a_box_keeps_what_it_began_with_and_others_read_it(tmp_path: Path) -> None:
    assert rulebook_in_force(tmp_path, None).label == shipped_rulebook().label
    text = shipped_text().replace("version: ", "version: mine # ", 1)
    keep_rulebook(tmp_path, text, instruments(io.StringIO()))
    assert rulebook_in_force(tmp_path, None).version == "mine"


def test_a_disk_that_takes_nothing_is_told_of_and_keeps_no_box_from_beginning(tmp_path: Path) -> None:
    lines = io.StringIO()
    keep_rulebook(tmp_path / "nowhere", shipped_text(), instruments(lines))
    assert "the rulebook is not kept" in lines.getvalue()
