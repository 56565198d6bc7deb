"""The highest sustained rate: a backlog is made while nobody reads it, and the slope of working it off is measured in its
middle, at the ends of the topics that the work ends in."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.stage import Bare, Stage
from carebell.topics import Topic
from tests.support.flow import Flow
from tests.support.room import Room, apart

MESSAGES, HOMES, MARK_EVERY = 60_000, 10_000, 100
_LOOK_EVERY_S = 0.05
_WITHIN_S = 120
_FROM, _TO = 0.2, 0.8
_HEADER = f"{'':<58} {'no logic':>10} {'Carebell':>10} {'ratio':>7}"


def throughput(stage: Stage) -> None:
    """Ingest alone, rules alone, both together."""
    print(f"\nhighest sustained messages a second: the middle of a backlog of {MESSAGES:,}, {HOMES:,} homes")
    print(_HEADER)
    bare_ingest, bare_rules = _bare_apart(stage)
    ingest, rules = _apart(stage)
    _print("ingest alone: MQTT → Kafka", bare_ingest, ingest)
    _print(f"rules alone: Kafka → Kafka (1 alert in {MARK_EVERY}, states saved)", bare_rules, rules)
    _print("both together", _bare_together(stage), _together(stage))


def _print(name: str, bare: float, ours: float) -> None:
    print(f"{name:<58} {bare:>10,.0f} {ours:>10,.0f} {ours / bare:>6.2f}×", flush=True)


def _bare_apart(stage: Stage) -> tuple[float, float]:
    with stage.room() as room:
        bare = Bare.of(room)
        with bare.bridge():
            pass
        _fill(room, "bare")
        with _Growth(room, bare.near) as growth, bare.bridge():
            ingest = growth.slope(MESSAGES)
        with _Growth(room, bare.far) as growth, bare.relay():
            return ingest, growth.slope(MESSAGES)


def _bare_together(stage: Stage) -> float:
    with stage.room() as room:
        bare = Bare.of(room)
        with bare.bridge():
            pass
        _fill(room, "bare")
        with _Growth(room, bare.far) as growth, bare.relay(), bare.bridge():
            return growth.slope(MESSAGES)


def _apart(stage: Stage) -> tuple[float, float]:
    with stage.room() as room:
        room.append_homes(HOMES)
        _listen_and_leave(room)
        _fill(room, "carebell")
        with _Growth(room, room.topic(Topic.TELEMETRY)) as growth:
            ingest = room.add("ingest").launch()
            ingest_rate = growth.slope(MESSAGES)
        ingest.terminate()
        with _Growth(room, room.topic(Topic.ALERTS)) as growth:
            room.add("rules").launch()
            return ingest_rate, growth.slope(MESSAGES // MARK_EVERY) * MARK_EVERY


def _together(stage: Stage) -> float:
    with stage.room() as room:
        room.append_homes(HOMES)
        _listen_and_leave(room)
        _fill(room, "carebell")
        with _Growth(room, room.topic(Topic.ALERTS)) as growth:
            room.add("rules").launch()
            room.add("ingest").launch()
            return growth.slope(MESSAGES // MARK_EVERY) * MARK_EVERY


def _listen_and_leave(room: Room) -> None:
    """From now on the broker keeps for it what comes."""
    room.start("ingest").terminate()


def _fill(room: Room, prefix: str) -> None:
    told = room.generate("all", Flow(prefix, HOMES, mark_every=MARK_EVERY), "--count", str(MESSAGES))
    assert told["said"] == MESSAGES


class _Growth:
    """Looks at how far the ends of a topic have moved, many times a second, from the start to the end of a context."""

    def __init__(self, room: Room, topic: str) -> None:
        self._room = room
        self._places = [TopicPartition(topic, part) for part in range(room.partitions)]
        self._before = 0

    def __enter__(self) -> "_Growth":
        self._before = sum(self._room.ends([self._places[0].topic]).values())
        return self

    def __exit__(self, *_: object) -> None: ...

    def slope(self, count: int) -> float:
        """Records a second in the middle of so many; it returns when all of them are there."""
        return slope(apart(self._watch(count)), count)

    async def _watch(self, count: int) -> Sequence[tuple[float, int]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._room.kafka, group_id=None)
        await consumer.start()
        try:
            seen = [(time.monotonic(), 0)]
            while seen[-1][1] < count:
                assert time.monotonic() < seen[0][0] + _WITHIN_S, f"{seen[-1][1]} of {count} within {_WITHIN_S} s"
                await asyncio.sleep(_LOOK_EVERY_S)
                ends = await consumer.end_offsets(self._places)
                seen.append((time.monotonic(), sum(ends.values()) - self._before))
            return seen
        finally:
            await consumer.stop()


def slope(seen: Sequence[tuple[float, int]], count: int) -> float:
    """From the moment at which a fifth was there to the one at which four fifths were."""
    first = next(one for one in seen if one[1] >= count * _FROM)
    last = next(one for one in seen if one[1] >= count * _TO)
    return (last[1] - first[1]) / (last[0] - first[0])
