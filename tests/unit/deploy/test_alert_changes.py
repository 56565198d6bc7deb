"""Each alert has one fate, told once, whatever was written twice."""

from dataclasses import replace
from datetime import timedelta

from carebell.types import Alert, AlertStatus
from deploy.alert_changes import STAYS, Fate, counts, fates, table
from tests.support.homeline import HomeLine, moment, reading

HOUR = timedelta(hours=1)


def alert(rule: str, at: float, name: str = "") -> Alert:
    [one] = HomeLine().hear(reading("sos", at))
    return replace(one, id=name or f"{rule}-{at}", rule=rule, at=moment(at))


def found(raised: list[Alert], rehearsed: list[Alert]) -> list[tuple[str, str]]:
    return [(one.alert.id, one.what) for one in fates(raised, rehearsed, HOUR)]


def test_the_four_fates() -> None:
    raised = [alert("sos", 1), alert("bed", 2), alert("vital", 10_000, "v")]
    rehearsed = [alert("sos", 1), alert("vital", 10_100, "v"), alert("fall", 20_000)]
    assert found(raised, rehearsed) == [
        ("sos-1", STAYS),
        ("bed-2", "goes"),
        ("v", "moves"),
        ("fall-20000", "comes"),
    ]
    [moved] = [one for one in fates(raised, rehearsed, HOUR) if one.what == "moves"]
    assert (moved.alert.at, moved.was_at) == (moment(10_100), moment(10_000))


def test_further_apart_it_is_another_alert() -> None:
    far = fates([alert("bed", 0, "one")], [alert("bed", 4000, "other")], HOUR)
    assert [(one.alert.id, one.what) for one in far] == [("one", "goes"), ("other", "comes")]


def test_what_was_written_twice_is_one_alert() -> None:
    twice = [alert("sos", 1), alert("sos", 1)]
    assert found(twice, [alert("sos", 1)]) == [("sos-1", STAYS)]
    assert found([], twice) == [("sos-1", "comes")]


def test_troubles_of_the_rules_and_what_resolves_are_left_out() -> None:
    resolved = replace(alert("bed", 1), status=AlertStatus.RESOLVED)
    assert found([alert("operations", 1), resolved], []) == []


def test_the_table_has_a_line_for_each_rule() -> None:
    counted = fates([alert("sos", 1), alert("bed", 2)], [alert("sos", 1), alert("fall", 3)], HOUR)
    assert counts(counted) == {"sos": {STAYS: 1}, "bed": {"goes": 1}, "fall": {"comes": 1}}
    assert table(counted) == [
        "rule  stays  comes  moves  goes",
        "bed       0      0      0     1",
        "fall      0      1      0     0",
        "sos       1      0      0     0",
    ]
    assert table(list[Fate]()) == ["rule  stays  comes  moves  goes"]
