"""Whether it may be only we who cannot reach the log: then another had better hear the homes."""

from carebell.clock import Clock

# The log takes nothing for so long. Each time that it was in vain we wait twice as long: where nobody reaches the log, the
# seat must not go round and round.
AFTER_S, AT_MOST_S = 30.0, 600.0


class CutOff:
    """`begin` with each seat, then `look` again and again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._after_s = AFTER_S
        self._appended = 0
        self._well_s = 0.0

    def begin(self, appended: int) -> None:
        """`appended` counts what the log has taken from us."""
        self._appended, self._well_s = appended, self._clock.monotonic()

    def look(self, *, is_stuck: bool, appended: int) -> bool:
        """Whether the log has taken nothing for so long although something waits for it."""
        if appended != self._appended:
            self._after_s = AFTER_S
        if not is_stuck or appended != self._appended:
            self.begin(appended)
        return self._clock.monotonic() - self._well_s > self._after_s

    def give_up(self) -> None:
        """It was time to leave the seat."""
        self._after_s = min(self._after_s * 2, AT_MOST_S)
