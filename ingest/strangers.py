"""Who speaks on the topics of servers, where no home is named, and is registered nowhere. Pure; time is passed in.

    a call for help ── goes through, always ── what else it says goes through for a day
    anything else   ── is left out and counted; a person is told once a day whom to register

A network server may be shared with thousands of meters that are no affair of ours; among them may be a pendant that is ours
and that somebody forgot to register.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from carebell.types import Reading

DAY = timedelta(days=1)
KEPT = 10_000
# So many are named in one report; the others are told of by a later message.
NAMED = 10
# Not a call, though of a kind that calls: it passes, for a rule may wait for it, but shows nobody in need.
_OVER = (False, "cleared")
_Sender = tuple[str, str]


class Strangers:
    """Give it the readings of each message, in the order in which they came."""

    def __init__(self) -> None:
        self._called: OrderedDict[_Sender, datetime] = OrderedDict()
        self._told: OrderedDict[_Sender, datetime] = OrderedDict()

    def sift(
        self, readings: tuple[Reading, ...], of_nobody: Collection[str], at: datetime
    ) -> tuple[tuple[Reading, ...], tuple[Reading, ...]]:
        """What goes through, and what is left out. `of_nobody`: ids of the readings whose sender nobody knows."""
        if not of_nobody:
            return readings, ()
        for reading in readings:
            if reading.id in of_nobody and reading.is_urgent and reading.value not in _OVER:
                _put(self._called, _sender(reading), at)
                if len(self._called) > KEPT:
                    self._called.popitem(last=False)
        left_out = tuple(one for one in readings if one.id in of_nobody and not self._is_heard(one, at))
        gone = {one.id for one in left_out}
        return tuple(one for one in readings if one.id not in gone), left_out

    def _is_heard(self, reading: Reading, at: datetime) -> bool:
        if reading.is_urgent:
            return True
        called = self._called.get(_sender(reading))
        return called is not None and _is_near(called, at)

    def untold(self, left_out: Sequence[Reading], at: datetime) -> list[str]:
        """Whom to tell a person of: dialect and address of each sender of whom nobody was told within a day.

        So many senders a day are told of that a flood of made-up addresses cannot fill the log; beyond that they are counted.
        """
        while self._told and not _is_near(next(iter(self._told.values())), at):
            self._told.popitem(last=False)
        names: list[str] = []
        for reading in left_out:
            sender = _sender(reading)
            if sender not in self._told and len(self._told) < KEPT and len(names) < NAMED:
                _put(self._told, sender, at)
                names.append(f"{reading.dialect} {reading.device_id}")
        return names


def _sender(reading: Reading) -> _Sender:
    return reading.home_id, reading.device_id


def _put(memory: OrderedDict[_Sender, datetime], sender: _Sender, at: datetime) -> None:
    memory[sender] = at
    memory.move_to_end(sender)


def _is_near(before: datetime, at: datetime) -> bool:
    """Within a day, also where the clock was set back."""
    return abs(at - before) < DAY
