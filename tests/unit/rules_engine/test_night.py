"""Times of day are written in quotes, and a night may go over midnight."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from rules_engine.night import TimeOfDay, is_same_night, minute_of, minutes_into
from rules_engine.rule import ms

SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"


def at(text: str) -> int:
    return ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize("text", ["24:00", "7:00", "22.00", "", "22:60", 1320, None])
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="a time of day is written in quotes"):
        TypeAdapter(TimeOfDay).validate_python(text)


def test_a_time_of_day_is_a_minute_of_the_day() -> None:
    assert [minute_of(one) for one in ("00:00", "06:30", "22:00", "23:59")] == [0, 390, 1320, 1439]


@pytest.mark.parametrize(
    ("utc", "minutes"),
    [("2026-03-01T13:59", None), ("2026-03-01T14:00", 0), ("2026-03-01T18:10", 250), ("2026-03-01T22:00", None)],
)
def test_a_night_goes_over_midnight_in_the_home_s_zone(utc: str, minutes: int | None) -> None:
    assert minutes_into(at(utc), SHANGHAI, "22:00", "06:00") == minutes


def test_a_night_within_one_day_and_one_without_end() -> None:
    assert minutes_into(at("2026-03-01T05:59"), "UTC", "01:00", "06:00") == 299
    assert minutes_into(at("2026-03-01T00:59"), "UTC", "01:00", "06:00") is None
    assert minutes_into(at("2026-03-01T00:59"), "UTC", "01:00", "01:00") == 1439


def test_another_night_is_not_the_same() -> None:
    night = (BERLIN, "22:00", "06:00")
    assert is_same_night(at("2026-03-01T22:00"), at("2026-03-02T04:59"), *night)
    assert not is_same_night(at("2026-03-01T22:00"), at("2026-03-02T05:00"), *night)
    assert not is_same_night(at("2026-03-01T22:00"), at("2026-03-02T22:00"), *night)


def test_the_night_in_which_the_clock_is_set_forward() -> None:
    """In Berlin 02:00 is 03:00 on the 29th of March 2026: 250 minutes into the night it is already 03:10."""
    assert minutes_into(at("2026-03-29T01:10"), BERLIN, "22:00", "06:00") == 310
    assert minutes_into(at("2026-03-29T03:59"), BERLIN, "22:00", "06:00") == 479
    assert minutes_into(at("2026-03-29T04:00"), BERLIN, "22:00", "06:00") is None
