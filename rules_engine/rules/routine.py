"""Rule `routine`: slow changes over weeks, as a note for the family doctor and never an alarm.

    ├──────── usual_days ────────┼── recent_days ──┤ yesterday and today are not finished
         median, and spread          median

More visits to the toilet at night, or less movement by day and night, once a morning compares the two. A sensor that is new or
gone begins everything anew: what it hears or no longer hears is no change of habits.
"""

from datetime import timedelta
from statistics import median
from typing import NamedTuple, TypedDict

from pydantic import Field

from carebell.duration import Duration
from carebell.step import Next
from carebell.types import Alert, HomeProfile, Kind, Reading, Severity
from rules_engine.local_time import DAY_MINUTES, MINUTE_MS, LocalTime, local
from rules_engine.night import TimeOfDay, minute_of, minutes_past
from rules_engine.place import Words, device_of, is_named, place_of
from rules_engine.routine_days import (
    NOON,
    SLOT_MINUTES,
    Day,
    OpenDay,
    closed,
    hours_heard,
    is_set,
    marked,
    open_day,
    within,
)
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, at_ms

DAYS_KEPT = 60
MOVERS_KEPT = 64
# Half a slot, so that no share lies in two slots of local time, whose offsets are quarters of an hour.
SHARE_MS = 5 * MINUTE_MS
_MOTION = Kind.MOTION


class RoutineParameters(RuleParameters):
    """A change counts when it exceeds a ratio, an amount and so many `spreads` of the usual days (median absolute
    deviations). A day counts when the home was heard in `heard_hours` of its hours. Movement is counted in slots of ten
    minutes."""

    budget: Duration = timedelta(minutes=1)
    note_at: TimeOfDay = "09:30"
    night_from: TimeOfDay = "22:00"
    night_to: TimeOfDay = "06:00"
    recent_days: int = Field(default=14, ge=7, le=28)
    usual_days: int = Field(default=28, ge=14, le=DAYS_KEPT - 30)
    days_known: float = Field(default=0.7, gt=0, le=1)
    heard_hours: int = Field(default=6, ge=1, le=24)
    visits_ratio: float = Field(default=1.5, ge=1)
    visits_more: float = Field(default=1.5, gt=0)
    movement_ratio: float = Field(default=0.7, gt=0, le=1)
    movement_less: float = Field(default=9.0, gt=0)
    spreads: float = Field(default=2.0, ge=0)
    again_after_days: int = Field(default=30, ge=1)
    toilets: Words = ("bathroom", "toilet", "restroom", "lavatory", "wc", "卫生间", "厕所", "洗手间", "浴室")


class RoutineState(TypedDict):
    """`open`: days that readings may still come for, by number; `days`: the finished ones; `movers`: the devices that have
    told of movement; `looked`: the day of the last comparison; `noted`: the day of the last note, by kind."""

    open: dict[str, OpenDay]
    days: list[list[int]]
    movers: dict[str, int]
    looked: int
    noted: dict[str, int]
    due: int


class Change(NamedTuple):
    """Medians of the usual days and of the recent ones."""

    usual: float
    recent: float


class RoutineRule:
    """Counts readings by day; judges once a day, at `note_at`."""

    name = "routine"
    hears = frozenset({Kind.MOTION, Kind.HEARTBEAT})

    def start(self) -> RuleState:
        return RoutineState(open={}, days=[], movers={}, looked=0, noted={}, due=0)

    def step(
        self, state: RoutineState, event: RuleEvent, context: Context, parameters: RoutineParameters
    ) -> Next[RuleState, Alert] | None:
        found: list[Finding] = []
        if isinstance(event, Reading):
            before, state = state, _heard(state, event, context, parameters)
            if state is before and (state["due"] or not state["movers"]):
                return None
        elif isinstance(event, HomeProfile):
            state = {**_follow(state, context), "due": 0}
        else:
            state, found = _look({**state, "due": 0}, context, parameters)
        if not state["movers"]:
            return Next(state)
        if not state["due"]:
            state = {**state, "due": _next_look(context, parameters)}
        alerts = tuple(alert_of(finding, self.name, parameters, context) for finding in found)
        return Next(state, alerts, at_ms(state["due"]))


