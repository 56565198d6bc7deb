"""A village that lives its days at the speed of the clock, over real MQTT connections: thousands of homes in one process.

each home, an hour ahead: plan ─▶ what it says, by due time ─▶ one heap for all ─▶ its voice ─▶ its line
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson

from carebell.clock import Clock, pause, wait_set
from carebell.mqtt import MqttAddress
from carebell.types import URGENT_KINDS
from devices.registry import Home
from devices.simulator.day import DAY_S, Said, plan_day
from devices.simulator.home import Press
from devices.simulator.lines import Lines
from devices.simulator.trouble import Day, Truth, live_day
from devices.simulator.voice import Moment, Spoken, spoken

_LOOK_EVERY = timedelta(milliseconds=500)
_AHEAD = timedelta(hours=1)
_BEGIN_WITHIN = timedelta(seconds=60)
_AT_ONCE = 200


def _nobody(_truth: Truth) -> None:
    """The truth of a village without incidents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How a village lives. `speed`: seconds lived per second of the clock. `incidents`: how many a home has a day, None for
    days without any trouble; `on_truth` is told of each when it begins."""

    seed: int
    speed: float = 1.0
    incidents: float | None = None
    on_truth: Callable[[Truth], None] = _nobody

    def day(self, home: Home, number: int, beats: tuple[int, int]) -> Day:
        """A day by its number; of its heartbeats only those of some seconds."""
        if self.incidents is None:
            return Day(plan_day(home, self.seed, number, beats))
        return live_day(home, self.seed, number, incidents=self.incidents, beats=beats)


@dataclass(slots=True)
class Told:
    """What the village has said so far: messages, those that nobody listened to, calls, those that were not received."""

    messages: int = 0
    lost: int = 0
    calls: int = 0
    unheard: int = 0
    late_s: float = 0.0


@dataclass(order=True, slots=True)
class _Due:
    """Something to do at a lived time; without a word, to plan on."""

    at: datetime
    order: int
    home: int = field(compare=False)
    word: Said | Spoken | Truth | None = field(compare=False, default=None)


async def live_village(
    homes: Sequence[Home], address: MqttAddress, clock: Clock, script: Script, stop: asyncio.Event
) -> Told:
    """Run the homes until told to stop."""
    lines = Lines(homes, address, clock, script.seed)
    village = _Village(homes, lines, clock, script)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lines.run(over))
        while not await wait_set(stop, clock, _LOOK_EVERY):
            await village.turn()
        over.set()
    village.told.unheard = lines.unheard
    return village.told


class _Village:
    def __init__(self, homes: Sequence[Home], lines: Lines, clock: Clock, script: Script) -> None:
        self.told = Told()
        self._homes = homes
        self._devices = [{device.device_id: device for device in home.devices} for home in homes]
        self._lines = lines
        self._clock = clock
        self._script = script
        self._order = itertools.count()
        # Numbers of messages go on where a village of before ended: they are part of what a message is known by.
        self._numbers = itertools.count(int(clock.now().timestamp()) % 1_000_000_000)
        self._began_at = clock.now()
        # Not all homes plan in the same moment.
        apart = min(_BEGIN_WITHIN / len(homes), timedelta(milliseconds=10))
        begins = [self._began_at + number * apart * script.speed for number in range(len(homes))]
        self._due = [_Due(at, next(self._order), number) for number, at in enumerate(begins)]
        self._planned = begins
        self._begun: set[int] = set()
        heapq.heapify(self._due)

    async def turn(self) -> None:
        """Everything that is due by now; others are let in between."""
        lived = self._lived(self._clock.now())
        for count in itertools.count(1):
            if not self._due or self._due[0].at > lived:
                return
            due = heapq.heappop(self._due)
            self.told.late_s = max(self.told.late_s, (lived - due.at).total_seconds() / self._script.speed)
            self._do(due)
            if count % _AT_ONCE == 0:
                await pause(self._clock, timedelta(0))

    def _lived(self, now: datetime) -> datetime:
        return self._began_at + (now - self._began_at) * self._script.speed

    def _clock_at(self, lived: datetime) -> datetime:
        return self._began_at + (lived - self._began_at) / self._script.speed

    def _do(self, due: _Due) -> None:
        if due.word is None:
            self._plan(due.home)
        elif isinstance(due.word, Truth):
            self._script.on_truth(due.word)
        elif isinstance(due.word, Spoken):
            self._say(due.home, due.word)
        else:
            self._speak(due, due.word)

    def _plan(self, number: int) -> None:
        begins = self._planned[number]
        ends = self._planned[number] = begins + self._ahead(number)
        for at, word in self._words(self._homes[number], begins, ends):
            heapq.heappush(self._due, _Due(at, next(self._order), number, word))
        heapq.heappush(self._due, _Due(ends, next(self._order), number))

    def _ahead(self, number: int) -> timedelta:
        """The first plan of each home is a shorter one, by its number: from then on they plan at different times."""
        if number in self._begun:
            return _AHEAD
        self._begun.add(number)
        return _AHEAD * ((number % 60 + 1) / 60)

    def _words(self, home: Home, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, Said | Truth]]:
        zone = ZoneInfo(home.timezone)
        first, last = begins.astimezone(zone).toordinal(), ends.astimezone(zone).toordinal()
        for number in range(first, last + 1):
            midnight = datetime.fromordinal(number).replace(tzinfo=zone)
            from_s, to_s = (max(0, int((at - midnight).total_seconds())) for at in (begins, ends))
            day = self._script.day(home, number, (from_s, min(DAY_S, to_s + 1)))
            for incident in day.incidents:
                at = midnight + timedelta(seconds=incident.second)
                if begins <= at < ends:
                    until = self._clock_at(midnight + timedelta(seconds=incident.until))
                    yield (
                        at,
                        Truth(
                            home_id=home.home_id,
                            what=incident.what,
                            device_id=incident.device_id,
                            at=self._clock_at(at),
                            until=until,
                        ),
                    )
            for said in day.said:
                at = midnight + timedelta(seconds=min(said.second, DAY_S - 1))
                if begins <= at < ends:
                    yield at, said

    def _speak(self, due: _Due, said: Said) -> None:
        home, device = self._homes[due.home], self._devices[due.home][said.device_id]
        moment = Moment(self._clock.now(), next(self._numbers))
        for one in spoken(home, device, said, moment):
            if one.after_s:
                later = due.at + timedelta(seconds=one.after_s)
                heapq.heappush(self._due, _Due(later, next(self._order), due.home, one))
            elif said.kind in URGENT_KINDS:
                self._call(due.home, one, f"{home.home_id}-{moment.number}", is_native=not device.dialect)
            else:
                self._say(due.home, one)

    def _say(self, number: int, one: Spoken) -> None:
        self.told.messages += 1
        self.told.lost += not self._lines.publish(number, one)

    def _call(self, number: int, one: Spoken, call_id: str, *, is_native: bool) -> None:
        self.told.messages += 1
        self.told.calls += 1
        press = None
        if is_native:
            payload = orjson.dumps({"id": call_id, **orjson.loads(one.payload)})
            one = Spoken(one.topic, payload)
            press = Press("", call_id, self._clock.now(), payload, asyncio.Event(), asyncio.Event())
        self._lines.call(number, one, press)
