"""Rule `wandering`: the outside door was opened at night and nothing has moved inside since, in a home where nobody should
go out alone.

    door opened ──leaving_takes──┬───── nothing moves inside ─────┤ back_within: an alert
                                 └ movement inside: nobody has gone, or somebody is back

Off unless an ability level or the home's own settings switch it on.
"""

from datetime import datetime, timedelta
from typing import TypedDict

from carebell.duration import Duration
from carebell.step import Next, earliest
from carebell.types import Alert, AlertStatus, HomeProfile, Kind, Reading, Severity
from rules_engine.local_time import MINUTE_MS, clock_text
from rules_engine.night import TimeOfDay, is_same_night, minutes_into
from rules_engine.place import Words, device_of, is_named, place_of
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, at_ms, ms

DOORS_KEPT = 8
_CONTACT = Kind.CONTACT


class WanderingParameters(RuleParameters):
    """`places`: words for an outside door and what is beside it; movement there is no sign that somebody is inside.
    `sensors_within`: sensors of movement inside are there if one was heard so long before the door was opened."""

    enabled: bool = False
    budget: Duration = timedelta(seconds=10)
    night_from: TimeOfDay = "21:00"
    night_to: TimeOfDay = "06:00"
    leaving_takes: Duration = timedelta(seconds=10)
    back_within: Duration = timedelta(minutes=2)
    sensors_within: Duration = timedelta(days=1)
    places: Words = (
        "front door",
        "main door",
        "house door",
        "outside",
        "outdoor",
        "entry",
        "entrance",
        "hall",
        "大门",
        "入户",
        "前门",
        "后门",
        "院门",
        "玄关",
        "门口",
    )


class Door(TypedDict):
    """A door that was opened at night and not followed by movement yet. Times in milliseconds."""

    at: int
    counted_from: int
    place: str
    reading: str
    told: bool


class WanderingState(TypedDict):
    """`inside`: when something last moved in the home, away from its doors."""

    doors: dict[str, Door]
    inside: int


class WanderingRule:
    """One alert for each opening; movement inside resolves it."""

    name = "wandering"
    hears = frozenset({Kind.CONTACT, Kind.MOTION, Kind.PRESENCE, Kind.BED})

    def start(self) -> RuleState:
        return {"doors": {}, "inside": 0}

    def step(
        self, state: WanderingState, event: RuleEvent, context: Context, parameters: WanderingParameters
    ) -> Next[RuleState, Alert] | None:
        found: list[Finding] = []
        if isinstance(event, Reading):
            if _is_nothing(state, event, context):
                return None
            state, found = _heard(state, event, context, parameters)
        elif isinstance(event, HomeProfile):
            state, found = _follow(state, context)
        else:
            state, found = _judge(_counted(state, event.listening_since), context, parameters)
        alerts = tuple(alert_of(finding, self.name, parameters, context) for finding in found)
        due = (_due(door, parameters) for door in state["doors"].values() if not door["told"])
        return Next(state, alerts, earliest(*due))


def _is_nothing(state: WanderingState, event: Reading, context: Context) -> bool:
    """Most readings, known without looking closer: while no door is watched, the minute of the last movement is enough."""
    if state["doors"] or event.kind == _CONTACT:
        return False
    return event.value is False or 0 <= context.happened_ms - state["inside"] < MINUTE_MS


def _heard(
    state: WanderingState, event: Reading, context: Context, parameters: WanderingParameters
) -> tuple[WanderingState, list[Finding]]:
    place = place_of(event, context.home)
    at = context.happened_ms
    if is_named(place, parameters.places):
        is_opened = event.kind == Kind.CONTACT and event.value == "open"
        return (_opened(state, event, place, at, context, parameters) if is_opened else state), []
    if at <= state["inside"] or not _is_movement(event):
        return state, []
    gone_by = at - parameters.leaving_takes // timedelta(milliseconds=1)
    moved: WanderingState = {**state, "inside": at}
    if not state["doors"]:
        return moved, []
    back = {key: door for key, door in state["doors"].items() if door["at"] < gone_by}
    found = [_back(key, door, "Something moves in the home again", "家中又有活动") for key, door in back.items()]
    moved["doors"] = {key: door for key, door in state["doors"].items() if key not in back}
    return moved, [finding for finding in found if finding is not None]


