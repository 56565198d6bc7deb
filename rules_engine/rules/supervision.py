"""Rule `supervision`: a device or gateway silent beyond its own interval, weak or broken, is a fault to mend.

Silence is judged in the rules' own time, which stands still while nothing can arrive. A silent gateway is one alert: its
devices are unknown then, not silent.

    heard ──expected_every──┼──expected_every──┤ silent (two intervals by default)
    heard ──expected_every──┤ silent, where its will or its gateway has said since that it is gone

The broker's word that a connection has ended only shortens the time: a will that comes late, after the device was heard
again, says nothing. What calls for help and is silent or weak has a clock of its own, see `rules_engine/mending.py`.

A device that was never heard is given its intervals from the next tick on, not from the time of its registration: where the
rules begin anew, that may lie long before anything that the log still holds, and the whole city would count as silent.

A reading only writes down who was heard. Being heard moves a silence further away, never nearer, so the next look stays as
it is and is worked out anew when it comes.
"""

from datetime import timedelta

from pydantic import Field

from carebell.duration import Duration
from carebell.step import Next
from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Kind, Reading, Severity, Tick
from rules_engine import mending
from rules_engine.device_fault import FAULT_KINDS, fault_of
from rules_engine.place import device_of
from rules_engine.rule import Context, Finding, Pause, RuleEvent, RuleParameters, RuleState, alert_of, at_ms, ms
from rules_engine.supervision_state import SupervisionState, converted, gateways_of
from rules_engine.supervision_words import back, gone

FAULTS_KEPT = 256
_CALLS = frozenset({Kind.SOS, Kind.FALL})
_AVAILABILITY = Kind.AVAILABILITY
# What these hear may be next door: a weak battery there is no fault of this home. A call is one, whoever makes it.
_HEAR_NEIGHBOURS = frozenset({"rtl_433", "theengs"})
# A gateway that has no interval of its own is believed to be gone so long after somebody said so.
_GATEWAY_WITHOUT_INTERVAL = timedelta(minutes=10)


class SupervisionParameters(RuleParameters):
    """`intervals`: silent after so many of the device's own intervals. Battery limits in per cent."""

    intervals: float = Field(default=2.0, ge=1.0, le=1000)
    battery_low_below: float = Field(default=15.0, ge=0, le=100)
    battery_good_from: float = Field(default=25.0, ge=0, le=100)
    battery_again_after: Pause
    silent_again_after: Pause = timedelta(days=1)
    fault_again_after: Pause = timedelta(days=1)
    mend_within: Duration = timedelta(hours=2)


class SupervisionRule:
    """Hears everything, because whatever a device says, it is heard."""

    name = "supervision"
    hears = None

    def start(self) -> RuleState:
        return SupervisionState(
            gateways={}, heard={}, silent={}, faults={}, new=[], calling=[], gone={}, unmended={}, look=None
        )

    def step(
        self, state: SupervisionState, event: RuleEvent, context: Context, parameters: SupervisionParameters
    ) -> Next[RuleState, Alert] | None:
        before, state = state, state if "unmended" in state else converted(state, context.home)
        found: list[Finding] = []
        if isinstance(event, Reading):
            if event.retained:
                return None
            state = _heard(state, event, context, parameters, found)
            if state is before:
                return None
        elif isinstance(event, HomeProfile):
            state = _follow(state, context, parameters, found)
        else:
            state = _silent(_heard_since(_begun(state, context.now_ms), event), context, parameters, found)
        look = state["look"]
        due_at = None if look is None else at_ms(look)
        if not found:
            return Next(state, (), due_at)
        return Next(state, tuple(alert_of(one, self.name, parameters, context) for one in found), due_at)


def _heard(
    state: SupervisionState, event: Reading, context: Context, parameters: SupervisionParameters, found: list[Finding]
) -> SupervisionState:
    device_id, kind = event.device_id, event.kind
    gateway = state["gateways"].get(device_id)
    if kind == _AVAILABILITY and event.value == "offline":
        return state if gateway is None else _said_gone(state, device_id, context, parameters)
    if gateway is not None:
        before, silent = state["heard"], state["silent"]
        heard = before.copy()
        heard[device_id] = context.now_ms
        if gateway:
            heard[gateway] = context.now_ms
        state = {**state, "heard": heard}
        if device_id in state["gone"]:
            state["gone"] = {key: at for key, at in state["gone"].items() if key != device_id}
        if device_id not in before or (silent and (device_id in silent or gateway in silent)):
            state = _back_again(state, (device_id, gateway), context.home, parameters, found)
    if kind in _CALLS and gateway is not None and device_id not in state["calling"]:
        state = {**state, "calling": [*state["calling"], device_id]}
    if kind in FAULT_KINDS and (gateway is not None or event.dialect not in _HEAR_NEIGHBOURS):
        state = _fault(state, event, context, parameters, found)
    return state


