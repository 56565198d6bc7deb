"""Makes deliveries: claims what is due, sends it over its channel, records how it ended. Retries live here, once.

0 s     2 s     5 s    10 s    20 s    30 s
try     try     try     try     try     try   then failed, and the case may go on to its next tier
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from carebell.bell import Bell
from carebell.clock import pause, wait_set
from carebell.errors import Refused, TryLater
from carebell.instruments import Instruments
from carebell.telemetry import Hop
from notifier.answers import Answers
from notifier.case_value import Purpose
from notifier.casebook import Casebook, Claimed, DeliveryStatus, Outcome
from notifier.channel import Channel
from notifier.message import compose

RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 10, 20, 30))
# A courier that died is taken over from when its lease has ended and another looks: within five seconds.
LEASE = timedelta(seconds=4)
AT_ONCE = 64
_KEEP_EVERY = LEASE / 4
_LOOK_EVERY = timedelta(milliseconds=500)
_AGAIN_AFTER = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True)
class Courier:
    """Who sends, and with what. No other process may have the same owner's name. `answers` of devices, where they are heard."""

    owner: str
    channels: Mapping[str, Channel]
    desk_url: str
    answers: Answers | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A delivery that is ours until its lease ends."""

    claimed: Claimed
    until: datetime


class Delivery:
    """The loop that makes deliveries. A slow far end holds up nobody else: each channel has so many at once, calls no limit."""

    def __init__(self, *, casebook: Casebook, courier: Courier, instruments: Instruments, bell: Bell) -> None:
        self._casebook = casebook
        self._courier = courier
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._progress = instruments.progress
        self._logger = instruments.logger
        self._bell = bell
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._held: dict[str, _Held] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._take_over_at = self._clock.now()

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; what is being sent then is finished."""
        rung = self._bell.subscribe()
        try:
            while not stop.is_set():
                rung.clear()
                self._progress.turned("delivery")
                try:
                    begun = await self.turn()
                except TryLater as error:
                    self._logger.error("deliveries cannot be claimed", error=error.reason)
                    await wait_set(stop, self._clock, _AGAIN_AFTER)
                    continue
                if not begun:
                    await wait_set(rung, self._clock, _LOOK_EVERY)
        finally:
            self._bell.unsubscribe(rung)
            await self.finish()

    async def turn(self) -> int:
        """Begin what is due and free; how many."""
        busy = [channel for channel, count in Counter(self._under_way.values()).items() if count >= AT_ONCE]
        asked_at = self._clock.now()
        try:
            claims = await self._casebook.claim(
                asked_at,
                owner=self._courier.owner,
                lease=LEASE,
                limit=AT_ONCE,
                busy=busy,
                taking_over=asked_at >= self._take_over_at,
            )
            until = asked_at + LEASE
            if claims and self._clock.now() - asked_at > LEASE / 5:
                # The leases began before we had them: the database was held, or we were. They must not end before the
                # sending, and some may have ended already.
                until = self._clock.now() + LEASE
                held = await self._casebook.extend(claims, until)
                claims = [claimed for claimed in claims if claimed.delivery.id in held]
        except TryLater:
            # Nobody could keep a lease meanwhile. Whoever sent something then shall have the time to write it down.
            self._take_over_at = self._clock.now() + LEASE
            raise
        for claimed in claims:
            self._begin(_Held(claimed, until))
        return len(claims)

    def _begin(self, held: _Held) -> None:
        delivery = held.claimed.delivery
        is_under_way = delivery.id in self._held
        self._held[delivery.id] = held
        if is_under_way:
            # Its lease ran out while we were still at it; nobody is told twice for that.
            return
        task = asyncio.create_task(self._deliver(held.claimed), name=delivery.id)
        self._under_way[task] = delivery.channel
        task.add_done_callback(self._ended)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_leases())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._held.pop(task.get_name(), None)
        if not self._under_way and self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        if not task.cancelled() and task.exception() is not None:
            self._logger.error("delivery not recorded; its lease will end", error=repr(task.exception()))
        self._bell.ring()

    async def finish(self) -> None:
        """Wait for what is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _deliver(self, claimed: Claimed) -> None:
        if self._clock.now() >= self._held[claimed.delivery.id].until:
            # We stood still between claiming and sending: by now it may be somebody else's.
            self._logger.warning("a lease ended before the sending", delivery_id=claimed.delivery.id)
            return
        self._measure(claimed)
        outcome = await self._send(claimed)
        is_ours = await self._record(claimed.delivery.id, outcome)
        self._telemetry.deliveries.labels(claimed.delivery.channel, outcome.status).inc()
        self._logger.info(
            "delivery",
            delivery_id=claimed.delivery.id,
            case_id=claimed.case.id,
            channel=claimed.delivery.channel,
            step=claimed.delivery.step,
            outcome=outcome.status,
            attempt=claimed.delivery.attempts + 1,
            recorded=is_ours,
        )

    async def _record(self, delivery_id: str, outcome: Outcome) -> bool:
        """How it ended is known only here: it is held until it is written down."""
        is_told = False
        while True:
            try:
                return await self._casebook.record(self._held[delivery_id].claimed, outcome, self._clock.now())
            except Exception as error:  # noqa: BLE001 - given up, it would be sent again whenever its lease has ended
                if not is_told:
                    self._logger.error("delivery not recorded yet", delivery_id=delivery_id, error=repr(error))
                is_told = True
                await pause(self._clock, _AGAIN_AFTER)

    async def _send(self, claimed: Claimed) -> Outcome:
        delivery = claimed.delivery
        channel = self._courier.channels.get(delivery.channel)
        if channel is None:
            return Outcome(status=DeliveryStatus.FAILED, detail=f"no channel {delivery.channel} is set up")
        try:
            said = await channel.send(compose(claimed.case, delivery, self._courier.desk_url))
        except TryLater as error:
            return self._again(claimed, error.reason, error.after)
        except Refused as error:
            return Outcome(status=DeliveryStatus.FAILED, detail=error.reason)
        except Exception as error:  # noqa: BLE001 - a channel's bug must not keep a person from being told on another
            self._logger.error("channel broke", channel=delivery.channel, error=repr(error), case_id=claimed.case.id)
            return self._again(claimed, f"the channel broke: {type(error).__name__}", None)
        # A far end may answer with bytes of any kind; they must not keep us from writing down that it did.
        return Outcome(status=DeliveryStatus.SENT, detail=said.encode("utf-8", "backslashreplace").decode())

    def _again(self, claimed: Claimed, reason: str, wish: timedelta | None) -> Outcome:
        attempts = claimed.delivery.attempts + 1
        if attempts > len(RETRY_AFTER):
            return Outcome(status=DeliveryStatus.FAILED, detail=f"{reason}; given up after {attempts} attempts")
        # a wish for no time at all must not use up the attempts within a second
        after = RETRY_AFTER[attempts - 1] if wish is None else min(max(wish, RETRY_AFTER[0]), RETRY_AFTER[-1])
        return Outcome(status=DeliveryStatus.QUEUED, detail=reason, retry_at=self._clock.now() + after)

    def _measure(self, claimed: Claimed) -> None:
        now, delivery = self._clock.now(), claimed.delivery
        if claimed.was_caught:
            self._telemetry.resent.labels(delivery.channel).inc()
        if delivery.attempts == 0:
            self._telemetry.observe_rule(Hop.DUE_TO_ATTEMPT, claimed.case.rule, now - claimed.due_at)
            is_first = claimed.due_at == claimed.case.round_began_at == claimed.case.called_at
            if is_first and delivery.purpose is Purpose.CALL:
                since = claimed.case.owed_at or claimed.case.caused_at
                self._telemetry.observe_rule(Hop.RECEIVED_TO_ATTEMPT, claimed.case.rule, now - since)

    async def _keep_leases(self) -> None:
        """Of everything that is under way, until nothing is."""
        while True:
            await pause(self._clock, _KEEP_EVERY)
            claims = [held.claimed for held in self._held.values()]
            until = self._clock.now() + LEASE
            try:
                kept = await self._casebook.extend(claims, until)
            except TryLater as error:
                self._logger.warning("leases not extended", count=len(claims), error=error.reason)
                continue
            for claimed in claims:
                held = self._held.get(claimed.delivery.id)
                if held is not None and held.claimed is claimed and claimed.delivery.id in kept:
                    self._held[claimed.delivery.id] = _Held(claimed, until)
