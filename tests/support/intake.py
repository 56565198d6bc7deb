"""An intake over a real log and a spool, on a clock that stands still, with everything it says noted down."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from carebell.clock import ManualClock
from carebell.instruments import Instruments
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.mqtt import Arrival
from carebell.telemetry import Telemetry
from carebell.topics import Topic
from carebell.wire import Wire, decode
from devices.listener import Listener
from ingest.accept import Reply
from ingest.decoding import Decoder
from ingest.intake import Intake
from ingest.pulse import Listening, pulse_topic
from ingest.roster import Roster
from ingest.spool_sqlite import Spool
from ingest.spooler import Spooler
from tests.support.idle import idle
from tests.support.patience import PATIENCE_S
from tests.support.stubborn_log import StubbornLog

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
PULSE = pulse_topic("one")
PARTITIONS = 3
_STEP = timedelta(milliseconds=20)


@dataclass
class Outlet:
    """The connection: `generation` is the one that stands."""

    generation: int = 1
    acknowledged: list[int] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def acknowledge(self, arrival: Arrival) -> bool:
        if not self.is_current(arrival):
            return False
        self.acknowledged.append(arrival.mid)
        return True

    def is_current(self, arrival: Arrival) -> bool:
        return arrival.generation == self.generation

    def reply(self, reply: Reply) -> None:
        self.replies.append(reply)


@dataclass
class Desk:
    log: StubbornLog
    clock: ManualClock
    intake: Intake
    outlet: Outlet
    listening: Listening
    spooler: Spooler
    telemetry: Telemetry
    running: "asyncio.Task[None] | None" = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def arrive(self, mid: int, payload: Any, topic: str = "carebell/h1/d1/up", *, qos: int = 1) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.intake.take(Arrival(topic, data, False, self.outlet.generation, mid, qos))

    def pulse(self, mid: int = 0) -> None:
        self.arrive(mid, self.clock.now().isoformat().encode(), PULSE)

    async def until(self, check: Callable[[], object], step: timedelta = _STEP) -> None:
        """Move time on until it is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not check():
            assert self.running is not None
            assert not self.running.done(), self.running
            assert time.monotonic() < deadline, "never"
            await self.clock.advance(step)
            await idle()

    async def work_off(self) -> None:
        await self.until(lambda: self.intake.under_way == 0)

    async def settle(self) -> None:
        """Everything that can happen without time passing."""
        await idle()

    async def end(self) -> None:
        self.stop.set()
        if self.running is not None:
            while not self.running.done():
                await self.clock.advance(_STEP)
                await idle()
            await self.running

    async def held(self, *topics: Topic) -> list[Wire]:
        reader = await self.log.reader(None, topics)
        return [decode(record.value) for record in await reader.poll(1000, timedelta(0))]

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(reply.payload) for reply in self.outlet.replies]


@asynccontextmanager
async def desk(path: Path | str = ":memory:", spool: Path | None = None) -> AsyncIterator[Desk]:
    clock, telemetry, listening, outlet = ManualClock(AT), Telemetry(), Listening(), Outlet()
    log = StubbornLog(await SqliteLog.open(path, PARTITIONS, clock))
    instruments = Instruments(clock, telemetry, open_logs(io.StringIO()))
    spooler = Spooler(None if spool is None else await Spool.open(spool), log, instruments)
    decoder = Decoder(Listener(Roster()), instruments, listening, PULSE, PARTITIONS)
    intake = Intake(log=log, decoder=decoder, spooler=spooler, outlet=outlet, instruments=instruments)
    made = Desk(log, clock, intake, outlet, listening, spooler, telemetry)
    made.running = asyncio.create_task(intake.run(made.stop))
    try:
        yield made
        await made.end()
    finally:
        made.running.cancel()
        await asyncio.gather(made.running, return_exceptions=True)
        await spooler.close()
        await log.close()
