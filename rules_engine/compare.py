"""What two rulebooks make of the same readings: which alerts come, go, or move. Pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from carebell.types import Alert, AlertStatus


class What(StrEnum):
    COMES = "comes"
    GOES = "goes"
    MOVES = "moves"


@dataclass(frozen=True, slots=True)
class Change:
    """One alert that is not as it was: only the new rulebook raises it, only the old one, or each at another time or with
    another severity."""

    old: Alert | None
    new: Alert | None

    @property
    def what(self) -> What:
        if self.old is None:
            return What.COMES
        return What.GOES if self.new is None else What.MOVES

    @property
    def alert(self) -> Alert:
        """The new one, where there is one."""
        alert = self.new or self.old
        assert alert is not None  # noqa: S101
        return alert


def opened(alerts: Iterable[Alert]) -> list[Alert]:
    """Those that call somebody: what resolves them is not counted."""
    return [alert for alert in alerts if alert.status is AlertStatus.OPENED]


def changes(old: Sequence[Alert], new: Sequence[Alert], moved_within: timedelta) -> list[Change]:
    """In the order of time. An alert of the same rule and home that lies no further away than `moved_within` is the same
    one, moved: first those of one id, then those of one device, then the nearest."""
    of_old, of_new = _by_rule_and_home(old), _by_rule_and_home(new)
    found: list[Change] = []
    for key in sorted(of_old.keys() | of_new.keys()):
        found += _changes_of_one(of_old[key], of_new[key], moved_within)
    return sorted(found, key=lambda one: (one.alert.at, one.alert.home_id, one.alert.rule, one.alert.id, one.what))


def _by_rule_and_home(alerts: Iterable[Alert]) -> defaultdict[tuple[str, str], list[Alert]]:
    found: defaultdict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in sorted(opened(alerts), key=_at):
        found[alert.rule, alert.home_id].append(alert)
    return found


def _changes_of_one(old: list[Alert], new: list[Alert], moved_within: timedelta) -> Iterator[Change]:
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, one, other in sorted(_pairs(old, new, moved_within)):
        if one not in partner and other not in taken:
            partner[one] = other
            taken.add(other)
    for one, alert in enumerate(old):
        same = new[partner[one]] if one in partner else None
        if same is None or (same.at, same.severity) != (alert.at, alert.severity):
            yield Change(alert, same)
    yield from (Change(None, alert) for other, alert in enumerate(new) if other not in taken)


def _pairs(
    old: list[Alert], new: list[Alert], moved_within: timedelta
) -> Iterator[tuple[tuple[bool, bool, timedelta], int, int]]:
    """What may belong together, with how little speaks for it."""
    for one, alert in enumerate(old):
        first = bisect_left(new, alert.at - moved_within, key=_at)
        for other in range(first, len(new)):
            found = new[other]
            if found.at > alert.at + moved_within:
                break
            doubt = (found.id != alert.id, found.device_id != alert.device_id, abs(found.at - alert.at))
            yield doubt, one, other


def _at(alert: Alert) -> datetime:
    return alert.at
