"""When somebody may be called, by the clock of the home."""

from datetime import UTC, datetime

import pytest

from devices.registry_hours import is_within

DAY = ("08:00-12:00", "14:00-22:00")
NIGHT = ("22:00-06:30",)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "moment", "expected"),
    [
        ((), at(3), True),
        (DAY, at(7, 59), False),
        (DAY, at(8), True),
        (DAY, at(11, 59), True),
        (DAY, at(12), False),
        (DAY, at(14), True),
        (DAY, at(22), False),
        (NIGHT, at(21, 59), False),
        (NIGHT, at(22), True),
        (NIGHT, at(0), True),
        (NIGHT, at(6, 29), True),
        (NIGHT, at(6, 30), False),
        (("00:00-24:00",), at(23, 59), True),
        (("20:00-24:00",), at(0), False),
        (("20:00-00:00",), at(23, 59), True),
        (("20:00-00:00",), at(0), False),
    ],
)
def test_an_end_is_not_within_and_a_night_runs_over_midnight(
    hours: tuple[str, ...], moment: datetime, expected: bool
) -> None:
    assert is_within(hours, moment, "UTC") is expected


def test_the_clock_is_that_of_the_home() -> None:
    assert is_within(DAY, at(1), "Asia/Shanghai")
    assert not is_within(DAY, at(1), "Europe/Berlin")
