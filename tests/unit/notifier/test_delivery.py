"""How deliveries are tried: exactly on time, each on its own, and again after a crash under the same key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from carebell.bell import Bell
from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.errors import TryLater
from carebell.types import Severity
from notifier.case_value import Acted, Move
from notifier.casebook import DeliveryRow
from notifier.casebook_sql import SqlCasebook
from notifier.channel import Channel
from notifier.delivery import AT_ONCE, LEASE, Courier, Delivery
from notifier.message import Outgoing
from notifier.person import Person, Reach
from tests.support import build
from tests.support.build import START, seconds
from tests.support.idle import idle
from tests.support.receivers import RecordingChannel

TO = "son"


@dataclass
class Post:
    """One case with one call to the son, and a courier for it."""

    clock: ManualClock
    sms: RecordingChannel
    casebook: SqlCasebook
    delivery: Delivery
    case_id: str = ""

    def courier(self, owner: str, channels: dict[str, Channel] | None = None) -> Delivery:
        held: dict[str, Channel] = {"sms": self.sms} if channels is None else channels
        tools = build.instruments(self.clock)
        return Delivery(casebook=self.casebook, courier=Courier(owner, held, ""), instruments=tools, bell=Bell())

    async def call(self, *people: Person) -> None:
        son = Person(person_id="son", name="son", role="desk", reach=(Reach("sms", TO),))
        raised = build.alert(at=self.clock.now())
        case = await self.casebook.raise_alert(raised, people or (son,), self.clock.now(), label="", address="")
        assert case is not None
        self.case_id = case.id

    async def go_on(self, by: timedelta, *, step: timedelta = timedelta(milliseconds=500)) -> None:
        """The loop's turns while time passes."""
        end = self.clock.now() + by
        while True:
            await self.delivery.turn()
            await self.delivery.finish()
            if self.clock.now() >= end:
                return
            await self.clock.advance(step)

    async def row(self, person_id: str = "son") -> DeliveryRow:
        return next(one for one in await self.casebook.deliveries(self.case_id) if one.person_id == person_id)

    def tried_at(self) -> list[float]:
        return [(one.at - START).total_seconds() for one in self.sms.attempts if one.message.to == TO]


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    clock = ManualClock(START)
    tools = build.instruments(clock)
    casebook = await SqlCasebook.open(MEMORY, build.default_policies(), Bell(), tools.telemetry)
    post = Post(clock, RecordingChannel("sms", clock), casebook, None)  # type: ignore[arg-type]
    post.delivery = post.courier("a")
    await post.call()
    yield post
    await casebook.close()


async def test_a_busy_far_end_is_tried_six_times_at_exact_times_and_then_given_up(post: Post) -> None:
    post.sms.try_later(TO, 99)
    await post.go_on(seconds(100))
    assert post.tried_at() == [0, 2, 7, 17, 37, 67]
    row = await post.row()
    assert (row.status, row.detail) == ("failed", "busy; given up after 6 attempts")
    assert row.ended_at == START + seconds(67)


async def test_the_far_end_s_own_wish_is_kept(post: Post) -> None:
    post.sms.try_later(TO, 1, after=seconds(11))
    await post.go_on(seconds(60))
    assert post.tried_at() == [0, 11]
    assert (await post.row()).status == "sent"


async def test_a_wish_for_more_than_half_a_minute_is_cut_short(post: Post) -> None:
    post.sms.try_later(TO, 1, after=timedelta(hours=6))
    await post.go_on(seconds(60))
    assert post.tried_at() == [0, 30]


async def test_a_wish_for_no_time_at_all_does_not_use_up_the_attempts_at_once(post: Post) -> None:
    post.sms.try_later(TO, 99, after=seconds(0))
    await post.go_on(seconds(5))
    assert post.tried_at() == [0, 2, 4]
    assert (await post.row()).status == "queued"


async def test_a_refusal_ends_it(post: Post) -> None:
    post.sms.refuse(TO)
    await post.go_on(seconds(100))
    assert post.tried_at() == [0]
    assert ((await post.row()).status, (await post.row()).detail) == ("failed", "no such number")


async def test_a_channel_that_is_not_set_up_fails_at_once_and_says_so(post: Post) -> None:
    post.delivery = post.courier("a", {})
    await post.go_on(seconds(1))
    assert ((await post.row()).status, (await post.row()).detail) == ("failed", "no channel sms is set up")


async def test_a_bug_in_a_channel_is_tried_again(post: Post) -> None:
    post.sms.break_on(TO, 1)
    await post.go_on(seconds(10))
    assert post.tried_at() == [0, 2]
    assert (await post.row()).status == "sent"


async def test_every_attempt_carries_the_same_key(post: Post) -> None:
    post.sms.try_later(TO, 3)
    await post.go_on(seconds(40))
    assert {one.message.key for one in post.sms.attempts} == {(await post.row()).id}
    assert len(post.sms.attempts) == 4


