"""The ledger: what went in at the one end and came out at the other, as missing, doubled and strangers per stage."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One stage against what it should hold."""

    stage: str
    expected: int
    found: int
    missing: tuple[Hashable, ...]
    doubled: tuple[Hashable, ...]
    strangers: tuple[Hashable, ...]

    def line(self) -> str:
        counts = (self.expected, self.found, len(self.missing), len(self.doubled), len(self.strangers))
        return f"{self.stage:<52}" + "".join(f"{count:>11}" for count in counts)


@dataclass
class Ledger:
    """Rows in the order of the road."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def enter(self, stage: str, expected: Iterable[Hashable], found: Iterable[Hashable]) -> Row:
        """Compare; `found` may hold a thing more than once."""
        wanted, counted = set(expected), Counter(found)
        row = Row(
            stage,
            len(wanted),
            sum(counted.values()),
            tuple(sorted(wanted - set(counted), key=str)),
            tuple(sorted((one for one, number in counted.items() if number > 1), key=str)),
            tuple(sorted(set(counted) - wanted, key=str)),
        )
        self.rows.append(row)
        return row

    def text(self) -> str:
        head = f"{'stage':<52}" + "".join(
            f"{name:>11}" for name in ("expected", "found", "missing", "doubled", "strangers")
        )
        return "\n".join(["", head, *(row.line() for row in self.rows), *self.notes])
