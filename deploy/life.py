"""What is drawn of a home: rooms with signs of life, silences and how long each might be, alerts. All times in ms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from carebell.errors import BadInput
from carebell.types import Alert, HomeProfile, Reading
from rules_engine.in_force import ParametersInForce
from rules_engine.place import place_of
from rules_engine.replay import Replay
from rules_engine.rule import context_of, ms
from rules_engine.rules.inactivity import InactivityParameters, InactivityRule, silence_allowed
from rules_engine.sign_of_life import NOTHING_SENSED, SIGNS, Senses, sensed

HOMES = 10
# A room is drawn for so long after its last sign of life, unless another room has one.
STAY_MS = 15 * 60_000


@dataclass(slots=True)
class Stay:
    """Signs of life in one room, none of them further than `STAY_MS` from the one before."""

    room: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """A silence, and for how long it was allowed to last; None where nobody judges that."""

    from_ms: int
    to_ms: int
    allowed_ms: int | None


@dataclass(slots=True)
class Life:
    """One home. `last`: what the rule remembered after the last sign of life."""

    home: HomeProfile
    began_ms: int
    ended_ms: int
    stays: list[Stay] = field(default_factory=list)
    silences: list[Quiet] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    senses: Senses = field(default_factory=lambda: NOTHING_SENSED)
    last: Any = None

    def is_silent(self, at: int) -> bool:
        """Whether the last sign of life lies back further than a stay lasts without one."""
        return bool(self.stays) and at - self.stays[-1].to_ms > STAY_MS

    def sign(self, room: str, at: int) -> None:
        """Somebody moves in a room."""
        if self.stays and not self.is_silent(at):
            self.stays[-1].to_ms = max(at, self.stays[-1].to_ms)
            if self.stays[-1].room == room:
                return
        self.stays.append(Stay(room, at, at))


class Lives:
    """The homes that are drawn, filled while they are replayed: those chosen, or the first that are heard."""

    def __init__(self, run: Replay, homes: Sequence[HomeProfile], chosen: Sequence[str] | None) -> None:
        self._run = run
        self._homes = {home.home_id: home for home in homes}
        self._chosen = chosen
        self._in_force = ParametersInForce(run.rulebook)
        self._lives: dict[str, Life] = {}

    def hear(self, reading: Reading) -> None:
        """A reading that was judged."""
        life = self._life(reading.home_id, reading.received_at)
        if life is None or reading.kind not in SIGNS:
            return
        life.senses, is_sign = sensed(life.senses, reading)
        if not is_sign:
            return
        at = ms(reading.received_at)
        self._end_silence(life, at)
        life.sign(place_of(reading, life.home) or reading.device_id, at)
        state = self._run.state(reading.home_id)
        life.last = None if state is None else state.rules.get(InactivityRule.name)

    def alert(self, alert: Alert) -> None:
        """An alert that was raised."""
        life = self._life(alert.home_id, alert.at)
        if life is not None:
            life.alerts.append(alert)

    def ended(self) -> list[Life]:
        """All of them, until now; in the order of the command line, or as they were first heard. Raises BadInput."""
        for life in self._lives.values():
            life.ended_ms = ms(self._run.now)
            self._end_silence(life, life.ended_ms)
        if self._chosen is None:
            return list(self._lives.values())
        if missing := [home_id for home_id in self._chosen if home_id not in self._lives]:
            raise BadInput([f"--home {home_id}: there is no reading of this home" for home_id in missing])
        return [self._lives[home_id] for home_id in dict.fromkeys(self._chosen)]

    def _life(self, home_id: str, at: datetime) -> Life | None:
        life = self._lives.get(home_id)
        if life is None and (len(self._lives) < HOMES if self._chosen is None else home_id in self._chosen):
            home = self._homes.get(home_id) or HomeProfile(home_id=home_id)
            life = self._lives[home_id] = Life(home, ms(at), ms(at))
        return life

    def _end_silence(self, life: Life, at: int) -> None:
        if life.is_silent(at):
            life.silences.append(Quiet(life.stays[-1].to_ms, at, self._allowed(life)))

    def _allowed(self, life: Life) -> int | None:
        parameters = self._in_force.of(life.home).rules[InactivityRule.name]
        if life.last is None or not isinstance(parameters, InactivityParameters):
            return None
        context = context_of(life.home, self._run.now, self._run.rulebook.label)
        return silence_allowed(life.last, context, parameters)