async def test_a_far_end_that_hangs_holds_up_nobody_else(post: Post) -> None:
    answered = post.sms.hold(TO)
    await post.delivery.turn()
    await post.casebook.act(post.case_id, _close(), START)
    daughter = Person(person_id="daughter", name="d", role="desk", reach=(Reach("sms", "daughter"),))
    raised = build.alert("alert-2", home_id="h2")
    await post.casebook.raise_alert(raised, (daughter,), START, label="", address="")
    await post.delivery.turn()
    await idle()
    assert [one.message.to for one in post.sms.taken] == ["daughter"]
    answered.set()
    await post.delivery.finish()


async def test_however_many_faults_hang_a_call_for_help_goes_out_at_once(post: Post) -> None:
    stuck = tuple(Person(person_id=f"p{n}", name="p", role="desk", reach=(Reach("sms", f"p{n}"),)) for n in range(200))
    events = [post.sms.hold(one.person_id) for one in stuck]
    free = RecordingChannel("voice", post.clock)
    post.delivery = post.courier("a", {"sms": post.sms, "voice": free})
    fault = build.alert("many", home_id="h2", severity=Severity.LOW)
    await post.casebook.raise_alert(fault, stuck, START, label="", address="")
    for _ in range(5):
        await post.delivery.turn()
    assert len(post.sms.attempts) <= 2 * AT_ONCE
    reach = (Reach("sms", "daughter"), Reach("voice", "daughter"))
    daughter = Person(person_id="daughter", name="d", role="desk", reach=reach)
    raised = build.alert("alert-3", home_id="h3")
    await post.casebook.raise_alert(raised, (daughter,), START, label="", address="")
    await post.delivery.turn()
    await idle()
    assert [one.message.to for one in free.taken] == ["daughter"]
    assert [one.message.to for one in post.sms.taken] == ["son", "daughter"]
    for event in events:
        event.set()
    await post.delivery.finish()


async def test_calls_for_help_go_before_faults_that_have_waited_longer(post: Post) -> None:
    fault = build.alert("fault", home_id="h2", severity=Severity.LOW)
    await post.casebook.raise_alert(fault, build.PEOPLE, START - seconds(60), label="", address="")
    claims = await post.casebook.claim(START, owner="a", lease=LEASE, limit=1)
    assert [one.delivery.person_id for one in claims] == ["son"]


async def test_a_crash_after_sending_sends_again_once_under_the_same_key_and_counts_as_caught(post: Post) -> None:
    claims = await post.casebook.claim(START, owner="dead", lease=LEASE, limit=10)
    await post.sms.send(_sent_before_the_crash(claims[0].delivery.id))
    await post.go_on(LEASE + seconds(3))
    assert post.tried_at() == [0, 4.5]
    assert len({one.message.key for one in post.sms.attempts}) == 1
    row = await post.row()
    assert (row.status, row.caught, row.attempts) == ("sent", 1, 2)


async def test_the_lease_is_kept_while_a_channel_takes_its_time(post: Post) -> None:
    answered = post.sms.hold(TO)
    other = post.courier("b")
    await post.delivery.turn()
    await idle()
    for _ in range(40):
        await post.clock.advance(seconds(1))
        await idle()
        assert await other.turn() == 0
    answered.set()
    await post.delivery.finish()
    row = await post.row()
    assert (row.status, row.caught, row.attempts) == ("sent", 0, 1)
    assert len(post.sms.attempts) == 1


async def test_a_sender_that_lost_its_lease_records_nothing(post: Post) -> None:
    answered = post.sms.hold(TO)
    await post.delivery.turn()
    await idle()
    late = START + LEASE + seconds(0.000001)
    assert len(await post.casebook.claim(late, owner="b", lease=LEASE, limit=10)) == 1
    answered.set()
    await post.delivery.finish()
    assert (await post.row()).status == "sending"


def _close() -> Acted:
    return Acted(move=Move.CLOSE, by="x", outcome="other")


def _sent_before_the_crash(key: str) -> Outgoing:
    return Outgoing(key=key, to=TO, subject="", text="", data={"person_id": "son"})


class Slow:
    """A casebook whose writer was held: what it claims comes back late."""

    def __init__(self, inner: SqlCasebook, clock: ManualClock, late: timedelta) -> None:
        self._inner = inner
        self._clock = clock
        self._late = late

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def claim(self, at: datetime, **asked: Any) -> Any:
        claims = await self._inner.claim(at, **asked)
        await self._clock.advance(self._late)
        return claims


