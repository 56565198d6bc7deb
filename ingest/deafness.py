"""Whether the homes are heard at all. One silent home is a fault there; all of them silent at once is a fault here. Pure.

    gaps between messages, on average ▏▏ ▏ ▏▏▏ ▏ ▏▏
    deaf                                          ▏──── many such gaps, and a minute at least ────┤ time stands still

Where everybody has fallen silent at once (the network to the homes, a broker that takes nothing), ticks stop: nobody is
judged by a time in which nobody was heard, and operators are told once instead of once for each home.
"""

from collections import OrderedDict

HOMES_AT_LEAST = 10
_WITHIN_S = 3600.0
_GAPS, _AT_LEAST_S = 15.0, 60.0
_WEIGHT = 0.02
_KEPT = 1000


class Deafness:
    """Give it every message of a home with `heard`, in seconds on the monotonic clock."""

    def __init__(self) -> None:
        self._homes: OrderedDict[str, float] = OrderedDict()
        self._last_s: float | None = None
        self._gap_s = 0.0

    def heard(self, home_id: str, now_s: float) -> None:
        """A home has said something."""
        if self._last_s is not None:
            gap_s = min(now_s - self._last_s, self._limit_s())
            self._gap_s += _WEIGHT * (gap_s - self._gap_s)
        self._last_s = now_s
        self._homes[home_id] = now_s
        self._homes.move_to_end(home_id)
        if len(self._homes) > _KEPT:
            self._homes.popitem(last=False)

    def silent_s(self, now_s: float) -> float:
        """For how long nobody was heard, where that is too long; 0 where it is not, or too few homes speak to tell."""
        if self._last_s is None or self._speaking(self._last_s) < HOMES_AT_LEAST:
            return 0.0
        passed_s = now_s - self._last_s
        return passed_s if passed_s > self._limit_s() else 0.0

    def _limit_s(self) -> float:
        return max(_AT_LEAST_S, _GAPS * self._gap_s)

    def _speaking(self, now_s: float) -> int:
        """How many homes were heard in the hour before."""
        while self._homes and now_s - next(iter(self._homes.values())) > _WITHIN_S:
            self._homes.popitem(last=False)
        return len(self._homes)