def _is_movement(event: Reading) -> bool:
    """Whether somebody inside did it. A bed says `vacant` a while after its sleeper left: that proves nothing."""
    if event.kind == Kind.BED:
        return event.value == "occupied"
    return event.kind == Kind.CONTACT or event.value is True


def _opened(
    state: WanderingState, event: Reading, place: str, at: int, context: Context, parameters: WanderingParameters
) -> WanderingState:
    doors, home = state["doors"], context.home
    into_night = minutes_into(at, home.timezone, parameters.night_from, parameters.night_to)
    stayed = at + parameters.leaving_takes // timedelta(milliseconds=1) < state["inside"]
    # Where no sensor inside tells, nothing moves after any opening: that proves nothing.
    is_blind = at - parameters.sensors_within // timedelta(milliseconds=1) > state["inside"]
    if into_night is None or stayed or is_blind or event.device_id in doors:
        return state
    door: Door = {"at": at, "counted_from": at, "place": place, "reading": event.id, "told": False}
    kept = dict(list(doors.items())[-(DOORS_KEPT - 1) :])
    return {**state, "doors": {**kept, event.device_id: door}}


def _follow(state: WanderingState, context: Context) -> tuple[WanderingState, list[Finding]]:
    """A door that is no longer registered is forgotten."""
    gone = {key: door for key, door in state["doors"].items() if device_of(context.home, key) is None}
    found = [_back(key, door, "The door is no longer registered", "该门磁已不再登记") for key, door in gone.items()]
    doors = {key: door for key, door in state["doors"].items() if key not in gone}
    return {**state, "doors": doors}, [finding for finding in found if finding is not None]


def _counted(state: WanderingState, listening_since: datetime | None) -> WanderingState:
    """While we ourselves heard nothing, somebody may have come back: that time does not count."""
    since = 0 if listening_since is None else ms(listening_since)
    doors: dict[str, Door] = {
        key: {**door, "counted_from": max(door["counted_from"], since)} for key, door in state["doors"].items()
    }
    return {**state, "doors": doors}


def _judge(
    state: WanderingState, context: Context, parameters: WanderingParameters
) -> tuple[WanderingState, list[Finding]]:
    night = (context.home.timezone, parameters.night_from, parameters.night_to)
    doors: dict[str, Door] = {}
    found: list[Finding] = []
    for key, door in state["doors"].items():
        if door["told"] or context.now < _due(door, parameters):
            doors[key] = door
        elif is_same_night(door["at"], context.now_ms, *night):
            doors[key] = {**door, "told": True}
            found.append(_gone(key, door, context))
    return {**state, "doors": doors}, found


def _due(door: Door, parameters: WanderingParameters) -> datetime:
    return at_ms(door["counted_from"]) + parameters.back_within


def _gone(device_id: str, door: Door, context: Context) -> Finding:
    opened = clock_text(door["at"], context.home.timezone)
    return Finding(
        subject=device_id,
        device_id=device_id,
        severity=Severity.HIGH,
        summary=f"The door {device_id} ({door['place']}) was opened at {opened} at night and nothing has moved in the home "
        "since: somebody who should not go out alone may be outside.",
        summary_zh=f"夜间 {opened} 门 {device_id}（{door['place']}）被打开，此后家中没有任何活动：不宜独自外出的人可能已外出。",
        evidence=(door["reading"],),
        began_at=at_ms(door["at"]),
    )


def _back(device_id: str, door: Door, why: str, why_zh: str) -> Finding | None:
    if not door["told"]:
        return None
    return Finding(
        subject=device_id,
        device_id=device_id,
        severity=Severity.HIGH,
        summary=f"{why}, after the door {device_id} ({door['place']}) was opened at night.",
        summary_zh=f"夜间门 {device_id}（{door['place']}）打开之后，{why_zh}。",
        evidence=(door["reading"],),
        began_at=at_ms(door["at"]),
        status=AlertStatus.RESOLVED,
    )
