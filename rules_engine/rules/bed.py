"""Rule `bed`: out of bed at night and not back.

    in bed for in_bed_for ──out──┬── nothing moves at all ─────────────────────────────┤ quiet_within
                                 ├── no sensor tells, or only the bedroom moves ───────┤ back_within
                                 └── movement elsewhere ── the last of it, moving_for ─┤ at most back_at_most: then who
                                                     lives alone is told as up, and as missed once the movement stops

Each bed is judged for itself: where two people live, an empty bed counts though the other one is full. Whoever leaves so late
that the alert would come after the night has got up.
"""

from datetime import datetime, timedelta

from pydantic import Field

from carebell.duration import Duration
from carebell.step import Next, earliest
from carebell.types import Alert, AlertStatus, HomeProfile, Kind, Reading, Severity
from rules_engine.bed_watch import Bed, BedState, counted, gateway_heard, is_deaf, kept, switched, turned
from rules_engine.local_time import MINUTE_MS, clock_text
from rules_engine.night import TimeOfDay, is_same_night, minutes_into
from rules_engine.place import Words, device_of, is_named, place_of
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, at_ms

_MILLISECOND = timedelta(milliseconds=1)
_BED = Kind.BED


class BedParameters(RuleParameters):
    """`up_after`: a bed empty for so long ends a lie; `sensors_within`: sensors of movement are there if one was heard so
    long before. `places`: words that tell a bed from a chair, in its place or, where it has none, in its model."""

    budget: Duration = timedelta(seconds=10)
    night_from: TimeOfDay = "22:00"
    night_to: TimeOfDay = "06:00"
    in_bed_for: Duration = timedelta(minutes=30)
    up_after: Duration = timedelta(hours=2)
    quiet_within: Duration = timedelta(minutes=20)
    back_within: Duration = timedelta(minutes=30)
    moving_for: Duration = timedelta(minutes=20)
    back_at_most: Duration = timedelta(hours=2)
    sensors_within: Duration = timedelta(days=1)
    gateway_intervals: float = Field(default=2.0, ge=1.0, le=1000)
    places: Words = ("bed", "卧", "床")


class BedRule:
    """One alert for each absence; lying down again resolves it."""

    name = "bed"
    hears = frozenset(
        {Kind.BED, Kind.MOTION, Kind.PRESENCE, Kind.CONTACT, Kind.HEARTBEAT, Kind.AVAILABILITY, Kind.SENSOR_FAULT}
    )

    def start(self) -> RuleState:
        return {"beds": {}, "stirred": 0, "moved": 0, "moved_in": ""}

    def step(
        self, state: BedState, event: RuleEvent, context: Context, parameters: BedParameters
    ) -> Next[RuleState, Alert] | None:
        found: list[Finding] = []
        if isinstance(event, Reading):
            before = state
            if state["beds"] or event.kind == _BED:
                state, found = _heard(state, event, context, parameters)
            if state is before:
                return None
        elif isinstance(event, HomeProfile):
            state, found = _follow(state, context)
        else:
            state, found = _judge(counted(state, event.listening_since), context, parameters)
        alerts = tuple(alert_of(finding, self.name, parameters, context) for finding in found)
        due = (_due(key, bed, state, context, parameters) for key, bed in state["beds"].items() if bed["watched"])
        return Next(state, alerts, earliest(*due))


def _heard(
    state: BedState, event: Reading, context: Context, parameters: BedParameters
) -> tuple[BedState, list[Finding]]:
    is_watched = any(bed["watched"] for bed in state["beds"].values())
    if is_watched:
        state = gateway_heard(state, event, context, parameters.gateway_intervals)
    if event.kind == Kind.BED:
        return _bed_heard(state, event, context, parameters)
    if event.kind in (Kind.AVAILABILITY, Kind.SENSOR_FAULT):
        return switched(state, event, context), []
    if event.kind == Kind.HEARTBEAT or (event.kind != Kind.CONTACT and event.value is not True):
        return state, []
    at = context.happened_ms
    if not is_watched and 0 <= at - state["stirred"] < MINUTE_MS:
        return state, []  # before a bed is left, the minute is enough
    return _moved(state, place_of(event, context.home), at, parameters), []


def _moved(state: BedState, place: str, at: int, parameters: BedParameters) -> BedState:
    if is_named(place, parameters.places):
        return {**state, "stirred": max(at, state["stirred"])}
    if at <= state["moved"]:
        return state
    return {**state, "stirred": max(at, state["stirred"]), "moved": at, "moved_in": place}


def _bed_heard(
    state: BedState, event: Reading, context: Context, parameters: BedParameters
) -> tuple[BedState, list[Finding]]:
    key, home = event.device_id, context.home
    place, device = place_of(event, home), device_of(home, event.device_id)
    if not is_named(place or (device.model if device is not None else ""), parameters.places):
        return _moved(state, place, context.happened_ms, parameters), []  # a chair
    at, is_occupied = context.happened_ms, event.value == "occupied"
    bed = state["beds"].get(key)
    if bed is not None and (at < bed["since"] or is_occupied == bed["occupied"]):
        return kept(state, key, turned(bed, False, context)), []
    changed = _lain_down(bed, at, parameters) if is_occupied else _left(bed, at, context, parameters)
    found = [] if bed is None else _back(key, bed, "is occupied again", "已有人回来躺下", event)
    changed = {**changed, "place": place, "reading": event.id, "heard": context.now_ms}
    return kept(state, key, changed), found


