"""Rule `climate`: a room that is too cold or too hot for too long.

    below cold_below ──────────── lasting ────────────┤ low         comfort
    below danger_below ── danger_lasting ──┤ high                   danger
    back at the limit and `back_by` beyond it: over

The median of a sensor's last three samples is judged, so that one odd sample neither begins nor ends anything. A sensor that
sends no more is not judged by what it sent last.
"""

from datetime import datetime, timedelta
from functools import cached_property
from statistics import median
from typing import NamedTuple, TypedDict

from pydantic import Field

from carebell.duration import Duration
from carebell.step import Next, earliest
from carebell.types import Alert, AlertStatus, HomeProfile, Kind, Reading, Severity
from rules_engine.local_time import MINUTE_MS, clock_text
from rules_engine.place import Words, device_of, is_named, place_of
from rules_engine.rule import Context, Finding, Pause, RuleEvent, RuleParameters, RuleState, alert_of, at_ms

SAMPLES = 3
SENSORS_KEPT = 32
HOUR_MS = 3_600_000
COLD_OR_HOT = {"freezing": ("cold", "低"), "scorching": ("hot", "高"), "cold": ("cold", "低"), "hot": ("hot", "高")}
_MILLISECOND = timedelta(milliseconds=1)


class Band(NamedTuple):
    """One of the four ways in which a room may be wrong. `sign`: -1 for cold, 1 for hot. `worse`: the band that, once told,
    makes this one needless."""

    name: str
    sign: int
    limit: float
    lasting: timedelta
    severity: Severity
    worse: str = ""


class ClimateParameters(RuleParameters):
    """Temperatures in °C. `ignored`: words in a sensor's place, model or channel that tell that it measures no room. What is not
    between `believed_from` and `believed_to` is no temperature of a room but a broken sensor."""

    budget: Duration = timedelta(minutes=1)
    cold_below: float = 14.0
    hot_above: float = 33.0
    lasting: Duration = timedelta(hours=2)
    danger_below: float = 5.0
    danger_above: float = 40.0
    danger_lasting: Duration = timedelta(minutes=15)
    back_by: float = Field(default=1.0, ge=0)
    stale_after: Duration = timedelta(hours=4)
    again_after: Pause = timedelta(days=1)
    believed_from: float = -30.0
    believed_to: float = 65.0
    ignored: Words = (
        "fridge",
        "freezer",
        "oven",
        "stove",
        "boiler",
        "radiator",
        "heater",
        "pipe",
        "balcony",
        "outdoor",
        "outside",
        "garden",
        "garage",
        "pendant",
        "strap",
        "冰箱",
        "冰柜",
        "冷柜",
        "烤箱",
        "灶",
        "锅炉",
        "暖气",
        "热水",
        "阳台",
        "室外",
        "户外",
        "院子",
        "车库",
    )

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """Danger first."""
        danger, lasting = self.danger_lasting, self.lasting
        return (
            Band("freezing", -1, self.danger_below, danger, Severity.HIGH),
            Band("scorching", 1, self.danger_above, danger, Severity.HIGH),
            Band("cold", -1, self.cold_below, lasting, Severity.LOW, "freezing"),
            Band("hot", 1, self.hot_above, lasting, Severity.LOW, "scorching"),
        )


class Spell(TypedDict):
    """When a room entered a band, when that was told last (0: not yet), and the beginning that stands in that alert's id."""

    since: int
    told: int
    began: int


class Sensor(TypedDict):
    """The last samples, when the last of them was taken, and the bands that the room is in."""

    at: int
    samples: list[float]
    spells: dict[str, Spell]
    device_id: str
    place: str
    reading: str


class ClimateState(TypedDict):
    """By device, and channel where it has several."""

    sensors: dict[str, Sensor]


class ClimateRule:
    """One alert for each spell, told again after a while; danger takes the word from what is merely uncomfortable."""

    name = "climate"
    hears = frozenset({Kind.TEMPERATURE})

    def start(self) -> RuleState:
        return {"sensors": {}}

    def step(
        self, state: ClimateState, event: RuleEvent, context: Context, parameters: ClimateParameters
    ) -> Next[RuleState, Alert] | None:
        found: list[Finding] = []
        if isinstance(event, Reading):
            before = state
            state, found = _heard(state, event, context, parameters)
            if state is before:
                return None
        elif isinstance(event, HomeProfile):
            state, found = _follow(state, context)
        else:
            state, found = _judge(state, context, parameters)
        alerts = tuple(alert_of(finding, self.name, parameters, context) for finding in found)
        sensors = [one for one in state["sensors"].values() if one["spells"]]
        due = (_due(one, band, context.now, parameters) for one in sensors for band in parameters.bands)
        return Next(state, alerts, earliest(*due))


def _heard(
    state: ClimateState, event: Reading, context: Context, parameters: ClimateParameters
) -> tuple[ClimateState, list[Finding]]:
    value, at = event.value, context.happened_ms
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return state, []
    if not parameters.believed_from <= value <= parameters.believed_to or _is_ignored(event, context, parameters):
        return state, []
    key = ":".join(one for one in (event.device_id, event.sub_device, event.channel) if one)
    before = state["sensors"].get(key)
    if before is not None and at <= before["at"]:
        return state, []
    sensor = _sampled(before, event, at, float(value), parameters)
    sensor["place"] = place_of(event, context.home)
    found: list[Finding] = []
    if len(sensor["samples"]) == SAMPLES:
        sensor["spells"], found = _spells(key, sensor, context, parameters)
    others = [(one, kept) for one, kept in state["sensors"].items() if one != key]
    return {"sensors": {**dict(others[-(SENSORS_KEPT - 1) :]), key: sensor}}, found


