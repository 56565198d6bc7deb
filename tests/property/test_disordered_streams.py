"""What docs/detection.md promises of late, doubled and disordered readings, over all rules of a home at once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Reading, ResidentProfile
from rules_engine.home import decode_state, encode_state
from rules_engine.replay import Replay
from tests.support.homeline import reading, shipped_rulebook

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# The lives begin at four in the afternoon, by the home's clock.
BEDTIME = 6 * HOUR
# What a device that states the time needs to be heard.
LATENCY = timedelta(milliseconds=80)
DEVICES = {
    "button": ("bedroom", "sos", ("active", "cleared")),
    "kitchen": ("kitchen", "motion", (True, False)),
    "bathroom": ("bathroom", "motion", (True, False)),
    "bedroom": ("bedroom", "motion", (True, False)),
    "door": ("front door", "contact", ("open", "closed")),
    "bed": ("bedroom", "bed", ("occupied", "vacant")),
    "smoke": ("hall", "smoke", (True, False)),
    "radar": ("bathroom", "fall", ("suspected", "detected", "cleared")),
    "warmth": ("kitchen", "temperature", (3, 21, 44)),
    "pulse": ("bedroom", "vital", tuple({"name": "heart_rate", "value": rate} for rate in (30, 70, 190))),
}
URGENT = ("button", "smoke", "radar")
PROFILE = HomeProfile(
    home_id="h",
    timezone="Asia/Shanghai",
    devices=(
        DeviceProfile(device_id="gateway", is_gateway=True, expected_every=timedelta(minutes=10)),
        *(DeviceProfile(device_id=name, place=place, gateway_id="gateway") for name, (place, _, _) in DEVICES.items()),
    ),
    residents=(ResidentProfile(ability_level=3),),
)
Life = Sequence[tuple[str, int, float]]

lives = st.lists(
    st.tuples(
        st.sampled_from(sorted(DEVICES)),
        st.integers(0, 5),
        st.sampled_from([3.0, 40.0, 3 * MINUTE, 20 * MINUTE, HOUR, 3 * HOUR, 9 * HOUR, 30 * HOUR]),
    ),
    min_size=1,
    max_size=40,
)


def lived(life: Life) -> list[Reading]:
    """A life, and the gateway's beats, which go on for days; every device states the time and is heard a moment later."""
    at, readings = 60.0, []
    for number, (device, choice, pause) in enumerate(life):
        place, kind, values = DEVICES[device]
        readings.append(_said(kind, at, device, place, values[choice % len(values)], f"{device}-{number}"))
        at += pause
    beats = [
        _said("heartbeat", beat, "gateway", "hall", True, f"beat-{beat}") for beat in _every(600.0, at + 2.5 * DAY)
    ]
    return sorted([*readings, *beats], key=lambda one: one.received_at)


def _every(step: float, until: float) -> Iterable[float]:
    return (step * number for number in range(int(until / step)))


def _said(kind: str, at: float, device: str, place: str, value: object, source: str) -> Reading:
    said = reading(kind, at, device_id=device, place=place, value=value, source=source)
    return replace(said, received_at=said.observed_at + LATENCY)


def judged(readings: Iterable[Reading]) -> list[Alert]:
    """The alerts, in the order in which they are raised."""
    ordered = sorted(readings, key=lambda one: one.received_at)
    replay = Replay(shipped_rulebook())
    alerts = list(replay.run([PROFILE], ordered, None))
    assert replay.failures == {}
    return alerts


def told(alerts: Iterable[Alert]) -> list[tuple[str, ...]]:
    """What people see of alerts, without the times that a late reading moves."""
    return sorted({(one.rule, one.id, one.status.value) for one in alerts})


