"""A house to tell stories in: rules, casebook, escalation and delivery in one process on the ManualClock.

    house.at("00:00").device("button-1").presses()
    house.at("00:00").expect(told("desk-1"), told("family-1"))
    house.at("00:59").expect_nothing()

Times are MM:SS or HH:MM:SS since the story began. Moving to a time goes through every due time between. What was told is
expected at the very moment it was told: what nobody expected until then fails the next expectation.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import JsonValue

from carebell.bell import Bell
from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.ids import computed
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.step import earliest
from carebell.store_sql import SqlStore
from carebell.topics import Topic, lane_of
from carebell.types import Alert, AlertStatus, Reading, Severity
from carebell.wire import encode
from carebell.worker import Worker
from devices.confirm import Stage
from devices.registry import Home
from devices.registry_sql import SqlRegistry
from notifier.case_value import Acted, Case, Heard, Move, Purpose
from notifier.casebook import DeliveryRow, LineRow
from notifier.casebook_sql import SqlCasebook
from notifier.delivery import Courier, Delivery
from notifier.intake import GROUP, Intake
from notifier.person import Person
from notifier.policy import PolicyBook
from rules_engine.main import SCOPE, TOPICS, HomeJudge
from rules_engine.rulebook import read_rulebook
from tests.support import build
from tests.support.receivers import Attempt, RecordingChannel

Result = TypeVar("Result")
OWNER = "house"
NO_WAIT = timedelta(0)
_ROUNDS_AT_MOST = 1000
_ALWAYS = frozenset({"append", "commit", "save", "raise_alerts", "act", "record", "send"})
_IF_ANY = frozenset({"wake", "claim"})


class Told(NamedTuple):
    """Who was told, and why; `source_id` where a device is answered."""

    person_id: str
    purpose: Purpose
    source_id: str = ""


def told(person_id: str) -> Told:
    return Told(person_id, Purpose.CALL)


def told_again(person_id: str) -> Told:
    return Told(person_id, Purpose.AGAIN)


def reminded(person_id: str) -> Told:
    return Told(person_id, Purpose.REMINDER)


def coming(device_id: str, source_id: str) -> Told:
    return Told(device_id, Purpose.COMING, source_id)


def shows_received(device_id: str) -> Told:
    return Told(device_id, Purpose.RECEIVED)


def shows_coming(device_id: str) -> Told:
    return Told(device_id, Purpose.COMING)


def waits(device_id: str, source_id: str) -> Told:
    return Told(device_id, Purpose.PRE_ALARM, source_id)


def heard_test(device_id: str, source_id: str) -> Told:
    return Told(device_id, Purpose.TEST_OK, source_id)


class PulledPlug(BaseException):
    """The process is dead; not an Exception, so that nothing can catch it and go on."""


class Plug:
    """Pulled at a tick: right after a call of a port that has changed something. From then on nothing works."""

    def __init__(self, at: int | None = None) -> None:
        self.ticks = 0
        self._at = at
        self.is_pulled = False

    def check(self) -> None:
        if self.is_pulled:
            raise PulledPlug

    def tick(self) -> None:
        self.ticks += 1
        self.is_pulled = self.is_pulled or self.ticks == self._at
        self.check()

    def around(self, port: Any) -> Any:
        """The same port, with this plug in its line."""
        return _Wired(port, self)


class _Wired:
    def __init__(self, port: Any, plug: Plug) -> None:
        self._port = port
        self._plug = plug

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if not inspect.iscoroutinefunction(member):
            return member

        async def call(*given: Any, **named: Any) -> Any:
            self._plug.check()
            result = await member(*given, **named)
            if name in _ALWAYS or (name in _IF_ANY and result):
                self._plug.tick()
            return result

        return call


class House:
    """`folder`: on files, so that it can crash; else in memory."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        homes: Sequence[Home] = (build.home(),),
        responders: Sequence[Person] = (build.DESK, build.PROVIDER, build.HEALTH),
        policies: PolicyBook | None = None,
        plug: Plug | None = None,
        start: datetime = build.START,
    ) -> None:
        self._folder = folder
        self._homes = homes
        self._responders = responders
        self._policies = policies or build.default_policies()
        self._presses = 0
        self._expected = 0
        self.plug = plug or Plug()
        self.clock = ManualClock(start)
        self.sms = RecordingChannel("sms", self.clock)
        self.way_back = RecordingChannel("home", self.clock)
        self._power_on()

    # the story

    def at(self, time: str) -> "House":
        """Go to a moment, through every due time between."""
        self._do(self._go_to(build.START + _since_start(time)))
        return self

    until = at

    def device(self, device_id: str, home_id: str = "h1") -> "_Device":
        return _Device(self, device_id, home_id)

    def raises(self, *alerts: Alert) -> "House":
        """Alerts of some other rule, in one batch."""
        entries = [Entry(topic=Topic.ALERTS, key=alert.home_id, value=encode(alert)) for alert in alerts]
        return self._then(lambda: self.log.append(entries, self.clock.now()))

    def acts(self, move: Move, by: str, *, note: str = "", outcome: str = "", home_id: str = "h1") -> "House":
        acted = Acted(move=move, by=by, note=note, outcome=outcome)
        case_id = self.case(home_id).id
        return self._then(lambda: self.casebook.act(case_id, acted, self.clock.now()))

    def accepts(self, by: str) -> "House":
        return self.acts(Move.ACCEPT, by)

    def closes(self, by: str, outcome: str = "helped_at_home") -> "House":
        return self.acts(Move.CLOSE, by, outcome=outcome)

    def escalates(self, by: str) -> "House":
        return self.acts(Move.ESCALATE, by)

    def restarts(
        self, *, policies: PolicyBook | None = None, homes: Sequence[Home] | None = None, at: str = ""
    ) -> "House":
        """The same files, another process, at once or `at` a later time. The receivers are the same people."""
        self.power_off()
        self._policies = policies or self._policies
        self._homes = self._homes if homes is None else homes
        self.plug = Plug()
        if at:
            asyncio.run(self.clock.advance(build.START + _since_start(at) - self.clock.now()))
        self._power_on()
        return self

    def answers(self, device_id: str, stage: Stage) -> "House":
        """A device says how far the last signal to it has come."""
        delivery = [one for one in self.deliveries() if one.to == device_id][-1]
        return self._then(lambda: self.casebook.heard(Heard(delivery.id, stage), self.clock.now()))

    # what is expected

    def expect(self, *expected: Told) -> "House":
        """Exactly these were told since the last expectation, all of them now."""
        news = self.attempts()[self._expected :]
        self._expected += len(news)
        late = [(str(one.at - build.START), _told(one)) for one in news if one.at != self.clock.now()]
        assert not late, f"told before {self.clock.now() - build.START}, and nobody expected it: {late}"
        assert Counter(map(_told, news)) == Counter(expected)
        return self

    def expect_nothing(self) -> "House":
        return self.expect()

    def attempts(self) -> list[Attempt]:
        """Every message that a receiver has taken, oldest first."""
        return sorted(self.sms.taken + self.way_back.taken, key=lambda one: one.at)

    def case(self, home_id: str = "h1") -> Case:
        """The home's newest case."""
        page = self._do(self.casebook.cases([], 500, None))
        return next(case for case, _ in page.cases if case.home_id == home_id)

    def case_or_none(self) -> Case | None:
        return next(iter(self.cases()), None)

    def cases(self) -> list[Case]:
        return [case for case, _ in self._do(self.casebook.cases([], 500, None)).cases]

    def timeline(self, home_id: str = "h1") -> list[LineRow]:
        case_id = self.case(home_id).id
        return list(self._do(self.casebook.lines(after=0, limit=10_000, case_id=case_id)))

    def whats(self, home_id: str = "h1") -> list[str]:
        """The kinds of lines of the newest case, without the deliveries."""
        return [line.what for line in self.timeline(home_id) if line.what != "delivery"]

    def deliveries(self, home_id: str = "h1") -> list[DeliveryRow]:
        return list(self._do(self.casebook.deliveries(self.case(home_id).id)))

    # the works

    def power_off(self) -> None:
        """Nothing more is written; what is on the files stays."""
        self.plug.is_pulled = True
        self._runner.run(self._close())
        self._runner.close()

    def press(self, reading: Reading) -> "House":
        entry = Entry(topic=lane_of(reading), key=reading.home_id, value=encode(reading))
        return self._then(lambda: self.log.append([entry], self.clock.now()))

    def presses_so_far(self, count: int) -> "House":
        """The next press has the number behind this one: a button that repeats itself."""
        self._presses = count
        return self

    def next_press(self) -> int:
        self._presses += 1
        return self._presses

    def _then(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> "House":
        async def both() -> None:
            await work()
            self._has_news = True
            await self._settle()

        self._do(both())
        return self

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    def _power_on(self) -> None:
        self._runner = asyncio.Runner()
        self._do(self._open())

    def _where(self, name: str) -> str:
        return MEMORY if self._folder is None else f"sqlite:///{self._folder / name}"

    async def _open(self) -> None:
        self._has_news = True
        tools = build.instruments(self.clock)
        self.bell, self.telemetry = Bell(), tools.telemetry
        path = ":memory:" if self._folder is None else self._folder / "log.db"
        plain_log = await SqliteLog.open(path, 2, self.clock)
        self._store = self.plug.around(await SqlStore.open(self._where("store.db")))
        self.registry = await SqlRegistry.open(self._where("registry.db"))
        await self.registry.put(self._homes, by="test", at=self.clock.now())
        self.log = self.plug.around(plain_log)
        casebook = await SqlCasebook.open(self._where("cases.db"), self._policies, self.bell, tools.telemetry)
        await casebook.release(OWNER)
        self.casebook = self.plug.around(casebook)
        channels = {one.name: self.plug.around(one) for one in (self.sms, self.way_back)}
        rulebook = read_rulebook((build.ROOT / "deploy/rulebook.yaml").read_text(), "rulebook.yaml")
        topics = [topic.value for topic in TOPICS]
        self._worker: Any = Worker(
            scope=SCOPE,
            topics=topics,
            log=self.log,
            store=self._store,
            judge=HomeJudge(rulebook, tools),
            clock=self.clock,
        )
        self._intake = Intake(
            log=self.log,
            casebook=self.casebook,
            find_home=self.registry.home,
            responders=self._responders,
            channels=list(channels),
            instruments=tools,
        )
        courier = Courier(OWNER, channels, "http://desk")
        self._delivery = Delivery(casebook=self.casebook, courier=courier, instruments=tools, bell=self.bell)
        self._readings = self.plug.around(await plain_log.reader(SCOPE, topics))
        self._alerts = self.plug.around(await plain_log.reader(GROUP, [Topic.ALERTS]))
        self._parts = (plain_log, self._store, self.registry, casebook)

    async def _close(self) -> None:
        while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        self.plug.is_pulled = False
        for part in self._parts:
            await part.close()

    async def _go_to(self, end: datetime) -> None:
        await self._settle()
        for _ in range(_ROUNDS_AT_MOST):
            due_at = await self._next_moment()
            if due_at is None or due_at > end:
                break
            await self.clock.advance(due_at - self.clock.now())
            await self._settle()
        else:
            raise AssertionError("time does not get on: something stays due")
        await self.clock.advance(end - self.clock.now())
        await self._settle()

    async def _next_moment(self) -> datetime | None:
        """When a case is due, or the next second while a delivery waits to be tried again."""
        now = self.clock.now()
        waiting = (await self.casebook.overview(now + timedelta(days=1), NO_WAIT)).deliveries_overdue
        return earliest(await self.casebook.next_due(), now + timedelta(seconds=1) if waiting else None)

    async def _settle(self) -> None:
        """Every loop takes its turns until none has anything to do."""
        for _ in range(_ROUNDS_AT_MOST):
            moved = 0
            if self._has_news:
                moved += await self._worker.turn(self._readings, NO_WAIT)
                moved += await self._intake.turn(self._alerts, NO_WAIT)
                self._has_news = moved > 0
            moved += await self.casebook.wake(self.clock.now(), 200)
            moved += await self._delivery.turn()
            await self._delivery.finish()
            if not moved:
                return
        raise AssertionError("the house does not come to rest")


class _Device:
    def __init__(self, house: House, device_id: str, home_id: str) -> None:
        self._house = house
        self._device_id = device_id
        self._home_id = home_id

    def presses(self, *, is_test: bool = False) -> House:
        """The nth press of a story has the source id `press-n`."""
        return self._says("active", is_test)

    def clears(self) -> House:
        return self._says("cleared", False)

    def faults(self, severity: Severity = Severity.LOW) -> House:
        number = self._house.next_press()
        raised = build.alert(
            f"fault-{number}",
            rule="supervision",
            severity=severity,
            home_id=self._home_id,
            device_id=self._device_id,
            at=self._house.clock.now(),
            source_id=f"fault-{number}",
        )
        return self._house.raises(raised)

    def falls(self, *, pre_alarm: float = 20, id: str = "fall-1", severity: Severity = Severity.CRITICAL) -> House:
        """A suspected fall; without `pre_alarm` one that is certain."""
        return self._house.raises(self._fall(AlertStatus.OPENED, pre_alarm, id, severity))

    def gets_up(self, *, id: str = "fall-1") -> House:
        return self._house.raises(self._fall(AlertStatus.RESOLVED, 0, id, Severity.CRITICAL))

    def _fall(self, status: AlertStatus, pre_alarm: float, id: str, severity: Severity) -> Alert:
        return build.alert(
            id,
            rule="fall",
            severity=severity,
            status=status,
            home_id=self._home_id,
            device_id=self._device_id,
            at=self._house.clock.now(),
            source_id=f"source-of-{id}",
            pre_alarm=build.seconds(pre_alarm),
        )

    def states(self, kind: str, value: JsonValue) -> House:
        """Anything else it says itself, through the real rules."""
        return self._says(value, False, kind)

    def _says(self, value: JsonValue, is_test: bool, kind: str = "sos") -> House:
        now, source_id = self._house.clock.now(), f"press-{self._house.next_press()}"
        reading = Reading(
            id=computed("reading", self._home_id, self._device_id, source_id),
            home_id=self._home_id,
            device_id=self._device_id,
            kind=kind,
            value=value,
            observed_at=now,
            received_at=now,
            source_message_id=source_id,
            is_test=is_test,
        )
        return self._house.press(reading)


def _told(attempt: Attempt) -> Told:
    data = attempt.message.data
    return Told(attempt.person_id, Purpose(str(data["purpose"])), str(data["source_id"]))


def _since_start(time: str) -> timedelta:
    parts = [int(part) for part in time.split(":")]
    hours, minutes, seconds = [0] * (3 - len(parts)) + parts
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