def _lain_down(bed: Bed | None, at: int, parameters: BedParameters) -> Bed:
    is_same_lie = bed is not None and at - bed["since"] <= parameters.up_after // _MILLISECOND
    return _bed(occupied=True, since=at, lain=bed["lain"] if bed is not None and is_same_lie else 0)


def _left(bed: Bed | None, at: int, context: Context, parameters: BedParameters) -> Bed:
    lain = 0 if bed is None else bed["lain"] + at - bed["since"]
    into_night = minutes_into(at, context.home.timezone, parameters.night_from, parameters.night_to)
    is_watched = into_night is not None and lain >= parameters.in_bed_for // _MILLISECOND
    return _bed(occupied=False, since=at, lain=lain, watched=is_watched)


def _bed(*, occupied: bool, since: int, lain: int, watched: bool = False) -> Bed:
    return Bed(
        occupied=occupied,
        since=since,
        lain=lain,
        counted_from=since,
        heard=since,
        watched=watched,
        up=False,
        told=False,
        off=False,
        place="",
        reading="",
    )


def _follow(state: BedState, context: Context) -> tuple[BedState, list[Finding]]:
    """A bed that is no longer registered is forgotten."""
    gone = {key: bed for key, bed in state["beds"].items() if device_of(context.home, key) is None}
    beds = {key: bed for key, bed in state["beds"].items() if key not in gone}
    found = [one for key, bed in gone.items() for one in _back(key, bed, "is no longer registered", "已不再登记")]
    return {**state, "beds": beds}, found


def _judge(state: BedState, context: Context, parameters: BedParameters) -> tuple[BedState, list[Finding]]:
    night = (context.home.timezone, parameters.night_from, parameters.night_to)
    beds = dict(state["beds"])
    found: list[Finding] = []
    for key, bed in state["beds"].items():
        due = _due(key, bed, state, context, parameters) if bed["watched"] else None
        if due is not None and context.now >= due:
            is_told = is_same_night(bed["since"], context.now_ms, *night)
            is_up = is_told and _is_up(bed, state, context, parameters)
            beds[key] = {**bed, "watched": is_up, "up": is_up or bed["up"], "told": is_told and not is_up}
            found += [_away(key, beds[key], state, context, parameters)] if is_told else []
    return {**state, "beds": beds}, found


def _due(key: str, bed: Bed, state: BedState, context: Context, parameters: BedParameters) -> datetime | None:
    """When an absence has lasted too long. None while the bed could not tell that somebody is back."""
    if bed["off"] or is_deaf(key, bed, context, parameters.gateway_intervals):
        return None
    start = at_ms(bed["counted_from"])
    if bed["up"]:
        return max(start, at_ms(state["moved"])) + parameters.moving_for
    if state["moved"] > bed["since"]:
        until = max(start + parameters.back_within, at_ms(state["moved"]) + parameters.moving_for)
        return min(until, start + parameters.back_at_most)
    is_quiet = 0 <= bed["since"] - state["stirred"] <= parameters.sensors_within // _MILLISECOND
    return start + (parameters.quiet_within if is_quiet else parameters.back_within)


def _is_up(bed: Bed, state: BedState, context: Context, parameters: BedParameters) -> bool:
    """Who lives alone and moves about is up; with two, the one that moves may be the other."""
    is_moving = state["moved"] > bed["since"] and context.now < at_ms(state["moved"]) + parameters.moving_for
    return is_moving and len(context.home.residents) < 2


def _away(key: str, bed: Bed, state: BedState, context: Context, parameters: BedParameters) -> Finding:
    zone = context.home.timezone
    left, moved = clock_text(bed["since"], zone), clock_text(state["moved"], zone)
    why, why_zh = "No movement has been heard elsewhere since.", "此后其他房间没有任何活动。"
    if bed["since"] - state["moved"] > parameters.sensors_within // _MILLISECOND:
        why, why_zh = "No sensor elsewhere could tell of movement.", "其他房间没有可用的活动传感器。"
    if state["moved"] > bed["since"]:
        where, where_zh = (f" ({state['moved_in']})", f"（{state['moved_in']}）") if state["moved_in"] else ("", "")
        why, why_zh = f"The last movement was heard at {moved}{where}.", f"最近一次活动：{moved}{where_zh}。"
    return Finding(
        subject=key if bed["told"] else f"{key}/up",
        device_id=key,
        severity=Severity.HIGH if bed["told"] else Severity.LOW,
        summary=f"Out of bed since {left} at night and not back in bed {_named(key, bed)}. {why}",
        summary_zh=f"夜间 {left} 离床（{_named(key, bed)}）后至今未归。{why_zh}",
        evidence=(bed["reading"],),
        began_at=at_ms(bed["since"]),
    )


def _named(key: str, bed: Bed) -> str:
    return f"{key}, {bed['place']}" if bed["place"] else key


def _back(key: str, bed: Bed, why: str, why_zh: str, cause: Reading | None = None) -> list[Finding]:
    """The end of whatever was told of an absence."""
    missed = Finding(
        subject=key,
        device_id=key,
        severity=Severity.HIGH,
        summary=f"Bed {_named(key, bed)} {why}.",
        summary_zh=f"床 {_named(key, bed)} {why_zh}。",
        cause=cause,
        evidence=(bed["reading"],),
        began_at=at_ms(bed["since"]),
        status=AlertStatus.RESOLVED,
    )
    up = missed._replace(subject=f"{key}/up", severity=Severity.LOW)
    return [up] * bed["up"] + [missed] * bed["told"]
