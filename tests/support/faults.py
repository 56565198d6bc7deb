"""What can befall a city, one thing after the other: killed, frozen, emptied, and two at once. Planned by a seed."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from carebell.clock import Clock, pause


class Victim(Protocol):
    """A process that can be killed and frozen. `start` after `kill` is the same process with the same data."""

    def kill(self) -> None: ...

    def start(self) -> object: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: what is done, and how it is undone. Both are chosen when it strikes."""

    name: str
    strike: Callable[[], Callable[[], object]]
    hold_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault as it happened, in seconds since 1970."""

    kind: str
    began: float
    ended: float
    recovered: float


@dataclass(slots=True)
class Faults:
    """Strikes kinds in rounds, each round all of them in an order of its own; `struck` is the record.

    `recover` blocks until the city says that it can do its work again.
    """

    kinds: Sequence[Kind]
    clock: Clock
    seed: int
    recover: Callable[[], None]
    say: Callable[[str], None]
    struck: list[Struck] = field(default_factory=list)

    async def run(self, count: int, between_s: tuple[float, float]) -> None:
        """So many faults; each is undone before the next one begins."""
        chance = random.Random(f"faults/{self.seed}")
        waiting: list[Kind] = []
        for _ in range(count):
            if not waiting:
                waiting = chance.sample(list(self.kinds), len(self.kinds))
            await pause(self.clock, timedelta(seconds=chance.uniform(*between_s)))
            await self._strike(waiting.pop(), chance)

    async def _strike(self, kind: Kind, chance: random.Random) -> None:
        began = self.clock.now().timestamp()
        undo = await asyncio.to_thread(kind.strike)
        await pause(self.clock, timedelta(seconds=chance.uniform(*kind.hold_s)))
        await asyncio.to_thread(undo)
        ended = self.clock.now().timestamp()
        await asyncio.to_thread(self.recover)
        struck = Struck(kind.name, began, ended, self.clock.now().timestamp())
        self.struck.append(struck)
        held, until_ready = ended - began, struck.recovered - ended
        self.say(f"{len(self.struck):>3} {kind.name}: {held:.1f} s, ready again after {until_ready:.1f} s")

    def kind_at(self, moment: float, after_s: float) -> str:
        """The fault that went on at a moment, or had ended at most so many seconds before; empty for none."""
        return next((one.kind for one in reversed(self.struck) if one.began <= moment <= one.ended + after_s), "")

    def recoveries(self) -> str:
        """How long it took until every process was ready again, in seconds."""
        took = sorted(one.recovered - one.ended for one in self.struck)
        longest = max(self.struck, key=lambda one: one.recovered - one.ended)
        return f"all ready again after a fault: median {took[len(took) // 2]:.1f} s, longest {took[-1]:.1f} s ({longest.kind})"


def killed(name: str, choose: Callable[[], Victim], hold_s: tuple[float, float] = (0.5, 5.0)) -> Kind:
    """SIGKILL, and started again after a while."""

    def strike() -> Callable[[], object]:
        victim = choose()
        victim.kill()
        return victim.start

    return Kind(f"{name} killed", strike, hold_s)


def frozen(name: str, choose: Callable[[], Victim], hold_s: tuple[float, float] = (2.0, 10.0)) -> Kind:
    """SIGSTOP, and SIGCONT after a while."""

    def strike() -> Callable[[], object]:
        victim = choose()
        victim.freeze()
        return victim.thaw

    return Kind(f"{name} frozen", strike, hold_s)


def at_once(one: Kind, other: Kind) -> Kind:
    """Two faults together."""

    def strike() -> Callable[[], object]:
        undo_one = one.strike()
        undo_other = other.strike()

        def undo() -> None:
            undo_one()
            undo_other()

        return undo

    return Kind(f"{one.name} + {other.name}", strike, (max(one.hold_s[0], other.hold_s[0]), one.hold_s[1]))


def worst(kinds: Mapping[str, Sequence[float]]) -> str:
    """A table: by kind of fault, how many calls began during it and the longest time that one took, in seconds."""
    head = f"{'calls that began during':<44}{'calls':>8}{'median s':>10}{'longest s':>11}"
    rows = [
        f"{kind or 'no fault':<44}{len(took):>8}{sorted(took)[len(took) // 2]:>10.2f}{max(took):>11.2f}"
        for kind, took in sorted(kinds.items())
        if took
    ]
    return "\n".join(["", head, *rows])
