"""Rule `supervision`: a device or gateway silent beyond its own interval, or low on battery, is a fault to mend.

Silence is judged in the rules' own time, which stands still while nothing can arrive. A silent gateway is one alert: its
devices are unknown then, not silent.

    heard ──expected_every──┼──expected_every──┤ silent (two intervals by default)

A device that was never heard is given its intervals from the next tick on, not from the time of its registration: where the
rules begin anew, that may lie long before anything that the log still holds, and the whole city would count as silent.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from carebell.duration import Duration
from carebell.step import Next, earliest
from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Kind, Reading, Severity, Tick
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, as_time


class SupervisionParameters(RuleParameters):
    """`intervals`: silent after so many of the device's own intervals. Battery limits in per cent."""

    intervals: float = Field(default=2.0, ge=1.0, le=1000)
    battery_low_below: float = Field(default=15.0, ge=0, le=100)
    battery_good_from: float = Field(default=25.0, ge=0, le=100)
    battery_again_after: Duration
    silent_again_after: Duration = timedelta(days=1)


class SupervisionRule:
    """State: when each device was last heard, the open silences and low batteries by device, and the devices whose first
    interval begins with the next tick."""

    name = "supervision"
    hears = None

    def start(self) -> RuleState:
        return {"heard": {}, "silent": {}, "weak": {}, "new": []}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: SupervisionParameters
    ) -> Next[RuleState, Alert]:
        state = {"new": [], **state}  # states saved before there was `new`
        if isinstance(event, HomeProfile):
            state, found = self._follow(state, context)
        elif isinstance(event, Reading):
            state, found = self._heard(state, event, context, parameters)
        else:
            assert isinstance(event, Tick)  # noqa: S101
            state, found = self._silent(_heard_since(_begun(state, context), event), context, parameters)
        alerts = tuple(alert_of(finding, self.name, parameters, context) for finding in found)
        soon = context.now if state["new"] else None
        return Next(state, alerts, earliest(soon, _next_look(state, context.home, parameters)))

    def _follow(self, state: RuleState, context: Context) -> tuple[RuleState, list[Finding]]:
        """A changed home: a new device is given its first interval; a removed one is forgotten."""
        known = {device.device_id for device in context.home.devices}
        heard = {key: at for key, at in state["heard"].items() if key in known}
        watched = [device.device_id for device in context.home.devices if device.expected_every is not None]
        new = [device_id for device_id in watched if device_id not in heard]
        gone = [
            _back(key, began_at, "is no longer registered", "已不再登记")
            for key, began_at in state["silent"].items()
            if key not in known
        ]
        silent = {key: at for key, at in state["silent"].items() if key in known}
        weak = {key: at for key, at in state["weak"].items() if key in known}
        return {"heard": heard, "silent": silent, "weak": weak, "new": new}, gone

    def _heard(
        self, state: RuleState, event: Reading, context: Context, parameters: SupervisionParameters
    ) -> tuple[RuleState, list[Finding]]:
        if event.retained or event.is_history:
            return state, []
        device = _device(context.home, event.device_id)
        heard = dict(state["heard"])
        silent = dict(state["silent"])
        found: list[Finding] = []
        sources = [event.device_id] + ([device.gateway_id] if device is not None and device.gateway_id else [])
        for source in sources:
            if _device(context.home, source) is not None:
                heard[source] = context.now.isoformat()
            if source in silent:
                found.append(_back(source, silent.pop(source), "is heard again", "已恢复通信"))
                # Its devices could not be heard either: their silence is counted from now on.
                behind = [one.device_id for one in context.home.devices if one.gateway_id == source]
                heard.update(dict.fromkeys(behind, context.now.isoformat()))
        weak, battery = _battery(state["weak"], event, context.now, parameters)
        new = [device_id for device_id in state["new"] if device_id not in heard]
        return {"heard": heard, "silent": silent, "weak": weak, "new": new}, found + battery

    def _silent(
        self, state: RuleState, context: Context, parameters: SupervisionParameters
    ) -> tuple[RuleState, list[Finding]]:
        heard = dict(state["heard"])
        silent = dict(state["silent"])
        found: list[Finding] = []
        for device in sorted(context.home.devices, key=lambda device: not device.is_gateway):
            due = _due(device, heard, silent, parameters)
            if due is None or context.now < due:
                continue
            if device.gateway_id in silent:
                # Unknown, not silent: it gets a fresh interval, so that it is judged once its gateway is heard again.
                (silent if device.device_id in silent else heard)[device.device_id] = context.now.isoformat()
                continue
            silent[device.device_id] = context.now.isoformat()
            found.append(_gone(device, heard[device.device_id], context.now))
        return {**state, "heard": heard, "silent": silent}, found


