"""Where whoever lives in a home seems to be: beside the outside door, in bed, out, away. Pure.

door ── nothing ──────────── longer than usual ──┬ a sign ──── a sign ┬ gone still: an empty home makes a noise now and then
                                                 └ back_signs within back_within: life is back
"""

from datetime import timedelta
from typing import NamedTuple, TypedDict

from pydantic import Field

from carebell.duration import Duration
from carebell.types import HomeProfile, Kind, Reading
from rules_engine.place import Words, is_named, place_of
from rules_engine.rule import RuleParameters

_TELLING = frozenset({Kind.BED, Kind.ARM})


class WhereaboutsParameters(RuleParameters):
    """`doors`, `beds`: words for the outside door and what is beside it, and for a bed, not a chair. `leaving_takes`: whoever
    goes out may be seen inside so long after the door. Life is back after `back_signs` within `back_within`."""

    doors: Words = (
        *("front door", "main door", "house door", "outside", "outdoor", "entry", "entrance"),
        *("大门", "入户", "前门", "后门", "院门", "玄关", "门口"),
    )
    beds: Words = ("bed", "卧", "床")
    leaving_takes: Duration = timedelta(minutes=1)
    back_signs: int = Field(default=3, ge=1, le=20)
    back_within: Duration = timedelta(hours=2)


class Leaving(NamedTuple):
    """In milliseconds, as the parameters say."""

    takes: int
    back_within: int


class Whereabouts(TypedDict):
    """`place` of the last sign of life, `at_door` whether that is beside the outside door, `door` when one last was, in ms;
    `bed`: where somebody lies; `gone`: after an unusual silence, `back` the signs of life since, in ms; `away`: since when the
    home is set to away, in ms, 0 if it is not."""

    place: str
    at_door: bool
    door: int
    bed: str
    gone: bool
    back: list[int]
    away: int


NOWHERE = Whereabouts(place="", at_door=False, door=0, bed="", gone=False, back=[], away=0)


def seen(
    before: Whereabouts, event: Reading, at: int, home: HomeProfile, parameters: WhereaboutsParameters, leaving: Leaving
) -> Whereabouts:
    """After a sign of life, at so many milliseconds since 1970."""
    place = place_of(event, home)
    now: Whereabouts = {**before, "place": place}
    if place != before["place"]:
        now["at_door"] = is_named(place, parameters.doors)
    if now["at_door"]:
        now["door"] = at
    if event.kind in _TELLING:
        _told_by(now, event, at, parameters)
    if now["gone"] or now["away"]:
        _count_back(now, at, parameters, leaving)
    return now


def is_leaving(now: Whereabouts, at: int, leaving: Leaving) -> bool:
    """Whether the last sign of life, at that time, was somebody at the outside door."""
    return at - now["door"] <= leaving.takes


def is_in_bed(now: Whereabouts) -> bool:
    """Somebody lies down, and nothing has moved elsewhere since."""
    return bool(now["bed"]) and now["place"] == now["bed"]


def gone(now: Whereabouts) -> Whereabouts:
    return {**now, "gone": True, "back": []}


def stayed(now: Whereabouts) -> Whereabouts:
    return {**now, "gone": False, "back": []}


def _told_by(now: Whereabouts, event: Reading, at: int, parameters: WhereaboutsParameters) -> None:
    if event.kind == Kind.ARM:
        now["away"], now["back"] = (at if _is_away(event.value) else 0), []
    elif is_named(now["place"], parameters.beds):
        now["bed"] = now["place"] if event.value == "occupied" else ""


def _is_away(value: object) -> bool:
    """`arm_away`, `arm_all_zones`; by day or by night only a part is armed, with somebody inside."""
    text = str(value)
    return text.startswith("arm") and ("away" in text or "all" in text)


def _count_back(now: Whereabouts, at: int, parameters: WhereaboutsParameters, leaving: Leaving) -> None:
    """Who sets a home to away is seen in it until the door has closed."""
    if now["away"] and at - now["away"] <= leaving.takes:
        return
    now["back"] = [*(one for one in now["back"] if at - one <= leaving.back_within), at]
    if len(now["back"]) >= parameters.back_signs:
        now["gone"], now["away"], now["back"] = False, 0, []
