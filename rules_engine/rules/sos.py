"""Rule `sos`: every press is an alert, at once, whatever else is going on. What belongs together is the case's affair.

A device that states its call as a level (`sos: true`, said again with every later message) has called once until it says
that it is over; whoever forgets it in between, ingest or its gateway, makes no second call of it. What the broker had kept
from before we heard the device is a call too: a person finds out whether it still stands.

In the weekly test mode the first press of each button is answered as a test; see `rules_engine/test_mode.py`.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from carebell.duration import Duration
from carebell.step import Next
from carebell.types import Alert, AlertStatus, Kind, Reading, Severity
from devices.binding import RELEASED
from rules_engine import test_mode
from rules_engine.place import device_of
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, as_time

LEVELS_KEPT = 64


class SosParameters(RuleParameters):
    """How a test of the buttons goes; `enabled: false` is refused by the rulebook."""

    test_for: Annotated[Duration, Field(le=timedelta(hours=1))] = timedelta(minutes=10)
    test_again_after: Annotated[Duration, Field(ge=timedelta(days=1))] = timedelta(days=5)


class SosRule:
    """A press opens an alert; `cleared` only writes that onto the time line of the last one."""

    name = "sos"
    hears = frozenset({Kind.SOS, Kind.TEST})

    def start(self) -> RuleState:
        return {"last": None, "testing": {}, "levels": []}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: SosParameters
    ) -> Next[RuleState, Alert]:
        if not isinstance(event, Reading):
            return Next(state)
        if event.kind == Kind.TEST:
            testing, test_for = state.get("testing", {}), parameters.test_for
            testing = test_mode.stated(testing, event, context, test_for, parameters.test_again_after)
            return Next({**state, "testing": testing})
        levels = state.get("levels", [])
        source = "/".join((event.device_id, event.sub_device, event.channel))
        if event.value == "cleared":
            state = {**state, "levels": [one for one in levels if one != source]}
            return Next(state) if event.note == RELEASED else self._cleared(state, event, context, parameters)
        if event.is_level and not event.is_test:
            if source in levels:
                return Next(state)
            state = {**state, "levels": [*levels, source][-LEVELS_KEPT:]}
        return self._pressed(state, event, context, parameters)

    def _pressed(
        self, state: RuleState, event: Reading, context: Context, parameters: SosParameters
    ) -> Next[RuleState, Alert]:
        testing = state.get("testing", {})
        testing, is_weekly = (testing, False) if event.is_test else test_mode.pressed(testing, event, context)
        is_test = event.is_test or is_weekly
        place, place_zh = (f" in the {event.place}", f"（{event.place}）") if event.place else ("", " ")
        summary = f"Call for help: button {event.device_id}{place} was pressed."
        summary_zh = f"呼救：按钮 {event.device_id}{place_zh}被按下。"
        if event.is_test:
            summary = f"Test: button {event.device_id}{place} works."
            summary_zh = f"测试：按钮 {event.device_id}{place_zh}工作正常。"
        elif is_weekly:
            summary = f"Weekly test: button {event.device_id}{place} works; pressed again it calls for help."
            summary_zh = f"每周测试：按钮 {event.device_id}{place_zh}工作正常；再次按下即为呼救。"
        elif event.retained:
            summary = (
                f"Call for help, kept by the broker, perhaps an old one: button {event.device_id}{place} was pressed."
            )
            summary_zh = f"呼救（由服务器保留，可能是较早的呼救）：按钮 {event.device_id}{place_zh}被按下。"
        finding = Finding(
            subject=event.id,
            severity=Severity.INFO if is_test else Severity.CRITICAL,
            summary=summary,
            summary_zh=summary_zh,
            cause=event,
            began_at=event.received_at,
            is_test=is_test,
        )
        alert = alert_of(finding, self.name, parameters, context)
        last = {
            "subject": event.id,
            "began_at": event.received_at.isoformat(),
            "is_test": is_test,
            "device": event.device_id,
        }
        return Next({**state, "last": last, "testing": testing}, (alert,))

    def _cleared(
        self, state: RuleState, event: Reading, context: Context, parameters: SosParameters
    ) -> Next[RuleState, Alert]:
        last = state["last"]
        if last is None or not _is_of(event, last.get("device", event.device_id), context):
            return Next(state)
        is_test = last.get("is_test", False)
        if event.is_test and not is_test:  # the end of a trial says nothing of a call
            return Next(state)
        finding = Finding(
            subject=last["subject"],
            severity=Severity.INFO if is_test else Severity.CRITICAL,
            summary=f"Button {event.device_id} says the call was cleared; a person still has to close it.",
            summary_zh=f"按钮 {event.device_id} 报告呼救已取消；仍须由人员结案。",
            cause=event,
            began_at=as_time(last["began_at"]),
            status=AlertStatus.RESOLVED,
            is_test=is_test,
        )
        return Next({**state, "last": None}, (alert_of(finding, self.name, parameters, context),))


def _is_of(event: Reading, device_id: str, context: Context) -> bool:
    """Another button that says again that it is at rest knows nothing of this call; a gateway speaks for the home."""
    device = device_of(context.home, event.device_id)
    return event.device_id == device_id or (device is not None and device.is_gateway)
