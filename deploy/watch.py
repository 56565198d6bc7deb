"""Whether the servers that a process needs answer, and whether their clocks agree with ours: asked every few seconds,
each within a bound, on connections of its own, so that nobody who asks for health waits for a server."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from carebell.clock import wait_set
from carebell.errors import BadInput, TryLater
from carebell.instruments import Instruments

NAME = "watch"
LOOK_EVERY = timedelta(seconds=2)
ANSWER_WITHIN_S = 3.0
CLOCKS_APART = timedelta(seconds=1)
# Gives the server's time, None where it tells none; raises OSError or TryLater where it does not answer.
Look = Callable[[], Awaitable[datetime | None]]


@dataclass(slots=True)
class _Peer:
    look: Look
    problem: str = "not asked yet"
    apart: timedelta = field(default=timedelta(0))


class Watch:
    """Name the servers with `add`, then `run` it; its answers are texts, empty where all is well."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._peers: dict[str, _Peer] = {}
        self._well_since_s = instruments.clock.monotonic()

    def add(self, name: str, look: Look) -> None:
        """From now on this server is asked."""
        self._peers[name] = _Peer(look)

    def problem(self, name: str) -> str:
        """Why this server is of no use now."""
        return self._peers[name].problem

    def clocks(self) -> str:
        """The servers whose clocks differ from ours by too much."""
        return "; ".join(
            f"the clock of {name} is {_apart(peer.apart)} ours"
            for name, peer in self._peers.items()
            if abs(peer.apart) > CLOCKS_APART
        )

    def well_for_s(self) -> float:
        """For how long every server has answered; 0 while one does not."""
        if any(peer.problem for peer in self._peers.values()):
            return 0.0
        return self._instruments.clock.monotonic() - self._well_since_s

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""
        while not stop.is_set():
            await self.turn()
            self._instruments.progress.turned(NAME)
            await wait_set(stop, self._instruments.clock, LOOK_EVERY)

    async def turn(self) -> None:
        """Ask every server once, all at the same time."""
        await asyncio.gather(*(self._ask(name, peer) for name, peer in self._peers.items()))

    async def _ask(self, name: str, peer: _Peer) -> None:
        began = self._instruments.clock.now()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                told = await peer.look()
        except TimeoutError:
            self._note(name, peer, f"it has not answered within {ANSWER_WITHIN_S:.0f} s")
        except (OSError, TryLater, BadInput) as error:
            self._note(name, peer, str(error) or type(error).__name__)
        else:
            self._note(name, peer, "")
            if told is not None:
                self._compare(name, peer, difference(told, began, self._instruments.clock.now()))

    def _note(self, name: str, peer: _Peer, problem: str) -> None:
        if problem and problem != peer.problem:
            self._instruments.logger.error("a server does not answer", server=name, problem=problem)
        elif peer.problem and not problem:
            self._instruments.logger.info("a server answers", server=name)
        if peer.problem and not problem:
            self._well_since_s = self._instruments.clock.monotonic()
        peer.problem = problem
        self._instruments.telemetry.server_answers.labels(name).set(0 if problem else 1)

    def _compare(self, name: str, peer: _Peer, apart: timedelta) -> None:
        if abs(apart) > CLOCKS_APART >= abs(peer.apart):
            self._instruments.logger.error("the clocks differ", server=name, seconds=apart.total_seconds())
        peer.apart = apart
        self._instruments.telemetry.clock_difference.labels(name).set(apart.total_seconds())


def difference(told: datetime, asked_at: datetime, answered_at: datetime) -> timedelta:
    """How far a clock certainly is ahead of ours (behind where negative); 0 where the way there and back explains it."""
    if told < asked_at:
        return told - asked_at
    return max(told - answered_at, timedelta(0))


def _apart(apart: timedelta) -> str:
    return f"{abs(apart).total_seconds():.1f} s {'ahead of' if apart > timedelta(0) else 'behind'}"