def _said_gone(
    state: SupervisionState, device_id: str, context: Context, parameters: SupervisionParameters
) -> SupervisionState:
    """The broker or the gateway says so, not the device: it is believed where its next word does not come."""
    if device_id in state["gone"] or device_id in state["silent"]:
        return state
    state = {**state, "gone": {**state["gone"], device_id: context.now_ms}}
    return {**state, "look": _next_look(state, context.home, parameters)}


def _back_again(
    state: SupervisionState,
    sources: tuple[str, str],
    home: HomeProfile,
    parameters: SupervisionParameters,
    found: list[Finding],
) -> SupervisionState:
    """Who was silent or new is heard; its gateway with it."""
    heard, silent, unmended = dict(state["heard"]), dict(state["silent"]), state["unmended"]
    for source in sources:
        if source in silent:
            found.append(back(source, silent.pop(source), "is heard again", "已恢复通信"))
            unmended, mended = mending.over(unmended, source)
            found += mended
            # Its devices could not be heard either: their silence is counted from now on.
            behind = [device_id for device_id, gateway in state["gateways"].items() if gateway == source]
            heard.update(dict.fromkeys(behind, heard[source]))
    new = [device_id for device_id in state["new"] if device_id not in heard]
    state = {**state, "heard": heard, "silent": silent, "new": new, "unmended": unmended}
    return state if new else {**state, "look": _next_look(state, home, parameters)}


def _follow(
    state: SupervisionState, context: Context, parameters: SupervisionParameters, found: list[Finding]
) -> SupervisionState:
    """A changed home: a new device is given its first interval; a removed one is forgotten."""
    home = context.home
    known = {device.device_id for device in home.devices}
    heard = {key: at for key, at in state["heard"].items() if key in known}
    found += [
        back(key, told, "is no longer registered", "已不再登记")
        for key, told in state["silent"].items()
        if key not in known
    ]
    following = SupervisionState(
        gateways=gateways_of(home),
        heard=heard,
        silent={key: at for key, at in state["silent"].items() if key in known},
        faults={key: at for key, at in state["faults"].items() if key.rpartition("/")[0] in known},
        new=[one.device_id for one in home.devices if one.expected_every is not None and one.device_id not in heard],
        calling=[key for key in state["calling"] if key in known],
        gone={key: at for key, at in state["gone"].items() if key in known},
        unmended=mending.known(state["unmended"], home),
        look=context.now_ms,
    )
    return following if following["new"] else {**following, "look": _next_look(following, home, parameters)}


def _silent(
    state: SupervisionState, context: Context, parameters: SupervisionParameters, found: list[Finding]
) -> SupervisionState:
    now, heard, silent = context.now_ms, dict(state["heard"]), dict(state["silent"])
    state = {**state, "heard": heard, "silent": silent}
    unmended = state["unmended"]
    for device in sorted(context.home.devices, key=lambda device: not device.is_gateway):
        device_id = device.device_id
        due = _due(device, context.home, state, parameters)
        if due is None or now < due:
            continue
        if device.gateway_id in silent:
            # Unknown, not silent: it gets a fresh interval, so that it is judged once its gateway is heard again.
            (silent if device_id in silent else heard)[device_id] = now
            continue
        silent[device_id] = now
        # Behind a silent gateway nobody can call.
        has_called = any(
            mending.calls(one) or one.device_id in state["calling"]
            for one in context.home.devices
            if one is device or (device.is_gateway and one.gateway_id == device_id)
        )
        if has_called:
            unmended = mending.begun(unmended, device_id, now)
        found.append(gone(device, heard.get(device_id, now), has_called, context, parameters.mend_within))
    unmended, late = mending.overdue(unmended, now, parameters.mend_within)
    found += late
    state = {**state, "unmended": unmended}
    return {**state, "look": _next_look(state, context.home, parameters)}


