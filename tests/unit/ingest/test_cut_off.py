"""A holder from which the log takes nothing leaves the seat, and less and less often where that is in vain."""

from carebell.clock import ManualClock
from ingest.cut_off import AFTER_S, AT_MOST_S, CutOff
from tests.support.build import seconds
from tests.support.intake import AT


async def wait(clock: ManualClock, cut_off: CutOff, appended: int = 0) -> float:
    """How long it takes until it is time to go, looking every second."""
    began_s = clock.monotonic()
    while not cut_off.look(is_stuck=True, appended=appended):
        await clock.advance(seconds(1))
    return clock.monotonic() - began_s


async def test_a_holder_from_which_the_log_takes_nothing_is_cut_off() -> None:
    clock = ManualClock(AT)
    cut_off = CutOff(clock)
    cut_off.begin(0)
    await clock.advance(seconds(AFTER_S * 3))
    assert not cut_off.look(is_stuck=False, appended=0), "nothing has come"
    assert await wait(clock, cut_off) == AFTER_S + 1


async def test_a_holder_from_which_the_log_takes_some_is_not() -> None:
    clock = ManualClock(AT)
    cut_off = CutOff(clock)
    cut_off.begin(0)
    for appended in range(1, 10):
        await clock.advance(seconds(AFTER_S - 1))
        assert not cut_off.look(is_stuck=True, appended=appended)


async def test_it_waits_longer_each_time_that_it_was_in_vain_until_the_log_takes_something() -> None:
    clock = ManualClock(AT)
    cut_off = CutOff(clock)
    waits = []
    for _ in range(7):
        cut_off.begin(0)
        waits.append(await wait(clock, cut_off) - 1)
        cut_off.give_up()
    assert waits == [AFTER_S, AFTER_S * 2, AFTER_S * 4, AFTER_S * 8, AFTER_S * 16, AT_MOST_S, AT_MOST_S]
    assert await wait(clock, cut_off, appended=1) == AFTER_S + 1
