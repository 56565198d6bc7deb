"""The local time of a home agrees with the time zone database at every moment, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules_engine.local_time import clock_text, local, moment_text
from rules_engine.rule import at_ms, ms

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
EPOCH = date(1970, 1, 1)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
@example(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "Europe/Berlin")
@example(datetime(2026, 3, 29, 1, tzinfo=UTC), "Europe/Berlin")
@example(datetime(2026, 10, 25, 1, tzinfo=UTC), "Europe/Berlin")
def test_it_is_the_time_of_the_zone(at: datetime, zone: str) -> None:
    there = at.astimezone(ZoneInfo(zone))
    found = local(ms(at), zone)
    assert EPOCH + timedelta(days=found.day) == there.date()
    assert (found.minute, found.weekday) == (there.hour * 60 + there.minute, there.weekday())


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Asia", "\0"])
def test_a_zone_that_is_unknown_is_utc(zone: str) -> None:
    at = datetime(2026, 3, 1, 8, 5, tzinfo=UTC)
    assert local(ms(at), zone) == local(ms(at), "UTC")


def test_the_time_of_day_as_people_write_it() -> None:
    assert clock_text(ms(datetime(2026, 3, 1, 23, 5, 59, tzinfo=UTC)), "Asia/Shanghai") == "07:05"


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_kept_time_is_the_same_to_the_millisecond(at: datetime) -> None:
    assert at_ms(ms(at)) == at - timedelta(microseconds=at.microsecond % 1000)


def test_a_moment_is_told_with_its_local_day() -> None:
    at = ms(datetime(2026, 2, 28, 23, 5, tzinfo=UTC))
    assert moment_text(at, "UTC") == "2026-02-28 23:05"
    assert moment_text(at, "Asia/Shanghai") == "2026-03-01 07:05"