def _begun(state: RuleState, context: Context) -> RuleState:
    """The first interval of what is new begins now."""
    new = dict.fromkeys(state["new"], context.now.isoformat())
    return {**state, "heard": {**state["heard"], **new}, "new": []}


def _heard_since(state: RuleState, tick: Tick) -> RuleState:
    """Our own outage is not a device's silence: nobody is judged by a time in which nothing could be heard."""
    if tick.listening_since is None:
        return state
    since = tick.listening_since.isoformat()
    heard = {
        key: at if datetime.fromisoformat(at) >= tick.listening_since else since for key, at in state["heard"].items()
    }
    return {**state, "heard": heard}


def _device(home: HomeProfile, device_id: str) -> DeviceProfile | None:
    return next((device for device in home.devices if device.device_id == device_id), None)


def _due(
    device: DeviceProfile, heard: Mapping[str, Any], silent: Mapping[str, Any], parameters: SupervisionParameters
) -> datetime | None:
    """When the device counts as silent, or is told of once more: a fault that nobody has mended is not forgotten."""
    last = as_time(heard.get(device.device_id))
    if last is None or device.expected_every is None:
        return None
    told = as_time(silent.get(device.device_id))
    return last + device.expected_every * parameters.intervals if told is None else told + parameters.silent_again_after


def _next_look(state: RuleState, home: HomeProfile, parameters: SupervisionParameters) -> datetime | None:
    return earliest(*(_due(device, state["heard"], state["silent"], parameters) for device in home.devices))


def _gone(device: DeviceProfile, last: str, now: datetime) -> Finding:
    what, what_zh = ("Gateway", "网关") if device.is_gateway else ("Device", "设备")
    return Finding(
        subject=device.device_id,
        device_id=device.device_id,
        severity=Severity.LOW,
        summary=f"{what} {device.device_id} has not been heard since {last[:16]}Z: its calls may not arrive.",
        summary_zh=f"{what_zh} {device.device_id} 自 {last[:16]}Z 起失去联系，呼救可能无法送达。",
        began_at=now,
    )


def _back(device_id: str, began_at: str, what: str, what_zh: str) -> Finding:
    return Finding(
        subject=device_id,
        device_id=device_id,
        severity=Severity.LOW,
        summary=f"{device_id} {what}.",
        summary_zh=f"{device_id} {what_zh}。",
        began_at=as_time(began_at),
        status=AlertStatus.RESOLVED,
    )


def _battery(
    weak: Mapping[str, Any], event: Reading, now: datetime, parameters: SupervisionParameters
) -> tuple[dict[str, Any], list[Finding]]:
    """Low opens an alert, good resolves it, and a battery that stays low is told again after a while."""
    kept = dict(weak)
    is_low, is_good = _battery_state(event, parameters)
    told_at = as_time(kept.get(event.device_id))
    finding = Finding(
        subject=f"{event.device_id}/battery",
        severity=Severity.LOW,
        summary=f"The battery of {event.device_id} is low: change it before it stops calling.",
        summary_zh=f"{event.device_id} 电池电量低，请在失效前更换。",
        cause=event,
        began_at=now,
    )
    if is_low and (told_at is None or now - told_at >= parameters.battery_again_after):
        kept[event.device_id] = now.isoformat()
        return kept, [finding]
    if is_good and told_at is not None:
        del kept[event.device_id]
        summary, summary_zh = f"The battery of {event.device_id} is good again.", f"{event.device_id} 电池已恢复。"
        return kept, [
            replace(finding, summary=summary, summary_zh=summary_zh, began_at=told_at, status=AlertStatus.RESOLVED)
        ]
    return kept, []


def _battery_state(event: Reading, parameters: SupervisionParameters) -> tuple[bool, bool]:
    if event.kind == Kind.BATTERY_LOW:
        return event.value is True, event.value is False
    if event.kind == Kind.BATTERY and isinstance(event.value, int | float):
        return event.value < parameters.battery_low_below, event.value >= parameters.battery_good_from
    return False, False