def _next_look(context: Context, parameters: RoutineParameters) -> int:
    now = context.now_ms
    minute = local(now, context.home.timezone).minute
    wait = (minute_of(parameters.note_at) - minute) % DAY_MINUTES or DAY_MINUTES
    return (now // MINUTE_MS + wait) * MINUTE_MS


def _heard(state: RoutineState, event: Reading, context: Context, parameters: RoutineParameters) -> RoutineState:
    movers, happened = state["movers"], context.happened_ms
    if event.kind != _MOTION:
        return _beaten(state, local(happened, context.home.timezone)) if movers else state
    share = happened // SHARE_MS
    if event.value is not True or movers.get(event.device_id) == share:
        return state  # no movement, or more of the same within a share of a slot
    at = local(happened, context.home.timezone)
    state = _mover_heard(state, event.device_id, share)
    day = _day(state, at.day)
    if not is_set(day["moved"], at.minute):
        state = _opened(state, at.day, {**day, "moved": marked(day["moved"], at.minute)})
    if minutes_past(at.minute, parameters.night_from, parameters.night_to) is None:
        return state
    return _toilet(state, at) if is_named(place_of(event, context.home), parameters.toilets) else state


def _beaten(state: RoutineState, at: LocalTime) -> RoutineState:
    day, hour = _day(state, at.day), 1 << at.minute // 60
    return state if day["heard"] & hour else _opened(state, at.day, {**day, "heard": day["heard"] | hour})


def _toilet(state: RoutineState, at: LocalTime) -> RoutineState:
    began, since_noon = (at.day, at.minute - NOON) if at.minute >= NOON else (at.day - 1, at.minute + NOON)
    night = _day(state, began)
    if is_set(night["toilet"], since_noon):
        return state
    return _opened(state, began, {**night, "toilet": marked(night["toilet"], since_noon)})


def _day(state: RoutineState, number: int) -> OpenDay:
    return state["open"].get(str(number)) or open_day()


def _opened(state: RoutineState, number: int, day: OpenDay) -> RoutineState:
    return {**state, "open": {**state["open"], str(number): day}}


def _mover_heard(state: RoutineState, device_id: str, share: int) -> RoutineState:
    movers = {**state["movers"], device_id: share}
    if device_id in state["movers"]:
        return {**state, "movers": movers}
    return _anew(state, dict(list(movers.items())[-MOVERS_KEPT:]))


def _anew(state: RoutineState, movers: dict[str, int]) -> RoutineState:
    return {**state, "open": {}, "days": [], "movers": movers}


def _follow(state: RoutineState, context: Context) -> RoutineState:
    movers = {key: share for key, share in state["movers"].items() if device_of(context.home, key) is not None}
    return state if len(movers) == len(state["movers"]) else _anew(state, movers)


def _look(state: RoutineState, context: Context, parameters: RoutineParameters) -> tuple[RoutineState, list[Finding]]:
    """Once a day, also where the clock is set back. The last two days may still be added to."""
    today = local(context.now_ms, context.home.timezone).day
    if today <= state["looked"]:
        return state, []
    last = today - 2
    finished = {int(key): day for key, day in state["open"].items() if int(key) <= last}
    known = [closed(number, day) for number, day in finished.items() if _counts(day, parameters)]
    days = sorted({*(Day(*one) for one in state["days"]), *known})[-DAYS_KEPT:]
    state = {
        **state,
        "open": {key: day for key, day in state["open"].items() if int(key) not in finished},
        "days": [list(one) for one in days],
        "looked": today,
    }
    first = last - parameters.recent_days + 1
    recent = within(days, first, last)
    usual = within(days, first - parameters.usual_days, first - 1)
    if len(recent) < parameters.days_known * parameters.recent_days:
        return state, []
    if len(usual) < parameters.days_known * parameters.usual_days:
        return state, []
    return _noted(state, today, recent, usual, parameters)


def _counts(day: OpenDay, parameters: RoutineParameters) -> bool:
    """A day on which nothing moved was spent elsewhere, or nothing was heard."""
    return any(day["moved"]) and hours_heard(day) >= parameters.heard_hours


def _noted(
    state: RoutineState, today: int, recent: list[Day], usual: list[Day], parameters: RoutineParameters
) -> tuple[RoutineState, list[Finding]]:
    noted = dict(state["noted"])
    found: list[Finding] = []
    visits = _more_visits([one.visits for one in usual], [one.visits for one in recent], parameters)
    moved = _less_movement([one.moved for one in usual], [one.moved for one in recent], parameters)
    for kind, finding in (("visits", visits), ("movement", moved)):
        if finding is not None and today - noted.get(kind, 0) >= parameters.again_after_days:
            noted[kind] = today
            found.append(finding)
    return {**state, "noted": noted}, found


def _spread(values: list[int]) -> float:
    """The median absolute deviation."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def _more_visits(usual: list[int], recent: list[int], parameters: RoutineParameters) -> Finding | None:
    before, now = median(usual), median(recent)
    least = max(parameters.visits_more, parameters.spreads * _spread(usual))
    if now < before * parameters.visits_ratio or now - before < least:
        return None
    weeks = f"the last {parameters.recent_days} days"
    return Finding(
        subject="visits",
        severity=Severity.INFO,
        summary=f"More visits to the toilet at night: usually {now:g} a night in {weeks}, {before:g} in the weeks before. "
        "A note for the family doctor, no alarm.",
        summary_zh=f"夜间如厕增多：最近 {parameters.recent_days} 天通常每晚 {now:g} 次，此前数周为 {before:g} 次。"
        "供家庭医生参考，并非警报。",
    )


def _less_movement(usual: list[int], recent: list[int], parameters: RoutineParameters) -> Finding | None:
    before, now = median(usual), median(recent)
    least = max(parameters.movement_less, parameters.spreads * _spread(usual))
    if now > before * parameters.movement_ratio or before - now < least:
        return None
    hours, hours_before = (count * SLOT_MINUTES / 60 for count in (now, before))
    return Finding(
        subject="movement",
        severity=Severity.INFO,
        summary=f"Less movement in the home: usually {hours:.1f} h a day in the last {parameters.recent_days} days, "
        f"{hours_before:.1f} h in the weeks before. A note for the family doctor, no alarm; check the sensors first.",
        summary_zh=f"居家活动减少：最近 {parameters.recent_days} 天每天约 {hours:.1f} 小时，此前约 {hours_before:.1f} 小时。"
        "供家庭医生参考，并非警报；请先检查传感器。",
    )