@settings(max_examples=60, deadline=None)
@given(lives, st.lists(st.floats(0, 0.5), max_size=40))
def test_doubled_readings_change_nothing(life: Life, again: list[float]) -> None:
    readings = lived(life)
    doubles = [
        replace(one, received_at=one.received_at + timedelta(hours=later))
        for one, later in zip(readings, again, strict=False)
    ]
    assert judged([*readings, *doubles]) == judged(readings)


@settings(max_examples=60, deadline=None)
@given(lives, st.dictionaries(st.sampled_from(sorted(DEVICES)), st.floats(-(10**9), 10**9), max_size=10))
def test_clocks_that_are_wrong_change_nothing(life: Life, errors: dict[str, float]) -> None:
    readings = lived(life)
    wrong = [
        replace(one, observed_at=one.observed_at + timedelta(seconds=round(errors.get(one.device_id, 0))))
        for one in readings
    ]
    assert judged(wrong) == judged(readings)


@settings(max_examples=40, deadline=None)
@given(lives)
def test_a_restart_between_any_two_readings_changes_nothing(life: Life) -> None:
    readings = lived(life)
    replay = Restarting(shipped_rulebook())
    alerts = list(replay.run([PROFILE], readings, None))
    assert alerts == judged(readings)


class Restarting(Replay):
    """Forgets after each step all that would not be in the store."""

    def _step(self, *arguments):  # type: ignore[no-untyped-def]
        yield from super()._step(*arguments)
        self._states = {key: decode_state(encode_state(state)) for key, state in self._states.items()}


@settings(max_examples=60, deadline=None)
@given(lives, st.sets(st.integers(0, 39)), st.floats(0, 23))
def test_urgent_readings_count_whenever_they_arrive(life: Life, late: set[int], hours: float) -> None:
    """Each urgent one of the tidy stream has its alert, however late it comes."""
    readings = lived(life)
    delayed = [
        replace(one, received_at=one.received_at + timedelta(hours=hours)) if number in late else one
        for number, one in enumerate(readings)
    ]
    presses = {one.id for one in readings if one.device_id == "button" and one.value == "active"}
    heard = {cause for alert in judged(delayed) if alert.rule == "sos" for cause in alert.evidence}
    assert presses <= heard


@settings(max_examples=60, deadline=None)
@given(lives, st.sets(st.integers(0, 39), min_size=1), st.floats(0, 23))
def test_what_comes_late_hides_no_silence(life: Life, late: set[int], hours: float) -> None:
    """A home that has gone silent for good is found silent, whatever of its past arrives meanwhile."""
    signs = [one for one in lived(life) if one.device_id not in (*URGENT, "gateway")]
    delayed = {
        one.id: replace(one, received_at=one.received_at + timedelta(hours=hours))
        for number, one in enumerate(signs)
        if number in late
    }
    readings = [delayed.get(one.id, one) for one in lived(life)]
    assert silences(judged(lived(life))) <= silences(judged(readings))


def silences(alerts: Iterable[Alert]) -> bool:
    """Whether the end of the life was found silent: an alert of it still stands."""
    standing: set[str] = set()
    for one in alerts:
        if one.rule == "inactivity":
            (standing.add if one.status is AlertStatus.OPENED else standing.discard)(one.id)
    return bool(standing)


def test_the_life_has_each_rule_in_it() -> None:
    """So that none of the above is true because nothing was judged."""
    life = [("kitchen", 0, 60.0), ("button", 0, 60.0), ("smoke", 0, 60.0), ("radar", 0, 40.0)]
    life += [("pulse", 2, 3 * MINUTE)] * 6 + [("warmth", 2, 20 * MINUTE)] * 12
    asleep = [("bed", 0, 3 * HOUR), ("bed", 1, 3 * HOUR), ("door", 0, 30 * HOUR)]
    awake = sum(pause for _, _, pause in life)
    raised = judged(lived([*life, ("kitchen", 1, BEDTIME - awake), *asleep]))
    assert {"sos", "hazard", "fall", "vital", "climate", "bed", "wandering", "inactivity"} <= {
        one.rule for one in raised
    }
