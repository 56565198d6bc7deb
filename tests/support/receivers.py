"""Far ends for tests: a channel that records, and may refuse, ask for patience, break or hang."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from carebell.clock import Clock
from carebell.errors import Refused, TryLater
from notifier.message import Outgoing


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of `send`."""

    at: datetime
    message: Outgoing

    @property
    def person_id(self) -> str:
        return str(self.message.data["person_id"])


@dataclass(slots=True)
class RecordingChannel:
    """Takes every message and keeps it, but does to an address what it was told to do."""

    name: str
    clock: Clock
    attempts: list[Attempt] = field(default_factory=list)
    taken: list[Attempt] = field(default_factory=list)
    answers: dict[str, list[Exception]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    held: dict[str, asyncio.Event] = field(default_factory=dict)

    def refuse(self, to: str) -> None:
        """From now on, for good."""
        self.refused.add(to)

    def try_later(self, to: str, times: int, after: timedelta | None = None) -> None:
        self.answers[to] = [TryLater("busy", after) for _ in range(times)]

    def break_on(self, to: str, times: int) -> None:
        """A bug of the channel."""
        self.answers[to] = [KeyError("a bug") for _ in range(times)]

    def hold(self, to: str) -> asyncio.Event:
        """Hang on this address until the event is set."""
        self.held[to] = asyncio.Event()
        return self.held[to]

    async def send(self, message: Outgoing) -> str:
        attempt = Attempt(self.clock.now(), message)
        self.attempts.append(attempt)
        if message.to in self.held:
            await self.held[message.to].wait()
        if message.to in self.refused:
            raise Refused("no such number")
        if waiting := self.answers.get(message.to):
            raise waiting.pop(0)
        self.taken.append(attempt)
        return "taken"

    async def close(self) -> None:
        """Nothing is held."""
