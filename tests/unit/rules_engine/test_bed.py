"""Time lines of nights: who is out of bed and not back, and what the rest of the home says of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, ResidentProfile, Severity
from rules_engine.rules.bed import BedParameters, BedRule
from tests.support.homeline import START, HomeLine, moment, reading, restarted, shipped_rulebook

MINUTE, HOUR, DAY = 60, 3600, 86_400
# The time line starts at 08:00 UTC, 16:00 in Shanghai.
NIGHT = 6 * HOUR
OUT = NIGHT + 4 * HOUR + 10 * MINUTE  # 02:10
DEVICES = (
    DeviceProfile(device_id="gateway", is_gateway=True, expected_every=timedelta(minutes=10)),
    DeviceProfile(device_id="bed", place="bedroom", gateway_id="gateway"),
    DeviceProfile(device_id="other", place="卧室", gateway_id="gateway"),
    DeviceProfile(device_id="seat", place="living room", model="bed sensor", gateway_id="gateway"),
    DeviceProfile(device_id="strap", model="Bed strap"),
    DeviceProfile(device_id="mat", model="pressure mat"),
    DeviceProfile(device_id="pir", place="bathroom", gateway_id="gateway"),
    DeviceProfile(device_id="by-bed", place="bedroom", gateway_id="gateway"),
)
PROFILE = HomeProfile(home_id="h", timezone="Asia/Shanghai", devices=DEVICES)


def home_of(profile: HomeProfile = PROFILE, **more: Any) -> HomeLine:
    home = HomeLine(rules=(BedRule(),), **more)
    assert home.follow(profile) == []
    return home


def says(home: HomeLine, value: str, at: float, device_id: str = "bed", **more: Any) -> list[Alert]:
    return home.hear(reading("bed", at, device_id=device_id, value=value, **more))


def moves(home: HomeLine, at: float, device_id: str = "pir", **more: Any) -> list[Alert]:
    return home.hear(reading("motion", at, device_id=device_id, **more))


def ticks(home: HomeLine, start: float, end: float, listening_since: float | None = None) -> list[tuple[float, Alert]]:
    """Woken whenever it is due, while the gateway beats: the alerts, with the minutes since `OUT`."""
    found = []
    beat = 10 * MINUTE
    for until in [*range(int(start // beat + 1) * beat, int(end) + 1, beat), end]:
        while home.due_at is not None and home.due_at <= moment(until):
            at = max(start, (home.due_at - START).total_seconds())
            alerts = home.tick(at, listening_since)
            found += [((at - OUT) / MINUTE, alert) for alert in alerts]
        home.hear(reading("heartbeat", until, device_id="gateway"))
    return found


def out_of_bed(home: HomeLine, at: float = OUT, device_id: str = "bed") -> None:
    says(home, "occupied", NIGHT, device_id)
    says(home, "vacant", at, device_id)


def test_the_shipped_rulebook_says_what_holds_without_it() -> None:
    assert shipped_rulebook().rules.bed == BedParameters()


def test_where_no_sensor_tells_the_alert_comes_after_half_an_hour() -> None:
    home = home_of()
    out_of_bed(home)
    assert home.tick(OUT + 30 * MINUTE - 0.001) == []
    [(after, alert)] = ticks(home, OUT, OUT + 3 * HOUR)
    assert (after, alert.severity, alert.device_id, alert.status) == (30, Severity.HIGH, "bed", AlertStatus.OPENED)
    assert alert.summary == (
        "Out of bed since 02:10 at night and not back in bed bed, bedroom. No sensor elsewhere could tell of movement."
    )
    assert alert.summary_zh == "夜间 02:10 离床（bed, bedroom）后至今未归。其他房间没有可用的活动传感器。"
    assert alert.evidence == (reading("bed", OUT, device_id="bed").id,)


def test_where_nothing_moves_in_a_home_with_sensors_it_comes_sooner() -> None:
    home = home_of()
    says(home, "occupied", NIGHT)
    moves(home, NIGHT + MINUTE)
    says(home, "vacant", OUT)
    [(after, _)] = ticks(home, OUT, OUT + 3 * HOUR)
    assert after == 20


def test_movement_in_the_bedroom_alone_waits_half_an_hour() -> None:
    home = home_of()
    says(home, "occupied", NIGHT)
    moves(home, NIGHT + MINUTE)
    says(home, "vacant", OUT)
    moves(home, OUT + MINUTE, "by-bed")
    [(after, alert)] = ticks(home, OUT + MINUTE, OUT + 3 * HOUR)
    assert after == 30
    assert "No movement has been heard elsewhere" in alert.summary


def test_movement_elsewhere_waits_for_the_last_of_it_and_says_where_that_was() -> None:
    home = home_of()
    out_of_bed(home)
    found = []
    for minutes in (2, 18, 35):
        found += ticks(home, OUT + (minutes - 1) * MINUTE, OUT + minutes * MINUTE)
        moves(home, OUT + minutes * MINUTE)
    found += ticks(home, OUT + 35 * MINUTE, OUT + 3 * HOUR)
    [(after, alert)] = found
    assert (after, alert.severity) == (55, Severity.HIGH)
    assert "The last movement was heard at 02:45 (bathroom)." in alert.summary
    assert "最近一次活动：02:45（bathroom）" in alert.summary_zh


@pytest.mark.parametrize(("residents", "severity"), [(1, Severity.LOW), (2, Severity.HIGH)])
def test_movement_that_goes_on_is_told_at_last(residents: int, severity: Severity) -> None:
    home = home_of(replace(PROFILE, residents=(ResidentProfile(),) * residents))
    out_of_bed(home)
    found = []
    for minutes in range(0, 200, 5):
        moves(home, OUT + minutes * MINUTE + 1)
        found += ticks(home, OUT + minutes * MINUTE, OUT + (minutes + 5) * MINUTE)
    [(after, alert)] = found
    assert (after, alert.severity) == (120, severity)


def test_who_was_told_as_up_is_missed_once_the_movement_stops() -> None:
    home = home_of()
    out_of_bed(home)
    found = []
    for minutes in range(0, 140, 5):
        moves(home, OUT + minutes * MINUTE + 1)
        found += ticks(home, OUT + minutes * MINUTE, OUT + (minutes + 5) * MINUTE)
    found += ticks(home, OUT + 140 * MINUTE, OUT + 220 * MINUTE)
    [(up_after, up), (missed_after, missed)] = found
    assert (up_after, up.severity) == (120, Severity.LOW)
    assert (missed_after, missed.severity) == (155 + 1 / 60, Severity.HIGH)
    assert missed.id != up.id
    back = says(home, "occupied", OUT + 220 * MINUTE)
    assert {(one.id, one.status) for one in back} == {(one.id, AlertStatus.RESOLVED) for one in (up, missed)}


def test_movement_before_the_bed_was_left_is_not_of_who_left_it() -> None:
    home = home_of(replace(PROFILE, settings={"bed": {"quiet_within": "10m"}}))
    says(home, "occupied", NIGHT)
    moves(home, OUT - MINUTE)
    says(home, "vacant", OUT)
    [(after, alert)] = ticks(home, OUT, OUT + 3 * HOUR)
    assert (after, alert.severity) == (10, Severity.HIGH)
    assert "No movement has been heard elsewhere since." in alert.summary


def test_back_in_bed_in_time_is_no_alert() -> None:
    home = home_of()
    out_of_bed(home)
    says(home, "occupied", OUT + 29 * MINUTE)
    assert ticks(home, OUT + 29 * MINUTE, OUT + 3 * HOUR) == []


def test_back_in_bed_resolves_with_the_same_id_and_the_next_absence_is_another() -> None:
    home = home_of()
    out_of_bed(home)
    [(_, gone)] = ticks(home, OUT, OUT + HOUR)
    [back] = says(home, "occupied", OUT + HOUR)
    assert (back.id, back.status) == (gone.id, AlertStatus.RESOLVED)
    says(home, "vacant", OUT + HOUR + MINUTE)
    [(_, again)] = ticks(home, OUT + HOUR, OUT + 2 * HOUR)
    assert again.id != gone.id


@pytest.mark.parametrize(
    ("lain_from", "out", "is_told"),
    [
        (OUT - 29 * MINUTE, OUT, False),  # not long enough in bed
        (OUT - 30 * MINUTE, OUT, True),
        (NIGHT - 2 * HOUR, NIGHT - 1, False),  # before the night
        (NIGHT - 2 * HOUR, NIGHT, True),
        (NIGHT, NIGHT + 7 * HOUR + 29 * MINUTE, True),
        (NIGHT, NIGHT + 7 * HOUR + 30 * MINUTE, False),  # the alert would come after the night
    ],
)
def test_only_who_was_in_bed_and_left_at_night_is_missed(lain_from: float, out: float, is_told: bool) -> None:
    home = home_of()
    says(home, "occupied", lain_from)
    says(home, "vacant", out)
    assert bool(ticks(home, out, out + 4 * HOUR)) is is_told


def test_turning_over_does_not_begin_the_night_anew_but_an_evening_up_does() -> None:
    home = home_of()
    for at in range(NIGHT, NIGHT + 40 * MINUTE, 10 * MINUTE):
        says(home, "occupied", at)
        says(home, "vacant", at + 9 * MINUTE)
    assert len(ticks(home, NIGHT + 39 * MINUTE, NIGHT + 2 * HOUR)) == 1
    napped = home_of()
    says(napped, "occupied", NIGHT - 5 * HOUR)
    says(napped, "vacant", NIGHT - 3 * HOUR)
    says(napped, "occupied", NIGHT)
    says(napped, "vacant", NIGHT + 5 * MINUTE)
    assert ticks(napped, NIGHT, NIGHT + 4 * HOUR) == []


@pytest.mark.parametrize(
    ("device_id", "is_bed"), [("bed", True), ("other", True), ("strap", True), ("seat", False), ("mat", False)]
)
def test_chairs_are_not_beds(device_id: str, is_bed: bool) -> None:
    home = home_of()
    out_of_bed(home, device_id=device_id)
    assert bool(ticks(home, OUT, OUT + 3 * HOUR)) is is_bed


def test_whoever_sits_down_in_a_chair_is_up() -> None:
    home = home_of()
    out_of_bed(home)
    assert ticks(home, OUT, OUT + 25 * MINUTE) == []
    says(home, "occupied", OUT + 25 * MINUTE, "seat")
    [(after, _)] = ticks(home, OUT + 25 * MINUTE, OUT + 3 * HOUR)
    assert after == 45


def test_each_bed_is_judged_for_itself() -> None:
    home = home_of()
    says(home, "occupied", NIGHT, "other")
    out_of_bed(home)
    [(_, alert)] = ticks(home, OUT, OUT + 3 * HOUR)
    assert alert.device_id == "bed"


@pytest.mark.parametrize(
    ("kind", "device_id", "off", "on"),
    [
        ("availability", "bed", "offline", "online"),
        ("availability", "gateway", "offline", "online"),
        ("sensor_fault", "bed", True, False),
    ],
)
def test_a_bed_that_cannot_tell_is_not_judged_until_it_can(kind: str, device_id: str, off: object, on: object) -> None:
    home = home_of()
    out_of_bed(home)
    home.hear(reading(kind, OUT + MINUTE, device_id=device_id, value=off))
    assert ticks(home, OUT + MINUTE, OUT + HOUR) == []
    home.hear(reading(kind, OUT + HOUR, device_id=device_id, value=on))
    [(after, _)] = ticks(home, OUT + HOUR, OUT + 3 * HOUR)
    assert after == 90


def test_another_device_that_is_offline_changes_nothing() -> None:
    home = home_of()
    out_of_bed(home)
    home.hear(reading("availability", OUT + MINUTE, device_id="pir", value="offline"))
    assert len(ticks(home, OUT + MINUTE, OUT + HOUR)) == 1


def test_behind_a_silent_gateway_nothing_is_known() -> None:
    home = home_of()
    out_of_bed(home)
    assert home.tick(OUT + 30 * MINUTE) == []
    assert home.due_at is None
    home.hear(reading("heartbeat", OUT + HOUR, device_id="gateway"))
    [(after, _)] = ticks(home, OUT + HOUR, OUT + 3 * HOUR)
    assert after == 90


def test_our_own_outage_is_nobody_s_absence() -> None:
    home = home_of()
    out_of_bed(home)
    ticks(home, OUT, OUT + 29 * MINUTE)
    assert home.tick(OUT + 30 * MINUTE, listening_since=OUT + 25 * MINUTE) == []
    [(after, _)] = ticks(home, OUT + 30 * MINUTE, OUT + 3 * HOUR, listening_since=OUT + 25 * MINUTE)
    assert after == 55


def test_a_bed_that_is_removed_is_forgotten_and_its_alert_resolved() -> None:
    home = home_of()
    out_of_bed(home)
    [(_, gone)] = ticks(home, OUT, OUT + HOUR)
    [resolved] = home.follow(replace(PROFILE, devices=DEVICES[:1], revision=1), OUT + HOUR)
    assert (resolved.id, resolved.status) == (gone.id, AlertStatus.RESOLVED)
    watched = home_of()
    out_of_bed(watched)
    assert watched.follow(replace(PROFILE, devices=DEVICES[:1], revision=1), OUT + MINUTE) == []
    assert watched.due_at is None


def test_the_night_and_the_limits_are_the_home_s_own() -> None:
    own = {"bed": {"night_from": "01:00", "night_to": "05:00", "back_within": "5m"}}
    home = home_of(replace(PROFILE, settings=own))
    out_of_bed(home)
    [(after, _)] = ticks(home, OUT, OUT + 3 * HOUR)
    assert after == 5


def test_who_needs_more_help_is_missed_sooner() -> None:
    home = home_of(replace(PROFILE, residents=(ResidentProfile(ability_level=3),)))
    out_of_bed(home)
    [(after, _)] = ticks(home, OUT, OUT + 3 * HOUR)
    assert after == 15


def late(at: float, by: float) -> dict[str, Any]:
    """A reading heard at `at` that happened `by` earlier; its device's clock is known to be right."""
    return {"observed_at": moment(at - by)}


