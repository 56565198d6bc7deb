"""Whoever says whatever in whatever order: no reading that may be a call is left out, and nothing of who is known."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from carebell.types import URGENT_KINDS, Kind, Reading
from ingest.strangers import DAY, Strangers

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
VALUES = st.sampled_from([True, False, "active", "cleared", "detected", 0, 1, None, 80, [1]])
FACTS = st.tuples(st.sampled_from(list(Kind)), VALUES, st.integers(0, 3))
MESSAGES = st.tuples(st.lists(FACTS, max_size=5), st.integers(-100_000, 100_000))


def reading(number: int, kind: Kind, value: object, sender: int) -> Reading:
    return Reading(
        id=f"r-{number}",
        home_id=f"unregistered-chirpstack-{sender}",
        device_id=str(sender),
        kind=kind,
        value=value,  # type: ignore[arg-type]
        observed_at=AT,
        received_at=AT,
        source_message_id="m",
    )


@given(messages=st.lists(MESSAGES, max_size=30), known=st.integers(0, 3))
def test_calls_always_go_through(messages: list[tuple[list[tuple[Kind, object, int]], int]], known: int) -> None:
    strangers, at, number = Strangers(), AT, 0
    told: dict[str, datetime] = {}
    is_set_back = False
    for facts, passed_s in messages:
        at += timedelta(seconds=passed_s)
        is_set_back |= passed_s < 0
        said = tuple(reading(number + place, *fact) for place, fact in enumerate(facts))
        number += len(said)
        of_nobody = {one.id for one in said if one.device_id != str(known)}
        kept, left_out = strangers.sift(said, of_nobody, at)
        assert sorted([*kept, *left_out], key=said.index) == list(said)
        assert list(kept) == [one for one in said if one in kept]
        assert not [one for one in left_out if one.kind in URGENT_KINDS or one.id not in of_nobody]
        for name in strangers.untold(left_out, at):
            assert is_set_back or name not in told or at - told[name] >= DAY
            told[name] = at
