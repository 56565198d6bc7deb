"""All homes silent at once: told from a quiet night, and only where enough of them speak."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.deafness import HOMES_AT_LEAST, Deafness


def lived(homes: int, every_s: float, until_s: float) -> Deafness:
    """Each home says something every so often, one after the other."""
    deafness = Deafness()
    for count in range(int(until_s / every_s * homes)):
        deafness.heard(f"home-{count % homes}", count * every_s / homes)
    return deafness


def last_s(homes: int, every_s: float, until_s: float) -> float:
    return (int(until_s / every_s * homes) - 1) * every_s / homes


def test_a_city_that_falls_silent_is_noticed_after_a_minute() -> None:
    said = (1000, 300.0, 3600.0)
    deafness, end = lived(*said), last_s(*said)
    assert deafness.silent_s(end + 60) == 0
    assert deafness.silent_s(end + 61) == 61


def test_a_village_is_given_longer_but_not_until_its_gateways_count_as_silent() -> None:
    said = (HOMES_AT_LEAST, 300.0, 7200.0)
    deafness, end = lived(*said), last_s(*said)
    assert deafness.silent_s(end + 300) == 0
    assert deafness.silent_s(end + 500) > 0


def test_a_few_homes_are_never_taken_for_all() -> None:
    said = (HOMES_AT_LEAST - 1, 10.0, 3600.0)
    assert lived(*said).silent_s(last_s(*said) + 86_400) == 0


def test_who_has_heard_nobody_yet_is_not_deaf() -> None:
    assert Deafness().silent_s(1e9) == 0


def test_a_long_silence_does_not_make_the_next_one_longer() -> None:
    said = (1000, 300.0, 3600.0)
    deafness, end = lived(*said), last_s(*said)
    deafness.heard("home-1", end + 50_000)
    for count in range(200):
        deafness.heard(f"home-{count}", end + 50_000 + count * 0.3)
    assert deafness.silent_s(end + 50_000 + 60 + 62) > 0


@given(st.lists(st.floats(0, 59.9), min_size=1, max_size=200))
def test_gaps_below_a_minute_are_never_deafness(gaps: list[float]) -> None:
    deafness, now = Deafness(), 0.0
    for count, gap in enumerate(gaps):
        deafness.heard(f"home-{count % 20}", now)
        now += gap
        assert deafness.silent_s(now) == 0