def test_what_comes_late_is_judged_by_when_it_happened() -> None:
    home = home_of()
    says(home, "occupied", NIGHT, observed_at=moment(NIGHT - 0.1))
    says(home, "vacant", OUT + 40 * MINUTE, **late(OUT + 40 * MINUTE, 40 * MINUTE))
    [(after, alert)] = ticks(home, OUT + 40 * MINUTE, OUT + 3 * HOUR)
    assert after == 40
    assert "since 02:10" in alert.summary


def test_a_leave_that_is_heard_after_the_return_leaves_the_bed_occupied() -> None:
    home = home_of()
    says(home, "occupied", NIGHT, observed_at=moment(NIGHT - 0.1))
    says(home, "vacant", OUT)
    says(home, "occupied", OUT + 5 * MINUTE)
    says(home, "vacant", OUT + 20 * MINUTE, **late(OUT + 20 * MINUTE, 20 * MINUTE))
    assert ticks(home, OUT, OUT + 3 * HOUR) == []


edges = st.lists(
    st.tuples(
        st.sampled_from(["occupied", "vacant", "moves", "stirs"]),
        st.sampled_from([40, 5 * MINUTE, 25 * MINUTE, 2 * HOUR, 7 * HOUR]),
    ),
    max_size=25,
)


def lived(edges: list[tuple[str, int]], *, twice: bool = False, **more: Any) -> HomeLine:
    home, at = home_of(**more), NIGHT - 3 * HOUR
    for what, pause in edges:
        for _ in range(2 if twice else 1):
            says(home, what, at) if what in ("occupied", "vacant") else moves(
                home, at, "pir" if what == "moves" else "by-bed"
            )
        ticks(home, at, at + pause)
        at += pause
    return home


@settings(max_examples=25, deadline=None)
@given(edges)
def test_repeats_and_restarts_change_nothing_and_every_absence_is_told_once(edges: list[tuple[str, int]]) -> None:
    home = lived(edges)
    assert lived(edges, twice=True).alerts == home.alerts
    assert lived(edges, between=restarted).alerts == home.alerts
    told = [alert.id for alert in home.opened]
    # Once as up and once as missed.
    assert len(told) == len(set(told)) <= 2 * sum(what == "vacant" for what, _ in edges)
    assert {alert.id for alert in home.alerts} == set(told)
