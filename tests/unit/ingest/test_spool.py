"""A call that the log does not take goes to disk after five seconds, and from there into the log, also after a crash."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from carebell.log import Entry
from carebell.topics import Topic, partition_of
from carebell.types import Reading
from ingest.spool_sqlite import FILE, NOTHING, Spool
from ingest.spooler import open_spooler
from tests.support.build import instruments, seconds
from tests.support.intake import AT, PARTITIONS, Desk, desk

BOTH = {Topic.URGENT, Topic.TELEMETRY}


def call(name: str) -> dict[str, str]:
    return {"id": name, "kind": "sos", "at": "2026-03-01T07:59:58Z"}


async def spooled(folder: Path) -> list[str]:
    spool = await Spool.open(folder)
    rows = await spool.behind(NOTHING, 1000)
    await spool.close()
    return [row.place[1] for row in rows]


async def calls(box: Desk) -> list[str]:
    return [one.source_message_id for one in await box.held(Topic.URGENT) if isinstance(one, Reading)]


@pytest.mark.parametrize("is_held", [False, True], ids=["refuses", "hangs"])
async def test_a_call_is_spooled_after_five_seconds_and_told_and_acknowledged_only_later(
    is_held: bool, tmp_path: Path
) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.held, box.log.refused = (set(BOTH), set()) if is_held else (set(), set(BOTH))
        box.arrive(1, {"id": "m", "kind": "motion", "value": True})
        box.arrive(2, call("a"))
        await box.until(lambda: box.clock.now() >= AT + seconds(4.9))
        assert await spooled(tmp_path) == []
        await box.until(lambda: box.clock.now() >= AT + seconds(6.1))
        assert len(await spooled(tmp_path)) == 1
        assert box.spooler.problem == "1 calls for help wait for the log on local disk"
        assert (box.outlet.acknowledged, box.outlet.replies) == ([], [])
        assert b"carebell_spool_waiting 1.0" in box.telemetry.exposition()
        box.log.refused.clear()
        box.log.release()
        await box.work_off()
        await box.until(lambda: box.spooler.problem == "")
        assert box.outlet.acknowledged == [1, 2]
        assert (await spooled(tmp_path), await calls(box)) == ([], ["a"])
        assert b"carebell_spooled_total 1.0" in box.telemetry.exposition()
        assert b"carebell_spool_waiting 0.0" in box.telemetry.exposition()


async def test_what_a_crash_left_is_in_the_log_before_anything_else(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        for mid in range(3):
            box.arrive(mid, call(f"p{mid}"))
        await box.until(lambda: box.spooler.problem.endswith("on local disk"))
    async with desk(spool=tmp_path) as box:
        await box.until(lambda: len(box.log.appends) > 0)
        assert sorted(await calls(box)) == ["p0", "p1", "p2"]
        await box.until(lambda: box.spooler.problem == "")
        assert await spooled(tmp_path) == []


async def test_a_partition_that_takes_nothing_holds_up_no_other(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        for mid, home in enumerate(("h1", "h2", "h1")):
            box.arrive(mid, call(f"p{mid}"), f"carebell/{home}/d1/up")
        await box.until(lambda: box.spooler.problem.startswith("3 ") and box.spooler.problem.endswith("disk"))
    assert partition_of("h1", PARTITIONS) != partition_of("h2", PARTITIONS)
    async with desk(spool=tmp_path) as box:
        box.log.refused = {"h1"}
        await box.until(lambda: box.spooler.problem.startswith("2 "))
        await box.until(lambda: box.clock.now() >= AT + seconds(10))
        assert len(box.log.appends) == 1, "what the log has is not written again and again"
        box.log.refused = set()
        await box.until(lambda: box.spooler.problem == "")
        assert [[entry.key for entry in entries] for entries in box.log.appends] == [["h2"], ["h1", "h1"]]


async def test_a_call_that_the_log_refuses_for_ever_holds_up_none_of_those_that_a_crash_left(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        box.arrive(1, call("p1"))
        await box.until(lambda: box.spooler.problem.endswith("on local disk"))
        box.arrive(2, call("x" * 199))
        await box.until(lambda: box.spooler.problem.startswith("2 ") and box.spooler.problem.endswith("disk"))
    left = await spooled(tmp_path)
    async with desk(spool=tmp_path) as box:
        box.log.limit = 500
        box.arrive(1, call("y" * 199))
        await box.until(lambda: box.clock.now() >= AT + seconds(10))
        assert await calls(box) == ["p1"]
        assert len(await spooled(tmp_path)) == len(left)
        assert len(box.log.appends) == 1
        box.log.limit = None
        await box.until(lambda: box.spooler.problem == "")
        assert set(await calls(box)) == {"p1", "x" * 199, "y" * 199}


async def test_the_broker_gives_a_spooled_call_again_and_it_is_one(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        box.arrive(1, call("a"))
        await box.until(lambda: box.spooler.problem.endswith("on local disk"))
        box.outlet.generation = 2
        box.intake.forget()
        assert box.intake.under_way == 0, "the disk and the broker have it"
        box.arrive(1, call("a"))
        await box.until(lambda: box.clock.now() >= AT + seconds(20))
        assert len(await spooled(tmp_path)) == 1
        box.log.refused.clear()
        await box.work_off()
        await box.until(lambda: box.spooler.problem == "")
        assert box.outlet.acknowledged == [1]
        assert {one.id for one in await box.held(Topic.URGENT) if isinstance(one, Reading)} != set()
        assert len({one.id for one in await box.held(Topic.URGENT) if isinstance(one, Reading)}) == 1


async def test_calls_behind_everything_that_is_under_way_are_spooled(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        for mid in range(1000):
            box.arrive(mid, {"id": str(mid), "kind": "motion", "value": True})
        box.arrive(1000, call("last"))
        await box.until(lambda: box.clock.now() >= AT + seconds(7))
        assert len(await spooled(tmp_path)) == 1


async def test_a_spool_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        spool = box.spooler._spool
        assert spool is not None
        await spool._run(
            lambda connection: connection.execute(
                "CREATE TRIGGER full BEFORE INSERT ON spooled BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        )
        box.arrive(1, call("a"))
        await box.until(lambda: "disk full" in box.spooler.problem)
        await spool._run(lambda connection: connection.execute("DROP TRIGGER full"))
        await box.until(lambda: box.spooler.problem.endswith("on local disk"))
        assert len(await spooled(tmp_path)) == 1


async def test_the_spool_is_bounded(tmp_path: Path) -> None:
    spool = await Spool.open(tmp_path, limit=2)
    entries = [Entry(topic="t", key="k", value=b"v", headers={"ce_id": str(number)}) for number in range(3)]
    await spool.keep(entries[:2], AT)
    with pytest.raises(OSError, match="more than 2 are not kept"):
        await spool.keep(entries[2:], AT + timedelta(seconds=1))
    await spool.remove(["0"])
    await spool.keep(entries[2:], AT + timedelta(seconds=1))
    rows = await spool.behind(NOTHING, 9)
    assert [row.place[1] for row in rows] == ["1", "2"]
    assert [row.entry for row in rows] == entries[1:]
    assert await spool.behind(rows[0].place, 9) == rows[1:]
    await spool.close()
    assert os.path.getsize(tmp_path / FILE) > 0


async def test_a_disk_that_cannot_be_used_stops_nothing_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    async with desk() as box:
        spooler = await open_spooler(tmp_path / "file", box.log, instruments(box.clock))
        await spooler.turn([])
        assert spooler.problem.startswith("calls for help cannot be kept on local disk: ")
        await spooler.close()


async def test_a_call_that_its_device_repeats_is_one_call_that_waits(tmp_path: Path) -> None:
    async with desk(spool=tmp_path) as box:
        box.log.refused = set(BOTH)
        for number in range(1, 5):
            box.arrive(number, call("a"))
        await box.until(lambda: box.clock.now() >= AT + seconds(8))
        assert box.spooler.problem == "1 calls for help wait for the log on local disk"
        assert b"carebell_spooled_total 1.0" in box.telemetry.exposition()
