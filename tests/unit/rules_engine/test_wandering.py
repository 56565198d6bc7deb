"""Time lines of doors at night, in a home where somebody should not go out alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, ResidentProfile, Severity
from rules_engine.rules.wandering import WanderingParameters, WanderingRule
from tests.support.homeline import START, HomeLine, moment, reading, restarted, shipped_rulebook

MINUTE, HOUR = 60, 3600
# The time line starts at 08:00 UTC, 16:00 in Shanghai.
NIGHT = 5 * HOUR
OUT = NIGHT + 5 * HOUR + 10 * MINUTE  # 02:10
PROFILE = HomeProfile(
    home_id="h",
    timezone="Asia/Shanghai",
    devices=(
        DeviceProfile(device_id="door", place="Front door"),
        DeviceProfile(device_id="back", place="后门"),
        DeviceProfile(device_id="by-door", place="entry"),
        DeviceProfile(device_id="pir", place="living room"),
        DeviceProfile(device_id="fridge", place="kitchen"),
        DeviceProfile(device_id="bed", place="bedroom"),
    ),
    residents=(ResidentProfile(ability_level=3),),
)


def home_of(profile: HomeProfile = PROFILE, **more: Any) -> HomeLine:
    """Where something moved inside in the afternoon."""
    home = HomeLine(rules=(WanderingRule(),), **more)
    assert home.follow(profile) == []
    assert moves(home, 0) == []
    return home


def opens(home: HomeLine, at: float = OUT, device_id: str = "door", value: str = "open", **more: Any) -> list[Alert]:
    return home.hear(reading("contact", at, device_id=device_id, value=value, **more))


def moves(home: HomeLine, at: float, device_id: str = "pir", **more: Any) -> list[Alert]:
    return home.hear(reading("motion", at, device_id=device_id, **more))


def later(
    home: HomeLine, start: float = OUT, hours: float = 8, since: float | None = None
) -> list[tuple[float, Alert]]:
    """Woken whenever it is due: the alerts, with the seconds since `OUT`."""
    found = []
    while home.due_at is not None and home.due_at <= moment(start + hours * HOUR):
        at = max(start, (home.due_at - START).total_seconds())
        found += [(at - OUT, alert) for alert in home.tick(at, since)]
    return found


def test_the_shipped_rulebook_says_what_holds_without_it() -> None:
    assert shipped_rulebook().rules.wandering == WanderingParameters()


def test_a_door_at_night_and_then_nothing_is_an_alert_after_two_minutes() -> None:
    home = home_of()
    moves(home, OUT - 5)
    opens(home)
    opens(home, OUT + 8, value="closed")
    [(after, alert)] = later(home)
    assert (after, alert.severity, alert.device_id) == (120, Severity.HIGH, "door")
    assert alert.summary.startswith(
        "The door door (Front door) was opened at 02:10 at night and nothing has moved in the"
    )
    assert alert.summary_zh.startswith("夜间 02:10 门 door（Front door）被打开，此后家中没有任何活动")
    assert alert.evidence == (reading("contact", OUT, device_id="door").id,)


@pytest.mark.parametrize(
    ("residents", "own", "is_on"),
    [
        ((), {}, False),
        ((2,), {}, False),
        ((3,), {}, True),
        ((0, 4), {}, True),
        ((0,), {"enabled": True}, True),
        ((4,), {"enabled": False}, False),
    ],
)
def test_it_is_on_where_somebody_should_not_go_out_alone(
    residents: tuple[int, ...], own: dict[str, Any], is_on: bool
) -> None:
    people = tuple(ResidentProfile(ability_level=level) for level in residents)
    home = home_of(replace(PROFILE, residents=people, settings={"wandering": own}))
    opens(home)
    assert bool(later(home)) is is_on


@pytest.mark.parametrize(
    ("at", "is_judged"), [(NIGHT - 1, False), (NIGHT, True), (NIGHT + 9 * HOUR - 121, True), (NIGHT + 9 * HOUR, False)]
)
def test_only_doors_at_night_count(at: float, is_judged: bool) -> None:
    home = home_of()
    opens(home, at)
    assert bool(later(home, at)) is is_judged


@pytest.mark.parametrize(
    ("kind", "device_id", "value", "is_inside"),
    [
        ("motion", "pir", True, True),
        ("motion", "pir", False, False),
        ("presence", "pir", True, True),
        ("presence", "pir", False, False),
        ("motion", "by-door", True, False),
        ("contact", "fridge", "open", True),
        ("contact", "door", "closed", False),
        ("bed", "bed", "occupied", True),
        ("bed", "bed", "vacant", False),  # it says so a while after its sleeper left
    ],
)
def test_what_moves_inside_shows_that_nobody_is_out(kind: str, device_id: str, value: object, is_inside: bool) -> None:
    before = home_of()
    opens(before)
    before.hear(reading(kind, OUT + 60, device_id=device_id, value=value))
    assert bool(later(before)) is not is_inside
    after = home_of()
    opens(after)
    [(_, alert)] = later(after)
    back = after.hear(reading(kind, OUT + 600, device_id=device_id, value=value))
    assert [(one.id, one.status) for one in back] == [(alert.id, AlertStatus.RESOLVED)] * is_inside


@pytest.mark.parametrize(("after", "is_told"), [(0, True), (10, True), (10.5, False)])
def test_who_goes_out_is_seen_inside_for_a_moment_longer(after: float, is_told: bool) -> None:
    home = home_of()
    opens(home)
    moves(home, OUT + after)
    assert bool(later(home)) is is_told


@pytest.mark.parametrize(("day", "is_judged"), [(0, True), (24 * HOUR, False)])
def test_only_where_something_inside_tells_of_movement_is_nothing_a_sign(day: float, is_judged: bool) -> None:
    home = home_of()
    moves(home, OUT + day - 60, "by-door")
    opens(home, OUT + day)
    assert bool(later(home, OUT + day)) is is_judged


@pytest.mark.parametrize(
    ("device_id", "place", "is_door"), [("fridge", "", False), ("x", "Outside door", True), ("x", "", False)]
)
def test_only_outside_doors_count(device_id: str, place: str, is_door: bool) -> None:
    home = home_of()
    opens(home, device_id=device_id, place=place)
    assert bool(later(home)) is is_door


def test_one_alert_for_a_door_that_is_opened_again_and_another_after_a_return() -> None:
    home = home_of()
    opens(home)
    opens(home, OUT + 30)
    [(after, first)] = later(home)
    assert after == 120
    opens(home, OUT + 900)
    assert later(home, OUT + 900) == []
    moves(home, OUT + 930)
    opens(home, OUT + 1800)
    [(_, second)] = later(home, OUT + 1800)
    assert second.id != first.id


def test_two_doors_are_told_apart() -> None:
    home = home_of()
    opens(home)
    opens(home, OUT + 60, "back")
    assert [alert.device_id for _, alert in later(home)] == ["door", "back"]
    assert len(moves(home, OUT + 900)) == 2


def test_our_own_outage_is_nobody_s_absence() -> None:
    home = home_of()
    opens(home)
    [(after, _)] = later(home, since=OUT + 600)
    assert after == 720


def test_a_door_that_is_removed_is_forgotten_and_its_alert_resolved() -> None:
    home = home_of()
    opens(home)
    [(_, gone)] = later(home)
    opens(home, OUT + 200, "back")
    [resolved] = home.follow(replace(PROFILE, devices=PROFILE.devices[3:], revision=1), OUT + 201)
    assert (resolved.id, resolved.status) == (gone.id, AlertStatus.RESOLVED)
    assert home.due_at is None


def test_a_night_that_is_over_is_not_judged_when_the_rule_is_switched_on_again() -> None:
    home = home_of()
    opens(home)
    off = replace(PROFILE, settings={"wandering": {"enabled": False}}, revision=1)
    home.follow(off, OUT + 10)
    home.follow(replace(PROFILE, revision=2), OUT + 48 * HOUR)
    assert later(home, OUT + 48 * HOUR) == []


def test_a_door_that_is_heard_late_is_judged_with_what_is_known_since() -> None:
    """The clocks of its devices are known to be right from what they said before."""
    for moved, is_told in ((OUT + 60, False), (OUT - 60, True)):
        home = home_of()
        opens(home, NIGHT - HOUR, value="closed", observed_at=moment(NIGHT - HOUR - 0.1))
        moves(home, moved)
        opens(home, OUT + HOUR, observed_at=moment(OUT))
        assert [after for after, _ in later(home, OUT + HOUR)] == [HOUR] * is_told


events = st.lists(
    st.tuples(
        st.sampled_from(["door", "back", "pir", "by-door"]), st.sampled_from([3, 40, 5 * MINUTE, 3 * HOUR, 9 * HOUR])
    ),
    max_size=25,
)


def lived(events: list[tuple[str, int]], *, twice: bool = False, **more: Any) -> HomeLine:
    home, at = home_of(**more), float(NIGHT)
    for device_id, pause in events:
        for _ in range(2 if twice else 1):
            (opens if device_id in ("door", "back") else moves)(home, at, device_id=device_id)
        later(home, at, pause / HOUR)
        at += pause
    return home


@settings(max_examples=60, deadline=None)
@given(events)
def test_repeats_and_restarts_change_nothing_and_every_alert_follows_a_door(events: list[tuple[str, int]]) -> None:
    home = lived(events)
    assert lived(events, twice=True).alerts == home.alerts
    assert lived(events, between=restarted).alerts == home.alerts
    told = [alert.id for alert in home.opened]
    assert len(told) == len(set(told)) <= sum(device_id in ("door", "back") for device_id, _ in events)
    assert {alert.id for alert in home.alerts} == set(told)
