"""Turns at the seat: what was heard before another heard the homes is forgotten, and nothing else is."""

import asyncio
import io
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from carebell.clock import ManualClock
from carebell.instruments import Instruments
from carebell.logs import open_logs
from carebell.mqtt import Arrival, MqttAddress
from carebell.telemetry import Telemetry
from ingest.pulse import Listening
from ingest.seat import Sitter, city_seat
from ingest.watch import BEAT_EVERY, Watch
from tests.support.idle import idle

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Memory:
    """Whoever is given messages; notes at which turn it was told to forget repeats."""

    is_stuck = False
    appended = 0

    def __init__(self) -> None:
        self.forgot: list[int] = []
        self.turn = 0

    def take(self, arrival: Arrival) -> None:
        raise AssertionError("nothing comes")

    def forget(self) -> None:
        raise AssertionError("no session was resumed and no seat taken over")

    def forget_repeats(self) -> None:
        self.forgot.append(self.turn)


class Turns(Watch):
    """The seat is free again and again; before each time, so many beats of others were heard."""

    def __init__(self, memory: Memory, beats: list[int], address: MqttAddress, clock: ManualClock) -> None:
        super().__init__(
            client_id="seat", owner="a", address=address, clock=clock, keepalive_s=6, on_dropped=lambda _: None
        )
        self._memory = memory
        self._beats = iter(beats)
        self._heard_of_others = 0

    @property
    def others_heard(self) -> int:
        return self._heard_of_others

    async def run(self, stop: asyncio.Event) -> None:
        """Nobody is there to be heard."""

    async def vacant(self, patience: int, stop: asyncio.Event) -> bool:
        beats = next(self._beats, None)
        if beats is None:
            return False
        self._heard_of_others += beats
        self._memory.turn += 1
        return True


@pytest.fixture
def nowhere() -> Iterator[MqttAddress]:
    """Where nobody listens, nor can begin to: each turn at the seat ends at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield MqttAddress("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("beats", "forgot"),
    [([0, 0], []), ([1], [1]), ([0, 3, 0, 0], [2]), ([0, 1, 1], [2, 3])],
    ids=["alone", "before its first turn", "once between", "each time"],
)
async def test_who_takes_the_seat_after_another_forgets_what_it_heard_before(
    beats: list[int], forgot: list[int], nowhere: MqttAddress
) -> None:
    memory, clock = Memory(), ManualClock(AT)
    watch = Turns(memory, beats, nowhere, clock)
    instruments = Instruments(clock, Telemetry(), open_logs(io.StringIO()))
    sitter = Sitter(city_seat("a"), nowhere, instruments, Listening(), watch)
    sitter.serve(memory)
    running = asyncio.ensure_future(sitter.run(asyncio.Event()))
    while not running.done():
        await clock.advance(BEAT_EVERY)
        await idle()
    await running
    assert memory.turn == len(beats)
    assert memory.forgot == forgot
