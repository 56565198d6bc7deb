"""When each loop last completed a turn: a loop that crashes again and again, or hangs, moves no more and is told of."""

from collections.abc import Collection

from carebell.clock import Clock

STANDING_AFTER_S = 15.0
BEHIND_AFTER_S = 10.0


class Progress:
    """Measured on the monotonic clock: a wall clock that was set back hides nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turned: dict[str, float] = {}
        self._behind: dict[str, float] = {}

    def expect(self, loop: str) -> None:
        """From now on this loop must move."""
        self._turned.setdefault(loop, self._clock.monotonic())

    def turned(self, loop: str) -> None:
        """The loop has completed a turn, even if there was nothing to do."""
        self._turned[loop] = self._clock.monotonic()

    def behind(self, loop: str, seconds: float) -> None:
        """How old the oldest thing was that the loop has just dealt with; 0 when nothing waited."""
        self._behind[loop] = seconds

    def too_late(self, after_s: float = BEHIND_AFTER_S) -> str:
        """The loops that move but cannot keep up, in words; empty when all do."""
        late = {loop: age for loop, age in sorted(self._behind.items()) if age > after_s}
        return "; ".join(f"{loop} is {age:.0f} s behind" for loop, age in late.items())

    def ages(self) -> dict[str, float]:
        """Seconds since the last turn of each loop."""
        now = self._clock.monotonic()
        return {loop: now - at for loop, at in self._turned.items()}

    def standing_still(self, after_s: float = STANDING_AFTER_S, *, but: Collection[str] = ()) -> str:
        """The loops that have not moved for so many seconds, in words; empty when all move, `but` these."""
        late = {loop: age for loop, age in sorted(self.ages().items()) if age > after_s and loop not in but}
        return "; ".join(f"{loop} has not moved for {age:.0f} s" for loop, age in late.items())
