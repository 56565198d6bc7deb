"""Which alerts come, go or move between two rulebooks."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

from carebell.types import Alert, AlertStatus, Severity
from rules_engine.compare import What, changes
from tests.support.homeline import moment

HOUR = 3600
WITHIN = timedelta(hours=12)


def alert(at_h: float, rule: str = "inactivity", *, home_id: str = "h", id: str = "", device_id: str = "") -> Alert:
    at = moment(at_h * HOUR)
    return Alert(
        id=id or f"{rule}-{home_id}-{device_id}-{at_h}",
        rule=rule,
        home_id=home_id,
        status=AlertStatus.OPENED,
        at=at,
        severity=Severity.HIGH,
        summary="",
        summary_zh="",
        caused_at=at,
        device_id=device_id,
    )


def told(old: list[Alert], new: list[Alert], within: timedelta = WITHIN) -> list[tuple[What, str, float]]:
    """What changes, whose it is, and by how many hours it moves."""
    return [
        (one.what, one.alert.home_id, (one.new.at - one.old.at) / timedelta(hours=1) if one.old and one.new else 0)
        for one in changes(old, new, within)
    ]


def test_what_is_the_same_is_not_told() -> None:
    assert told([alert(1), alert(30)], [alert(1), alert(30)]) == []
    assert told([], []) == []


def test_alerts_come_go_and_move_in_the_order_of_time() -> None:
    old, new = [alert(1), alert(30), alert(99)], [alert(3), alert(60), alert(99)]
    assert told(old, new) == [(What.MOVES, "h", 2), (What.GOES, "h", 0), (What.COMES, "h", 0)]


def test_only_one_rule_in_one_home_moves() -> None:
    assert told([alert(1)], [alert(1, home_id="other")]) == [(What.GOES, "h", 0), (What.COMES, "other", 0)]
    assert told([alert(1)], [alert(1, "bed")]) == [(What.COMES, "h", 0), (What.GOES, "h", 0)]


def test_how_far_one_may_move_is_said() -> None:
    assert told([alert(1)], [alert(13)]) == [(What.MOVES, "h", 12)]
    assert told([alert(13)], [alert(1)]) == [(What.MOVES, "h", -12)]
    assert told([alert(1)], [alert(13.01)]) == [(What.GOES, "h", 0), (What.COMES, "h", 0)]
    assert told([alert(1)], [alert(3)], timedelta(hours=1)) == [(What.GOES, "h", 0), (What.COMES, "h", 0)]


def test_each_is_one_of_the_others_at_most_and_the_nearest_first() -> None:
    assert told([alert(1), alert(2)], [alert(3)]) == [(What.GOES, "h", 0), (What.MOVES, "h", 1)]
    assert told([alert(3)], [alert(1), alert(2)]) == [(What.COMES, "h", 0), (What.MOVES, "h", -1)]


def test_the_same_id_and_then_the_same_device_speak_louder_than_nearness() -> None:
    first = alert(5, id="episode")
    assert told([first], [alert(6, id="other"), replace(first, at=moment(9 * HOUR))]) == [
        (What.COMES, "h", 0),
        (What.MOVES, "h", 4),
    ]
    old = [alert(1, "supervision", device_id="a"), alert(1.5, "supervision", device_id="b")]
    new = [alert(1.4, "supervision", device_id="a"), alert(2.5, "supervision", device_id="b")]
    assert [round(hours, 1) for _, _, hours in told(old, new)] == [0.4, 1]


def test_another_severity_is_told_and_a_resolution_is_not() -> None:
    one = alert(1)
    assert told([one], [replace(one, severity=Severity.LOW)]) == [(What.MOVES, "h", 0)]
    assert told([one], [one, replace(one, status=AlertStatus.RESOLVED, at=moment(5))]) == []


def test_the_order_in_which_they_were_raised_does_not_matter() -> None:
    old, new = [alert(1), alert(2), alert(9)], [alert(1.5), alert(4), alert(8)]
    outcomes = {tuple(told(list(one), list(other))) for one in permutations(old) for other in permutations(new)}
    assert len(outcomes) == 1