def _begun(state: SupervisionState, now: int) -> SupervisionState:
    """The first interval of what is new begins now."""
    return {**state, "heard": {**state["heard"], **dict.fromkeys(state["new"], now)}, "new": []}


def _heard_since(state: SupervisionState, tick: Tick) -> SupervisionState:
    """Our own outage is not a device's silence: nobody is judged by a time in which nothing could be heard."""
    if tick.listening_since is None:
        return state
    since = ms(tick.listening_since)
    return {**state, "heard": {key: max(at, since) for key, at in state["heard"].items()}}


def _every(device: DeviceProfile, home: HomeProfile, *, is_gone: bool) -> timedelta | None:
    """The interval of a device; of a gateway that has none, the shortest of those behind it: all of them silent is one fault."""
    if device.expected_every is not None or not device.is_gateway:
        return device.expected_every
    behind = [one.expected_every for one in home.devices if one.gateway_id == device.device_id and one.expected_every]
    if is_gone:
        return min([_GATEWAY_WITHOUT_INTERVAL, *behind])
    return min(behind) if len(behind) > 1 else None


def _due(
    device: DeviceProfile, home: HomeProfile, state: SupervisionState, parameters: SupervisionParameters
) -> int | None:
    """When the device counts as silent, or is told of once more: a fault that nobody has mended is not forgotten."""
    gone = state["gone"].get(device.device_id)
    every = _every(device, home, is_gone=gone is not None)
    last = state["heard"].get(device.device_id, gone)
    if last is None or every is None:
        return None
    told = state["silent"].get(device.device_id)
    if told is not None:
        return told + _length_ms(parameters.silent_again_after)
    if gone is not None and gone >= last:
        return max(gone, last + _length_ms(every))
    return last + _length_ms(every * parameters.intervals)


def _next_look(state: SupervisionState, home: HomeProfile, parameters: SupervisionParameters) -> int | None:
    times = [_due(device, home, state, parameters) for device in home.devices]
    times.append(mending.next_due(state["unmended"], parameters.mend_within))
    return min((at for at in times if at is not None), default=None)


def _length_ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


def _fault(
    state: SupervisionState, event: Reading, context: Context, parameters: SupervisionParameters, found: list[Finding]
) -> SupervisionState:
    """Bad opens an alert, good resolves it, and what stays bad is told again after a while."""
    fault = fault_of(event, low_below=parameters.battery_low_below, good_from=parameters.battery_good_from)
    told, now = state["faults"].get(fault.subject), context.now_ms
    is_battery = fault.subject.endswith("/battery")
    again_after = parameters.battery_again_after if is_battery else parameters.fault_again_after
    begun = Finding(
        subject=fault.subject,
        severity=Severity.LOW,
        summary=fault.words.begun.format(device=event.device_id),
        summary_zh=fault.words.begun_zh.format(device=event.device_id),
        cause=event,
        began_at=at_ms(now),
    )
    if fault.is_bad and (told is None or now - told >= _length_ms(again_after)):
        found.append(begun)
        state = _unmended(state, fault.subject, event, context, parameters)
        others = [(key, at) for key, at in state["faults"].items() if key != fault.subject]
        return {**state, "faults": {**dict(others[-(FAULTS_KEPT - 1) :]), fault.subject: now}}
    if fault.is_good and told is not None:
        summary = fault.words.over.format(device=event.device_id)
        summary_zh = fault.words.over_zh.format(device=event.device_id)
        resolved = AlertStatus.RESOLVED
        found.append(begun._replace(summary=summary, summary_zh=summary_zh, began_at=at_ms(told), status=resolved))
        unmended, mended = mending.over(state["unmended"], fault.subject)
        found += mended
        state = {**state, "unmended": unmended}
        return {**state, "faults": {key: at for key, at in state["faults"].items() if key != fault.subject}}
    return state


def _unmended(
    state: SupervisionState, subject: str, event: Reading, context: Context, parameters: SupervisionParameters
) -> SupervisionState:
    """A fault of what calls for help begins its clock; that it was opened or moved is no fault of its own."""
    device = device_of(context.home, event.device_id)
    has_called = event.device_id in state["calling"] or (device is not None and mending.calls(device))
    if event.kind == Kind.TAMPER or not has_called:
        return state
    unmended = mending.begun(state["unmended"], subject, context.now_ms)
    due, look = mending.next_due(unmended, parameters.mend_within), state["look"]
    return {**state, "unmended": unmended, "look": due if look is None else min(look, due or look)}
