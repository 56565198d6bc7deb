"""Made-up homes and days: the same numbers give the same village and the same day."""

from devices.registry import Home
from devices.simulator.day import DAY_S, plan_day
from devices.simulator.village import make_village


def test_the_same_numbers_give_the_same_village() -> None:
    assert make_village(5, 1) == make_village(5, 1)
    assert make_village(5, 1) != make_village(5, 2)
    assert make_village(5, 1)[:3] == make_village(3, 1)


def test_the_same_numbers_give_the_same_day() -> None:
    home = make_village(1, 1)[0]
    assert plan_day(home, 1, 4) == plan_day(home, 1, 4)
    assert len({plan_day(home, 1, 4), plan_day(home, 1, 5), plan_day(home, 2, 4)}) == 3


def test_a_day_is_in_order_and_says_only_what_its_devices_can() -> None:
    home = make_village(1, 1)[0]
    said = plan_day(home, 1, 4)
    assert [one.second for one in said] == sorted(one.second for one in said)
    assert 0 <= said[0].second <= said[-1].second < DAY_S
    assert {one.device_id for one in said} <= {device.device_id for device in home.devices}
    assert not [one for one in said if one.kind == "sos"]


def test_a_home_without_devices_lives_a_silent_day() -> None:
    assert plan_day(Home(home_id="h"), 1, 4) == ()


def test_a_part_of_the_heartbeats_is_that_part_of_the_day() -> None:
    home = make_village(1, 1)[0]
    whole = plan_day(home, 1, 4)
    part = plan_day(home, 1, 4, (3600, 7200))
    assert [one for one in part if one.battery is None and one.kind == "heartbeat"] == [
        one for one in whole if one.kind == "heartbeat" and one.battery is None and 3600 <= one.second < 7200
    ]
    assert [one for one in part if one.kind != "heartbeat"] == [one for one in whole if one.kind != "heartbeat"]
