"""What a person reads when told of a case: short, in their language, with what to do."""

from dataclasses import dataclass, field

from pydantic import JsonValue

from carebell.types import Severity
from devices.confirm import Request
from notifier.case_value import Case, Purpose
from notifier.casebook import DeliveryRow
from notifier.confirmation import request_for
from notifier.escalation import HOME_CHANNEL
from notifier.person import reads_chinese


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one person on one channel. `key` is the same at every attempt: the far end can drop the second.

    `signal`: what a device of the home is to show, where it is there for that.
    """

    key: str
    to: str
    subject: str
    text: str
    data: dict[str, JsonValue] = field(default_factory=dict)
    signal: Request | None = None


_EN = {
    Purpose.CALL: ("Call for help: {where}", "{call}{what} Nobody has answered yet. Please answer at the desk: {link}"),
    Purpose.AGAIN: ("Called again: {where}", "{what} You accepted this case; the home has called again. {link}"),
    Purpose.REMINDER: ("How does it stand? {where}", "{what} Accepted by {who} and not closed yet. {link}"),
    Purpose.RECEIVED: ("Call received", "Your call was heard."),
    Purpose.COMING: ("Someone is coming", "{who} is coming."),
    Purpose.PRE_ALARM: ("A fall is suspected", "{what} People will be called unless you cancel."),
    Purpose.TEST_OK: ("Test", "The test call was heard."),
    Purpose.NOTE: ("For your attention: {where}", "{what} This is not urgent. More at the desk: {link}"),
}
_ZH = {
    Purpose.CALL: ("呼救：{where}", "{call}{what}尚无人应答，请在值班台应答：{link}"),
    Purpose.AGAIN: ("再次呼救：{where}", "{what}该事件已由您受理，老人再次呼叫。{link}"),
    Purpose.REMINDER: ("请更新进展：{where}", "{what}已由{who}受理，尚未结案。{link}"),
    Purpose.RECEIVED: ("呼叫已收到", "您的呼叫已收到。"),
    Purpose.COMING: ("有人正在赶来", "{who}正在赶来。"),
    Purpose.PRE_ALARM: ("疑似跌倒", "{what}如不取消，将通知相关人员。"),
    Purpose.TEST_OK: ("测试", "测试呼叫已收到。"),
    Purpose.NOTE: ("请留意：{where}", "{what}并非紧急情况，详情见值班台：{link}"),
}


def compose(case: Case, delivery: DeliveryRow, desk_url: str) -> Outgoing:
    """The message of a delivery."""
    is_chinese = reads_chinese(delivery.language)
    subject, text = (_ZH if is_chinese else _EN)[_kind_of(case, delivery)]
    until = case.waits_until(delivery.source_id)
    words = {
        "call": _number_first(case.policy.call, is_chinese),
        "where": " · ".join(part for part in (case.label or case.home_id, case.address) if part),
        "what": _what(case, delivery, is_chinese),
        "who": case.accepted_by,
        "link": f"{desk_url}/#case/{case.id}",
    }
    return Outgoing(
        key=delivery.id,
        to=delivery.to,
        # one line, whatever people wrote into a label or an address
        subject=" ".join(subject.format(**words).split()),
        text=text.format(**words),
        signal=_signal(case, delivery),
        data={
            "delivery_id": delivery.id,
            "case_id": case.id,
            "home_id": case.home_id,
            "step": delivery.step,
            "round": delivery.round,
            "purpose": delivery.purpose.value,
            "person_id": delivery.person_id,
            "role": delivery.role,
            "severity": case.severity.value,
            "summary": case.summary,
            "summary_zh": case.summary_zh,
            "opened_at": case.opened_at.isoformat(),
            "who": case.accepted_by,
            "source_id": delivery.source_id,
            "call": case.policy.call,
            "until": "" if until is None else until.isoformat(),
        },
    )


def _signal(case: Case, delivery: DeliveryRow) -> Request | None:
    """A device that called and speaks natively is answered under its own id of the message, not signalled."""
    if delivery.channel != HOME_CHANNEL or delivery.source_id:
        return None
    return request_for(case, delivery.to, delivery.purpose, delivery.id, delivery.created_at)


def _what(case: Case, delivery: DeliveryRow, is_chinese: bool) -> str:
    if delivery.purpose is Purpose.NOTE:
        return delivery.why
    return (is_chinese and case.summary_zh) or case.summary


def _kind_of(case: Case, delivery: DeliveryRow) -> Purpose:
    """A weak battery is no call for help."""
    is_calm = delivery.purpose is Purpose.CALL and case.severity.rank < Severity.HIGH.rank
    return Purpose.NOTE if is_calm else delivery.purpose


def _number_first(number: str, is_chinese: bool) -> str:
    if not number:
        return ""
    return f"请先拨打{number}。" if is_chinese else f"Call {number} first. "
