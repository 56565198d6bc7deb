"""One fall from its first word to its end, and what speaks against it: who moves where after it. Pure.

suspected ──pre-alarm──┤ people are called       cancelled: all is well, the home or the person has shown it
          └─ certain: nothing but the device that stated it says that it is over
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TypedDict, TypeVar

from carebell.types import HomeProfile, Reading, Severity
from rules_engine.fall_words import Sentence, is_worn
from rules_engine.place import place_of
from rules_engine.rule import Context, Finding, at_ms, ms

MILLISECOND = timedelta(milliseconds=1)
ROOMS_KEPT = 32
DEVICES_KEPT = 64
# A sensor that repeats that it sees somebody need not be written down each time.
_ALIKE_MS = 10_000


_Kept = TypeVar("_Kept")


class Episode(TypedDict):
    """Times in milliseconds. `began`: makes the alert's id; `happened`: the same, for what came late when it happened;
    `said`: when it was stated last; `source`: the message that began it; `is_called`: somebody pressed for help since;
    `room`: where it was, nothing where that is not known; `rooms`: where somebody moved since; `still`: since when whoever
    wears the device lies still."""

    device_id: str
    subject: str
    place: str
    began: int
    happened: int
    said: int
    source: str
    is_certain: bool
    is_called: bool
    room: str
    rooms: list[str]
    still: int | None


Episodes = Mapping[str, Episode]
Rooms = Mapping[str, int]


def happened(event: Reading, context: Context) -> int:
    """When; what is read behind the other lane happened no later than it was received."""
    return context.happened_ms if context.happened_at <= event.received_at else ms(event.received_at)


def found_subject(device_id: str) -> str:
    """Falls that are found are told apart from those that the device states."""
    return f"{device_id}/motion"


def is_found(episode: Episode) -> bool:
    """Whether nobody stated it: it was found in acceleration."""
    return episode["subject"] == found_subject(episode["device_id"])


def begun(
    cause: Reading | None,
    device_id: str,
    place: str,
    began: int,
    room: str,
    *,
    happened_at: int | None = None,
    is_certain: bool = False,
    is_found: bool = False,
) -> Episode:
    return Episode(
        device_id=device_id,
        subject=found_subject(device_id) if is_found else device_id,
        place=place,
        began=began,
        happened=began if happened_at is None else happened_at,
        said=began,
        source="" if cause is None else cause.source_message_id,
        is_certain=is_certain,
        is_called=False,
        room=room,
        rooms=[],
        still=None,
    )


def is_same(known: Episode, at: int, *, is_certain: bool, again_after: timedelta, same_within: timedelta) -> bool:
    """Whether what a device states again is the fall that is known; a certain one only while it goes on being stated, as
    people may have closed its case. Our clock may have been set back: what then lies in the future says nothing of now."""
    is_one = 0 <= at - known["began"] < again_after // MILLISECOND
    is_pause = is_certain and known["is_certain"] and at - known["said"] >= same_within // MILLISECOND
    return is_one and not is_pause


def uncertain(episodes: Episodes, at: int, again_after: timedelta) -> list[Episode]:
    """The falls that may still turn out to be none."""
    length = again_after // MILLISECOND
    return [
        one
        for one in episodes.values()
        if not one["is_certain"] and not one["is_called"] and abs(at - one["began"]) < length
    ]


def with_last(known: Mapping[str, _Kept], key: str, value: _Kept) -> dict[str, _Kept]:
    """The latest comes last, so that the oldest is forgotten first."""
    kept = [(name, one) for name, one in known.items() if name != key][-(DEVICES_KEPT - 1) :]
    return dict([*kept, (key, value)])


def finding_of(episode: Episode, sentence: Sentence, cause: Reading | None) -> Finding:
    return Finding(
        subject=episode["subject"],
        severity=Severity.CRITICAL,
        summary=sentence[0],
        summary_zh=sentence[1],
        cause=cause,
        device_id=episode["device_id"],
        began_at=at_ms(episode["began"]),
    )


def room_of(reading: Reading, home: HomeProfile) -> str:
    """The room that a sensor watches; the sensor itself where nobody wrote down its place."""
    return place_of(reading, home) or reading.device_id


def fell_in(place: str, active: Rooms, at: int, active_for: timedelta) -> str:
    """The room of a fall: that of a device on the wall; for a worn one the room where somebody moved last."""
    if place and not is_worn(place):
        return place
    lately = {room: moved for room, moved in active.items() if at - active_for // MILLISECOND <= moved <= at}
    return max(lately, key=lambda room: lately[room], default="")


def remembered(active: Rooms, room: str, at: int, value: object, active_for: timedelta) -> Rooms:
    """Which rooms saw somebody, and when last; a room that says it no longer does is left out."""
    known = active.get(room)
    if value is False:
        if known is None or at < known:
            return active
        left = dict(active)
        del left[room]
        return left
    if known is not None and at - known < _ALIKE_MS:
        return active
    kept = active
    if len(active) >= ROOMS_KEPT:
        kept = {name: seen for name, seen in active.items() if at - seen < active_for // MILLISECOND}
    return {**kept, room: at} if len(kept) < ROOMS_KEPT else kept


def is_fresh(episode: Episode, active: Rooms, room: str, active_for: timedelta) -> bool:
    """Whether movement in a room is new: a sensor that saw somebody shortly before the fall may only repeat itself."""
    known = active.get(room)
    return room != episode["room"] and (known is None or known < episode["began"] - active_for // MILLISECOND)


def has_moved(episode: Episode, rooms_needed: int) -> bool:
    """Enough rooms; where nobody knows the room of the fall, the first one may be it."""
    return len(episode["rooms"]) >= rooms_needed + (not episode["room"])