async def test_a_lease_that_came_late_is_not_sent_a_second_time(post: Post) -> None:
    sent = post.sms.hold(TO)
    post.casebook = Slow(post.casebook, post.clock, LEASE * 2)  # type: ignore[assignment]
    post.delivery = post.courier("a")
    for _ in range(3):
        await post.delivery.turn()
        await idle()
    assert len(post.sms.attempts) == 1
    sent.set()
    await post.delivery.finish()
    assert (await post.row()).status == "sent"
    assert len(post.sms.attempts) == 1


class Faulty:
    """A casebook whose database goes away when it is told to, for so many calls of each of these methods."""

    def __init__(self, inner: SqlCasebook, failure: Exception | None = None, **times: int) -> None:
        self._inner = inner
        self._failure = failure or TryLater("the database went away")
        self._times = times
        self.claims: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **asked: Any) -> Any:
            if name == "claim":
                self.claims.append(asked)
            if self._times.get(name, 0):
                self._times[name] -= 1
                raise self._failure
            return await getattr(self._inner, name)(*args, **asked)

        return call


async def run_for(post: Post, length: timedelta) -> None:
    """The loop itself, while time passes."""
    stop = asyncio.Event()
    running = asyncio.create_task(post.delivery.run(stop))
    end = post.clock.now() + length
    while post.clock.now() < end:
        await idle()
        await post.clock.advance(timedelta(milliseconds=250))
    stop.set()
    while not running.done():
        await idle()
        await post.clock.advance(timedelta(milliseconds=250))
    await running


async def test_the_loop_goes_on_by_itself_when_the_database_is_back(post: Post) -> None:
    post.casebook = Faulty(post.casebook, claim=3)  # type: ignore[assignment]
    post.delivery = post.courier("a")
    await run_for(post, seconds(2))
    assert post.tried_at() == [0.75]


async def test_after_an_outage_whoever_sent_something_has_the_time_to_write_it_down(post: Post) -> None:
    faulty = Faulty(post.casebook, claim=1)
    claims = await post.casebook.claim(START - seconds(60), owner="other", lease=LEASE, limit=10)
    assert claims == []
    post.casebook = faulty  # type: ignore[assignment]
    post.delivery = post.courier("a")
    await run_for(post, LEASE + seconds(2))
    began = [asked["taking_over"] for asked in faulty.claims]
    assert began[:3] == [True, False, False]
    assert began[-1] is True


async def test_an_end_that_cannot_be_written_down_is_held_until_it_can_and_sent_once(post: Post) -> None:
    post.casebook = Faulty(post.casebook, record=5)  # type: ignore[assignment]
    post.delivery = post.courier("a")
    await run_for(post, seconds(8))
    assert post.tried_at() == [0]
    row = await post.row()
    assert (row.status, row.attempts, row.caught) == ("sent", 1, 0)


@pytest.mark.parametrize("failure", [TypeError("a bug of the casebook"), ValueError("a value that it cannot keep")])
async def test_an_end_that_cannot_be_written_down_for_any_reason_is_not_sent_again_and_again(
    post: Post, failure: Exception
) -> None:
    post.casebook = Faulty(post.casebook, failure, record=99)  # type: ignore[assignment]
    post.delivery = post.courier("a")
    await run_for(post, 3 * LEASE)
    assert post.tried_at() == [0]


async def test_what_a_far_end_says_in_bytes_of_any_kind_is_written_down(post: Post) -> None:
    """An SMTP server that speaks Latin-1, read as the library reads it."""

    class Strange(RecordingChannel):
        async def send(self, message: Outgoing) -> str:
            await super().send(message)
            return b"accept\xe9".decode("utf-8", "surrogateescape")

    post.sms = Strange("sms", post.clock)
    post.delivery = post.courier("a")
    await run_for(post, seconds(6))
    assert post.tried_at() == [0]
    assert (await post.row()).status == "sent"


async def test_who_stood_still_after_claiming_sends_nothing_that_may_be_another_s(post: Post) -> None:
    await post.delivery.turn()
    # the process is frozen before its task has begun, and wakes when the lease is over
    post.clock._now += LEASE
    await post.delivery.finish()
    assert post.sms.attempts == []
    await post.clock.advance(seconds(0.5))
    await post.delivery.turn()
    await post.delivery.finish()
    assert post.tried_at() == [4.5]
    assert (await post.row()).caught == 1


async def test_what_another_took_while_we_stood_still_is_not_begun(post: Post) -> None:
    class Overtaken(Slow):
        """Frozen so long that another has claimed the same before the answer is read."""

        async def claim(self, at: datetime, **asked: Any) -> Any:
            claims = await super().claim(at, **asked)
            await self._inner.claim(self._clock.now(), **{**asked, "owner": "other"})
            return claims

    post.casebook = Overtaken(post.casebook, post.clock, LEASE + seconds(1))  # type: ignore[assignment]
    post.delivery = post.courier("a")
    assert await post.delivery.turn() == 0
    await post.delivery.finish()
    assert post.sms.attempts == []
