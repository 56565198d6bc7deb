"""Rule `hazard`: smoke, carbon monoxide, gas, heat or water is an alert at once, of the highest urgency.

    true ── an alert ── true again, within again_after: the same ── true again, later: told again ── false: resolved

Only people end the case. Whom to call stands in the policy; what to do in the meantime stands in the alert.
"""

from datetime import timedelta
from typing import NamedTuple

from carebell.duration import Duration
from carebell.step import Next
from carebell.types import Alert, AlertStatus, Kind, Reading, Severity
from rules_engine.place import place_of
from rules_engine.rule import AlwaysOn, Context, Finding, RuleEvent, RuleState, alert_of, at_ms, ms

MILLISECOND = timedelta(milliseconds=1)
EPISODES_KEPT = 64


class HazardParameters(AlwaysOn):
    """`again_after`: what is stated still or again after that is told again; some detectors never say that it is over."""

    budget: Duration = timedelta(seconds=1)
    again_after: Duration = timedelta(minutes=10)


class Words(NamedTuple):
    """What it is and what to do."""

    what: str
    what_zh: str
    to_do: str
    to_do_zh: str


_FIRE = ("leave the home, close the doors behind you, take no lift", "请立即离开，随手关门，勿乘电梯")
_WORDS: dict[str, Words] = {
    Kind.SMOKE: Words("Smoke", "烟雾报警", *_FIRE),
    Kind.HEAT: Words("Heat as of a fire", "高温报警", *_FIRE),
    Kind.CO: Words(
        "Carbon monoxide",
        "一氧化碳报警",
        "everybody out into fresh air at once, open the windows on the way",
        "请立即开窗并撤到室外空气新鲜处",
    ),
    Kind.GAS: Words(
        "Gas",
        "燃气泄漏报警",
        "leave the home; switch nothing on or off, light no flame, telephone from outside",
        "请立即离开；勿开关任何电器、勿用明火，到室外再打电话",
    ),
    Kind.WATER: Words(
        "Water",
        "漏水报警",
        "shut the main tap, touch nothing electric that is wet, mind the wet floor",
        "请关闭总水阀，勿触碰潮湿电器，小心地滑",
    ),
}


class HazardRule:
    """State: when each hazard that is not over was last told, in milliseconds, by detector and kind."""

    name = "hazard"
    hears = frozenset(_WORDS)

    def start(self) -> RuleState:
        return {"told": {}}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: HazardParameters
    ) -> Next[RuleState, Alert]:
        if not isinstance(event, Reading):
            return Next(state)
        # Detectors on one box are told apart, and a test says nothing of a fire.
        subject = "/".join(filter(None, (event.device_id, event.sub_device, event.channel, event.kind)))
        subject = f"{subject}/test" if event.is_test else subject
        told, at = state["told"].get(subject), ms(event.received_at)
        if event.value is False:
            if told is None:
                return Next(state)
            left = {key: one for key, one in state["told"].items() if key != subject}
            return Next({"told": left}, (self._alert(event, subject, told, context, parameters),))
        if told is not None and (event.retained or 0 <= at - told < parameters.again_after // MILLISECOND):
            return Next(state)
        # The latest comes last, so that the oldest is forgotten first.
        kept = [(key, one) for key, one in state["told"].items() if key != subject][-(EPISODES_KEPT - 1) :]
        following = {"told": dict([*kept, (subject, at)])}
        return Next(following, (self._alert(event, subject, at, context, parameters),))

    def _alert(self, event: Reading, subject: str, began: int, context: Context, parameters: HazardParameters) -> Alert:
        words, is_over = _WORDS[event.kind], event.value is False
        place = place_of(event, context.home)
        by, by_zh = (
            (f"{event.device_id} in the {place}", f"{event.device_id}（{place}）") if place else (event.device_id,) * 2
        )
        summary, summary_zh = (
            f"{words.what}, told by {by}: {words.to_do}.",
            f"{words.what_zh}：设备 {by_zh}。{words.to_do_zh}。",
        )
        if event.is_test:
            summary, summary_zh = f"Test: {by} tells of {words.what.lower()}.", f"测试：设备 {by_zh} {words.what_zh}。"
        if is_over:
            summary = f"{words.what}: {by} no longer tells of it; a person still has to look and to close it."
            summary_zh = f"{words.what_zh}：设备 {by_zh} 报告已恢复；仍须由人员查看并结案。"
        finding = Finding(
            subject=subject,
            severity=Severity.INFO if event.is_test else Severity.CRITICAL,
            summary=summary,
            summary_zh=summary_zh,
            cause=event,
            began_at=at_ms(began),
            status=AlertStatus.RESOLVED if is_over else AlertStatus.OPENED,
            is_test=event.is_test,
        )
        return alert_of(finding, self.name, parameters, context)
