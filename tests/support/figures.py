"""Latencies as people compare them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Percentiles of a sample, in milliseconds."""

    count: int
    p50: float
    p99: float
    p999: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Figures":
        """The nearest-rank percentiles of latencies in seconds."""
        ordered = sorted(seconds)
        at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99, 0.999)]
        return cls(len(ordered), *(one * 1000 for one in at), ordered[-1] * 1000)

    def ratio_to(self, base: "Figures") -> str:
        return f"{self.p50 / base.p50:.1f}× p50, {self.p99 / base.p99:.1f}× p99"

    def row(self, name: str) -> str:
        return f"{name:<58} {self.count:>6} {self.p50:>9.1f} {self.p99:>9.1f} {self.p999:>9.1f} {self.max:>9.1f}"


HEADER = f"{'':<58} {'n':>6} {'p50 ms':>9} {'p99 ms':>9} {'p99.9 ms':>9} {'max ms':>9}"
