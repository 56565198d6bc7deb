"""A rules process is killed: how long until the other one judges what is pressed in the partitions of the dead one.

A press is appended to every partition many times a second. The longest wait of one in a lost partition is the take-over; it
is split at the moment when Kafka has noticed the death, and at the one when it has divided the partitions anew.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from bench.stage import Stage
from bench.states import save_states
from carebell.clock import SystemClock
from carebell.log_kafka import KafkaLog
from carebell.topics import Topic
from rules_engine.main import SCOPE
from tests.support.city_process import CityProcess
from tests.support.entries import press_entry
from tests.support.part import Mark
from tests.support.room import Room, apart

HOMES, TIMES = 100_000, 2
_PRESS_EVERY_S, _LOOK_EVERY_S = 0.1, 0.02
_WITHIN_S = 90
_QUIET_S = 3
_STABLE = "Stable"


@dataclass(slots=True)
class _Seen:
    """Moments on the wall clock."""

    killed: float = 0.0
    noticed: float = 0.0
    divided: float = 0.0
    presses: int = 0


def takeover(stage: Stage) -> None:
    """So many times, each with two processes that have settled."""
    print(f"\ntake-over of a killed rules process, {HOMES:,} homes of state in all, seconds")
    print(f"{'':<58} {'noticed':>9} {'divided':>9} {'judged':>9} {'stall of the living':>20}")
    with stage.room() as room:
        size = save_states(room, HOMES)
        processes = [room.start("rules"), room.start("rules")]
        for number in range(TIMES):
            lost, seen, marks = _kill_one(room, processes[0], number)
            judged = max(mark.seen for mark in marks if mark.partition in lost and mark.said <= seen.divided)
            stall = max(mark.seen - mark.said for mark in marks if mark.partition not in lost)
            times = (at - seen.killed for at in (seen.noticed, seen.divided, judged))
            name = f"{number + 1}. {len(lost)} of {room.partitions} partitions lost, states of {size:,.0f} bytes"
            print(f"{name:<58} " + " ".join(f"{one:>9.2f}" for one in times) + f" {stall:>20.2f}", flush=True)
            processes = [processes[1], room.start("rules")]


def _kill_one(room: Room, victim: CityProcess, round_: int) -> tuple[frozenset[int], _Seen, list[Mark]]:
    with room.sink(room.topic(Topic.ALERTS)) as sink:
        owned, seen = apart(_measure(room, victim, round_))
        marks = sink.wait_for(seen.presses, _WITHIN_S)
    return owned, seen, [mark for mark in marks if mark.seen >= seen.killed]


async def _measure(room: Room, victim: CityProcess, round_: int) -> tuple[frozenset[int], _Seen]:
    """Press, kill, watch the group, press on until all is quiet again."""
    clock, seen = SystemClock(), _Seen()
    log = await KafkaLog.open(room.kafka, clock, namespace=room.namespace)
    admin = AIOKafkaAdminClient(bootstrap_servers=room.kafka)
    await admin.start()
    pressing = asyncio.create_task(_press(room, log, seen, round_))
    try:
        lost = await _settled(room, admin, victim)
        await asyncio.sleep(_QUIET_S)
        victim.kill()
        seen.killed = time.time()
        seen.noticed = await _when(room, admin, lambda state: state != _STABLE)
        seen.divided = await _when(room, admin, lambda state: state == _STABLE)
        await asyncio.sleep(_QUIET_S)
    finally:
        pressing.cancel()
        await asyncio.gather(pressing, return_exceptions=True)
        await admin.close()
        await log.close()
    return lost, seen


async def _press(room: Room, log: KafkaLog, seen: _Seen, round_: int) -> None:
    """One press a partition, again and again; each is counted when the log has it."""
    while True:
        first = (round_ + 1) * 1_000_000 + seen.presses
        parts = range(room.partitions)
        await log.append([press_entry(first + part, part, room.partitions) for part in parts], SystemClock().now())
        seen.presses += room.partitions
        await asyncio.sleep(_PRESS_EVERY_S)


async def _settled(room: Room, admin: AIOKafkaAdminClient, victim: CityProcess) -> frozenset[int]:
    """Both have their halves; those of the one that will die."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        state, members = await _group(room, admin)
        if state == _STABLE and len(members) == 2 and all(members.values()):
            [parts] = [parts for name, parts in members.items() if f"-{victim.pid}-" in name]
            return parts
        assert time.monotonic() < deadline, f"the group does not settle: {state} {members}"
        await asyncio.sleep(_LOOK_EVERY_S)


async def _when(room: Room, admin: AIOKafkaAdminClient, is_so) -> float:
    deadline = time.monotonic() + _WITHIN_S
    while not is_so((await _group(room, admin))[0]):
        assert time.monotonic() < deadline, "the group does not change"
        await asyncio.sleep(_LOOK_EVERY_S)
    return time.time()


async def _group(room: Room, admin: AIOKafkaAdminClient) -> tuple[str, Mapping[str, frozenset[int]]]:
    """The state of the group of the rules, and the partitions of each member by its client id."""
    [answer] = await admin.describe_consumer_groups([room.namespace + SCOPE])
    [(_, _, state, _, _, members, *_)] = answer.groups
    owned = {}
    for member in members:
        _, client_id, _, _, assigned = member[:5]
        topics = ConsumerProtocolMemberAssignment.decode(assigned).assignment if assigned else []
        owned[client_id] = frozenset(part for _, parts in topics for part in parts)
    return state, owned
