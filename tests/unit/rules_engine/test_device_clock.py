"""A wrong clock is corrected, a late reading is known as late, and neither is taken for the other for long."""

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rules_engine.device_clock import CLOCKS_KEPT, LATE_AT_MOST_MS, DeviceClock, lateness
from rules_engine.rule import ms
from tests.support.homeline import moment, reading

HOUR = 3600.0
YEAR = 365 * 24 * HOUR
Clocks = Mapping[str, DeviceClock]


class Device:
    """Says when it observed something and when that arrived, in seconds; hears how late that was."""

    def __init__(self) -> None:
        self.clocks: Clocks = {}

    def says(self, received: float, observed: float) -> float:
        event = reading("motion", received, device_id="d", observed_at=moment(observed))
        self.clocks, late_ms = lateness(self.clocks, event, ms(event.received_at))
        return late_ms / 1000


def test_without_a_time_of_its_own_nothing_is_late_and_nothing_is_kept() -> None:
    device = Device()
    assert device.says(5, 5) == 0
    assert device.clocks == {}


def test_a_clock_that_is_wrong_is_never_late() -> None:
    for error in (-YEAR, -2 * HOUR, -1, 1, 2 * HOUR, 30 * YEAR):
        device = Device()
        assert [device.says(at, at - error) for at in (0, 60, 3600, 86_400)] == [0, 0, 0, 0]


def test_what_was_kept_back_is_as_late_as_it_was_kept() -> None:
    device = Device()
    assert device.says(0, -2 * HOUR) == 0
    assert device.says(4000, 4000 - 2 * HOUR) == 0
    flushed = [device.says(8000 + n, 5000 + 600 * n - 2 * HOUR) for n in range(4)]
    assert flushed == [3000, 2401, 1802, 1203]
    assert device.says(8010, 8010 - 2 * HOUR) == 0


def test_the_first_word_of_a_device_counts_from_its_receipt() -> None:
    device = Device()
    assert device.says(9000, 9000 - 2 * HOUR) == 0
    # Now it is seen that the first one was late, and the clock right.
    assert device.says(9001, 9000) == 0
    assert device.says(9002, 9002 - HOUR) == HOUR - 1


def test_a_clock_that_was_set_is_believed_once_it_runs_on() -> None:
    device = Device()
    device.says(0, 0.5)
    assert device.says(100, 100 - HOUR) == HOUR + 0.5
    assert device.says(200, 200 - HOUR) == 0
    assert device.says(210, 210 - 1.5 * HOUR) == HOUR / 2


def test_a_device_that_reports_all_the_time_is_believed_as_soon() -> None:
    device = Device()
    late = [device.says(at, at + HOUR if at < 300 else at - 1) for at in range(0, 600, 10)]
    assert late[30:36] == [HOUR + 1] * 6
    assert late[36:] == [0] * 24


def test_what_the_network_delays_is_late_by_that() -> None:
    device = Device()
    assert [device.says(60 * n, 60 * n - n % 4 - 1) for n in range(8)] == [0, 1, 2, 3, 0, 1, 2, 3]


def test_what_is_flushed_one_after_the_other_shows_no_clock() -> None:
    device = Device()
    device.says(0, -1)
    assert [device.says(100 + n, 2 * n - 1) for n in range(90)] == [100 - n for n in range(90)]


def test_nothing_is_more_than_a_day_late() -> None:
    device = Device()
    device.says(0, 0.001)
    assert device.says(90_000, 90_000 - LATE_AT_MOST_MS / 1000) == 0
    assert device.says(90_001, 90_001 - YEAR) == 0


def test_devices_have_their_own_clocks() -> None:
    clocks: Clocks = {}
    for device_id, error in (("a", 100.0), ("b", -100.0), ("a", 100.0)):
        event = reading("motion", 5, device_id=device_id, observed_at=moment(5 - error))
        clocks, late = lateness(clocks, event, ms(event.received_at))
        assert late == 0
    assert set(clocks) == {"a", "b"}


def test_devices_without_end_do_not_fill_the_memory() -> None:
    clocks: Clocks = {}
    for number in range(CLOCKS_KEPT + 2):
        event = reading("motion", 5, device_id=f"d{number}", observed_at=moment(4))
        clocks, _ = lateness(clocks, event, ms(event.received_at))
    assert list(clocks) == [f"d{number}" for number in range(2, CLOCKS_KEPT + 2)]


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 86_000)), min_size=1, max_size=30),
)
def test_lateness_is_bounded_by_what_was_kept_back(error: int, kept: list[tuple[int, int]]) -> None:
    """Whatever the clock's error: once something came at once, nothing counts as later than it was."""
    device = Device()
    device.says(0, -error)
    at = 0
    for pause, back in kept:
        at += pause
        late = device.says(at, at - back - error)
        assert 0 <= late <= back
        assert timedelta(seconds=late) <= timedelta(days=1)
