"""What a flood of telemetry does to calls for help: presses go through ingest and rules all the time, while the rules have
nothing else to do and while they work off a flood as fast as they can, in turn.

A flood lies in Kafka before it counts. Its end is marked in every partition, so that it is known when it was over: only
presses of a time in which every partition still had some of it count as pressed while saturated.
"""

import time
from dataclasses import dataclass, field

from carebell.clock import SystemClock
from carebell.topics import Topic
from tests.support.entries import motion_entry, weak_entry
from tests.support.flow import Flow
from tests.support.part import Mark, Sink
from tests.support.room import Room

HOMES, FLOOD, PER_S, EACH = 2000, 30_000, 20.0, 300
_REST_S, _PHASE_S = 1.0, 4.0
_SECONDS_AT_MOST = 240
_FLOOD_WITHIN_S = 60
_MARKS = 1_000_000_000


@dataclass(slots=True)
class Found:
    """Seconds from the press to its alert, of each press; readings of the flood worked off a second."""

    idle: list[float] = field(default_factory=list)
    saturated: list[float] = field(default_factory=list)
    flood_rate: float = 0.0


@dataclass(slots=True)
class _Phases:
    idle: list[tuple[float, float]] = field(default_factory=list)
    saturated: list[tuple[float, float]] = field(default_factory=list)

    def seconds(self) -> float:
        """Of the kind of which there is less."""
        return min(sum(end - begin for begin, end in some) for some in (self.idle, self.saturated))


def measure_lanes(room: Room) -> Found:
    """One ingest and one rules process of the room; phases in turn until there are enough presses of each kind."""
    room.append_homes(HOMES)
    room.start("rules")
    room.start("ingest")
    phases, rates = _Phases(), []
    flow = Flow("carebell", HOMES, marked_share=1.0)
    with room.sink(room.topic(Topic.ALERTS)) as sink:
        generator = room.generator("steady", flow, "--rate", str(PER_S), "--seconds", str(_SECONDS_AT_MOST))
        try:
            time.sleep(_PHASE_S)  # the first presses find everything new
            number = 0
            while phases.seconds() * PER_S < EACH * 1.1:
                _idle(phases)
                rates.append(_flood(room, sink, phases, number))
                number += 1
                assert generator.poll() is None, "the presses have ended before enough floods"
            time.sleep(_REST_S)
        finally:
            generator.kill()
            generator.communicate()
        presses = [mark for mark in sink.marks() if mark.number < _MARKS]
    return Found(_during(presses, phases.idle), _during(presses, phases.saturated), sum(rates) / len(rates))


def _idle(phases: _Phases) -> None:
    """As long as the flood before it."""
    begin = time.time()
    before, after = phases.saturated[-1] if phases.saturated else (0.0, _PHASE_S)
    time.sleep(max(_PHASE_S, after - before))
    phases.idle.append((begin, time.time()))


def _flood(room: Room, sink: Sink, phases: _Phases, number: int) -> float:
    """Append it, and note the time from then on to the first partition's last words; readings worked off a second."""
    now, first = SystemClock().now(), _MARKS + number * room.partitions
    flood = [motion_entry(one % HOMES, f"flood-{number}-{one}", now) for one in range(FLOOD)]
    ends = [weak_entry(first + part, part, room.partitions) for part in range(room.partitions)]
    room.append([*flood, *ends])
    begin = time.time()
    seen: list[Mark] = []
    deadline = time.monotonic() + _FLOOD_WITHIN_S
    while len(seen) < room.partitions:
        assert time.monotonic() < deadline, f"the flood was not worked off within {_FLOOD_WITHIN_S} s"
        time.sleep(0.2)
        seen = [mark for mark in sink.marks() if first <= mark.number < first + room.partitions]
    over = min(mark.seen for mark in seen)
    if over > begin:
        phases.saturated.append((begin, over))
    time.sleep(_REST_S)
    return FLOOD / (max(mark.seen for mark in seen) - now.timestamp())


def _during(presses: list[Mark], times: list[tuple[float, float]]) -> list[float]:
    return [mark.seen - mark.said for mark in presses if any(begin <= mark.said < end for begin, end in times)]