def _is_ignored(event: Reading, context: Context, parameters: ClimateParameters) -> bool:
    device = device_of(context.home, event.device_id)
    model = "" if device is None else device.model
    words = f"{place_of(event, context.home)} {model} {event.sub_device} {event.channel}"
    return is_named(words, parameters.ignored)


def _sampled(before: Sensor | None, event: Reading, at: int, value: float, parameters: ClimateParameters) -> Sensor:
    """With one sample more. After a silence of the sensor only what was told is remembered."""
    samples: list[float] = [] if before is None else before["samples"]
    spells: dict[str, Spell] = {} if before is None else before["spells"]
    if before is not None and at - before["at"] > parameters.stale_after // _MILLISECOND:
        samples, spells = [], {name: spell for name, spell in spells.items() if spell["told"]}
    return Sensor(
        at=at,
        samples=[*samples, value][-SAMPLES:],
        spells=spells,
        device_id=event.device_id,
        place="",
        reading=event.id,
    )


def _spells(
    key: str, sensor: Sensor, context: Context, parameters: ClimateParameters
) -> tuple[dict[str, Spell], list[Finding]]:
    """The bands that the room is in now, and what is over."""
    value = median(sensor["samples"])
    spells = dict(sensor["spells"])
    found: list[Finding] = []
    for band in parameters.bands:
        beyond = (value - band.limit) * band.sign
        if beyond > 0 and band.name not in spells:
            spells[band.name] = {"since": sensor["at"], "told": 0, "began": sensor["at"]}
        elif beyond <= -parameters.back_by and band.name in spells:
            spell = spells.pop(band.name)
            warmth = f"{value:.1f} °C"
            found += [_over(key, sensor, band.name, spell, warmth, warmth)] if spell["told"] else []
    return spells, found


def _follow(state: ClimateState, context: Context) -> tuple[ClimateState, list[Finding]]:
    """A sensor that is no longer registered is forgotten."""
    sensors: dict[str, Sensor] = {}
    found: list[Finding] = []
    for key, sensor in state["sensors"].items():
        if device_of(context.home, sensor["device_id"]) is not None:
            sensors[key] = sensor
            continue
        spells = [(name, spell) for name, spell in sensor["spells"].items() if spell["told"]]
        found += [
            _over(key, sensor, name, spell, "the sensor is no longer registered", "传感器已不再登记")
            for name, spell in spells
        ]
    return {"sensors": sensors}, found


def _judge(state: ClimateState, context: Context, parameters: ClimateParameters) -> tuple[ClimateState, list[Finding]]:
    sensors: dict[str, Sensor] = {}
    found: list[Finding] = []
    now = context.now_ms
    for key, sensor in state["sensors"].items():
        for band in parameters.bands:
            due = _due(sensor, band, context.now, parameters)
            if due is None or context.now < due:
                continue
            spell = sensor["spells"][band.name]
            told: Spell = {"since": spell["since"], "told": now, "began": now if spell["told"] else spell["since"]}
            sensor = {**sensor, "spells": {**sensor["spells"], band.name: told}}
            found.append(_wrong(key, sensor, band, context))
        sensors[key] = sensor
    return {"sensors": sensors}, found


def _due(sensor: Sensor, band: Band, now: datetime, parameters: ClimateParameters) -> datetime | None:
    spell = sensor["spells"].get(band.name)
    worse = sensor["spells"].get(band.worse)
    if spell is None or len(sensor["samples"]) < SAMPLES or (worse is not None and worse["told"]):
        return None
    due = at_ms(spell["told"]) + parameters.again_after if spell["told"] else at_ms(spell["since"]) + band.lasting
    return None if max(due, now) > at_ms(sensor["at"]) + parameters.stale_after else due


def _wrong(key: str, sensor: Sensor, band: Band, context: Context) -> Finding:
    spell, value = sensor["spells"][band.name], median(sensor["samples"])
    since = clock_text(spell["since"], context.home.timezone)
    length, length_zh = _length_texts(context.now_ms - spell["since"])
    where = sensor["place"] or key
    what, what_zh = COLD_OR_HOT[band.name]
    side, side_zh = ("below", "低于") if band.sign < 0 else ("above", "高于")
    return Finding(
        subject=f"{key}/{band.name}",
        device_id=sensor["device_id"],
        severity=band.severity,
        summary=f"Too {what} in {where}: {value:.1f} °C, {side} {band.limit:g} °C since {since} ({length}).",
        summary_zh=f"{where} 温度过{what_zh}：{value:.1f} °C，自 {since} 起{side_zh} {band.limit:g} °C（{length_zh}）。",
        evidence=(sensor["reading"],),
        began_at=at_ms(spell["began"]),
    )


def _length_texts(length: int) -> tuple[str, str]:
    """Minutes where it is less than an hour."""
    if length < HOUR_MS:
        minutes = length // MINUTE_MS
        return f"{minutes} min", f"{minutes} 分钟"
    return f"{length / HOUR_MS:.1f} h", f"{length / HOUR_MS:.1f} 小时"


def _over(key: str, sensor: Sensor, band: str, spell: Spell, why: str, why_zh: str) -> Finding:
    where = sensor["place"] or key
    return Finding(
        subject=f"{key}/{band}",
        device_id=sensor["device_id"],
        severity=Severity.LOW,
        summary=f"No longer too {COLD_OR_HOT[band][0]} in {where}: {why}.",
        summary_zh=f"{where} 温度不再过{COLD_OR_HOT[band][1]}：{why_zh}。",
        evidence=(sensor["reading"],),
        began_at=at_ms(spell["began"]),
        status=AlertStatus.RESOLVED,
    )
