"""What becomes of the alerts that were raised under another rulebook: which stay, come, go or move, and how many of each rule.

Only alerts that open are counted, as elsewhere where rulebooks are compared. The rules' own troubles are left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from carebell.types import Alert
from rules_engine.compare import What, changes, opened
from rules_engine.operations import RULE as OPERATIONS

STAYS = "stays"
WORDS = (STAYS, What.COMES.value, What.MOVES.value, What.GOES.value)


@dataclass(frozen=True, slots=True)
class Fate:
    """An alert and what becomes of it, one of WORDS; for one that moves, when it was raised before."""

    alert: Alert
    what: str
    was_at: datetime | None = None


def fates(raised: Iterable[Alert], rehearsed: Iterable[Alert], moved_within: timedelta) -> list[Fate]:
    """Each alert once, in the order of their times."""
    before, after = _each_once(raised), _each_once(rehearsed)
    found = [
        Fate(one.alert, one.what.value, one.old.at if one.old is not None and one.new is not None else None)
        for one in changes(before, after, moved_within)
    ]
    changed = {one.alert.id for one in found}
    found += [Fate(alert, STAYS) for alert in after if alert.id not in changed]
    return sorted(found, key=lambda one: (one.alert.at, one.alert.home_id, one.alert.id))


def _each_once(alerts: Iterable[Alert]) -> list[Alert]:
    """One that was written twice by a repeat of work is one alert."""
    found: dict[str, Alert] = {}
    for alert in opened(alerts):
        if alert.rule != OPERATIONS:
            found.setdefault(alert.id, alert)
    return list(found.values())


def counts(found: Iterable[Fate]) -> Mapping[str, Mapping[str, int]]:
    """By rule and what becomes of them."""
    counted: dict[str, Counter[str]] = {}
    for one in found:
        counted.setdefault(one.alert.rule, Counter())[one.what] += 1
    return counted


def table(found: Iterable[Fate]) -> Sequence[str]:
    """The counts as lines for a terminal."""
    counted = counts(found)
    width = max(map(len, ("rule", *counted)))
    lines = ["  ".join(["rule".ljust(width), *WORDS])]
    for rule, numbers in sorted(counted.items()):
        lines.append("  ".join([rule.ljust(width), *(str(numbers[word]).rjust(len(word)) for word in WORDS)]))
    return lines
