"""Rule `sos`: every press is an alert, at once, whatever else is going on. What belongs together is the case's affair."""

from carebell.step import Next
from carebell.types import Alert, AlertStatus, Kind, Reading, Severity
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, as_time


class SosParameters(RuleParameters):
    """Nothing can be switched but the budget; `enabled: false` is refused by the rulebook."""


class SosRule:
    """A press opens an alert; `cleared` only writes that onto the time line of the last one."""

    name = "sos"
    hears = frozenset({Kind.SOS})

    def start(self) -> RuleState:
        return {"last": None}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: SosParameters
    ) -> Next[RuleState, Alert]:
        if not isinstance(event, Reading):
            return Next(state)
        if event.value == "cleared":
            return self._cleared(state, event, context, parameters)
        place, place_zh = (f" in the {event.place}", f"（{event.place}）") if event.place else ("", "")
        finding = Finding(
            subject=event.id,
            severity=Severity.INFO if event.is_test else Severity.CRITICAL,
            summary=f"Call for help: button {event.device_id}{place} was pressed.",
            summary_zh=f"呼救：按钮 {event.device_id}{place_zh}被按下。",
            cause=event,
            began_at=event.received_at,
            is_test=event.is_test,
        )
        alert = alert_of(finding, self.name, parameters, context)
        return Next({"last": {"subject": event.id, "began_at": event.received_at.isoformat()}}, (alert,))

    def _cleared(
        self, state: RuleState, event: Reading, context: Context, parameters: SosParameters
    ) -> Next[RuleState, Alert]:
        last = state["last"]
        if last is None:
            return Next(state)
        finding = Finding(
            subject=last["subject"],
            severity=Severity.CRITICAL,
            summary=f"Button {event.device_id} says the call was cleared; a person still has to close it.",
            summary_zh=f"按钮 {event.device_id} 报告呼救已取消；仍须由人员结案。",
            cause=event,
            began_at=as_time(last["began_at"]),
            status=AlertStatus.RESOLVED,
        )
        return Next({"last": None}, (alert_of(finding, self.name, parameters, context),))
